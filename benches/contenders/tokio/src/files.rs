//! Files: system calls on the runtime's threads for what blocks.

use std::fs::OpenOptions;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::Arc;

use annulus_bench_kit::files::{self, Blocks, Page};
use annulus_bench_kit::{Job, Outcome, Results, Stopwatch, Work};
use tokio::task::{spawn, spawn_blocking};

pub fn works() -> [Work; 1] {
    [Work::once("file-reads", &["blocking"], reads)]
}

fn reads(job: Job) -> Outcome<Results> {
    let path = files::data(&job)?;
    let (operations, depth) = (job.number("operations", 100_000), job.number("depth", 1));
    let flags = if job.number("direct", 0) == 1 { libc::O_DIRECT } else { 0 };
    let file = Arc::new(OpenOptions::new().read(true).custom_flags(flags).open(path)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let cost = runtime.block_on(async move {
        let watch = Stopwatch::start();
        let task = |seed| {
            let file = Arc::clone(&file);
            spawn(async move {
                let (mut blocks, mut page) = (Blocks::from_seed(seed), Page::boxed());
                for _ in 0..operations / depth {
                    let (number, at) = blocks.draw();
                    let file = Arc::clone(&file);
                    let read =
                        spawn_blocking(move || file.read_exact_at(&mut page.0, at).map(|()| page));
                    page = read.await.expect("the job")?;
                    assert!(files::is_block(&page.0, number), "block {number}");
                }
                std::io::Result::Ok(())
            })
        };
        let tasks: Vec<_> = (0..depth).map(task).collect();
        for task in tasks {
            task.await.expect("the task")?;
        }
        std::io::Result::Ok(watch.stop())
    })?;
    Ok(Results::of(operations / depth * depth, cost))
}
