//! Reads by a pool of threads, as runtimes without file operations make them: `depth` at a time.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use annulus_bench_kit::files::{self, Blocks, Page};
use annulus_bench_kit::{Job, Outcome, Results, Stopwatch};

/// A block to read, and its memory.
type Request = (u64, u64, Box<Page>);

pub fn reads(job: &Job, file: File, operations: u64, threads: usize) -> Outcome<Results> {
    let depth = job.number("depth", 1).min(operations);
    let (ask, asked) = mpsc::channel::<Request>();
    let (tell, told) = mpsc::channel();
    let (asked, file) = (Arc::new(Mutex::new(asked)), Arc::new(file));
    for _ in 0..threads {
        let (asked, tell, file) = (Arc::clone(&asked), tell.clone(), Arc::clone(&file));
        thread::spawn(move || {
            loop {
                let request = asked.lock().expect("no reader panics").recv();
                let Ok((number, at, mut page)) = request else { return };
                let read = file.read_exact_at(&mut page.0, at);
                assert!(read.is_ok() && files::is_block(&page.0, number), "block {number}");
                if tell.send(page).is_err() {
                    return;
                }
            }
        });
    }
    drop(tell);
    let mut blocks = Blocks::from_seed(0);
    let watch = Stopwatch::start();
    for _ in 0..depth {
        let (number, at) = blocks.draw();
        ask.send((number, at, Page::boxed()))?;
    }
    for _ in depth..operations {
        let page = told.recv()?;
        let (number, at) = blocks.draw();
        ask.send((number, at, page))?;
    }
    for _ in 0..depth {
        told.recv()?;
    }
    Ok(Results::of(operations, watch.stop()))
}
