//! Files.

use std::path::PathBuf;

use annulus::BufResult;
use annulus::buf::{IoBuf, IoBufMut};
use annulus::fs::File;
use annulus_bench_kit::files::{self, Blocks, Page};
use annulus_bench_kit::{Job, Outcome, Results, Stopwatch, Work};
use bytes::buf::UninitSlice;

pub fn works() -> [Work; 4] {
    [
        Work::once("file-reads", &["own"], reads),
        Work::once("file-copy", &["own"], copy),
        Work::once("small-files", &["own"], small_files),
        Work::once("appends", &["own"], appends),
    ]
}

/// A page as a buffer.
struct Aligned {
    page: Box<Page>,
    filled: usize,
}

impl Aligned {
    fn new() -> Self {
        Aligned { page: Page::boxed(), filled: 0 }
    }
}

impl IoBuf for Aligned {
    fn as_init(&self) -> &[u8] {
        &self.page.0[..self.filled]
    }
}

impl IoBufMut for Aligned {
    fn as_uninit(&mut self) -> &mut UninitSlice {
        UninitSlice::new(&mut self.page.0)
    }

    unsafe fn set_init(&mut self, len: usize) {
        self.filled = self.filled.max(len);
    }
}

/// Random blocks, `depth` tasks with one read each in flight.
fn reads(job: Job) -> Outcome<Results> {
    let path = files::data(&job)?;
    let (operations, depth) = (job.number("operations", 100_000), job.number("depth", 1));
    let direct = job.number("direct", 0) == 1;
    let cost = annulus::run(async move {
        let file = File::options().read(true).direct(direct).open(&path).await?;
        let file = std::rc::Rc::new(file);
        let watch = Stopwatch::start();
        let tasks: Vec<_> = (0..depth)
            .map(|task| annulus::spawn(read_blocks(file.clone(), task, operations / depth)))
            .collect();
        for task in tasks {
            task.await.expect("the task")?;
        }
        std::io::Result::Ok(watch.stop())
    })??;
    Ok(Results::of(operations / depth * depth, cost))
}

async fn read_blocks(file: std::rc::Rc<File>, seed: u64, count: u64) -> std::io::Result<()> {
    let mut blocks = Blocks::from_seed(seed);
    let mut buf = Aligned::new();
    for _ in 0..count {
        let (number, at) = blocks.draw();
        buf.filled = 0;
        let BufResult(read, back) = file.read_at(buf, at).await;
        read?;
        assert!(files::is_block(back.as_init(), number), "block {number}");
        buf = back;
    }
    Ok(())
}

fn copy(job: Job) -> Outcome<Results> {
    let (from, to) = (files::data(&job)?, files::directory(&job).join("copy-annulus"));
    let watch = Stopwatch::start();
    annulus::run(annulus::fs::copy(from, to.clone()))??;
    let cost = watch.stop();
    std::fs::remove_file(to)?;
    Ok(Results::of(files::BLOCKS / 256, cost))
}

/// Opens, asks, reads and closes small files, `depth` at a time.
fn small_files(job: Job) -> Outcome<Results> {
    let paths = files::small_files(&job)?;
    let (operations, depth) = (job.number("operations", 20_000), job.number("depth", 1));
    let cost = annulus::run(async move {
        let watch = Stopwatch::start();
        let tasks: Vec<_> = (0..depth)
            .map(|task| {
                let paths: Vec<_> =
                    paths.iter().skip(task as usize).step_by(depth as usize).cloned().collect();
                annulus::spawn(visit(paths, operations / depth))
            })
            .collect();
        for task in tasks {
            task.await.expect("the task")?;
        }
        std::io::Result::Ok(watch.stop())
    })??;
    Ok(Results::of(operations / depth * depth, cost))
}

async fn visit(paths: Vec<PathBuf>, count: u64) -> std::io::Result<()> {
    let mut buf = Vec::with_capacity(files::SMALL);
    for path in paths.iter().cycle().take(count as usize) {
        let file = File::open(path).await?;
        assert_eq!(file.metadata().await?.len(), files::SMALL as u64);
        buf.clear();
        let BufResult(read, back) = file.read_at(buf, 0).await;
        assert_eq!(read?, files::SMALL);
        buf = back;
        file.close().await?;
    }
    Ok(())
}

/// Blocks that are on the disk before the next is written.
fn appends(job: Job) -> Outcome<Results> {
    let path = files::directory(&job).join("log-annulus");
    let operations = job.number("operations", 200);
    let cost = annulus::run(async {
        let file = File::create(&path).await?;
        let watch = Stopwatch::start();
        let mut block = vec![7; files::BLOCK];
        for number in 0..operations {
            let at = number * files::BLOCK as u64;
            let BufResult(written, back) = file.write_all_at(block, at).await;
            written?;
            block = back;
            file.sync_data().await?;
        }
        std::io::Result::Ok(watch.stop())
    })??;
    std::fs::remove_file(path)?;
    Ok(Results::of(operations, cost))
}
