//! The kernel's worker threads, which some operations need: no more than were allowed.

use std::time::Duration;

use annulus::fs::File;
use annulus::{Builder, op, spawn};

use crate::common::bound::bound_loop;
use crate::common::child::Child;
use crate::named_pipe::make_fifo;
use crate::temp::TempDir;

/// The kernel's workers of this process.
fn workers() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("/proc");
    let names = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")));
    names.filter(|name| name.as_ref().is_ok_and(|name| name.starts_with("iou-wrk"))).count()
}

#[test]
fn operations_that_hold_workers_get_no_more_than_were_allowed() {
    const ALLOWED: u32 = 3;
    Child::of(concat!(
        module_path!(),
        "::operations_that_hold_workers_get_no_more_than_were_allowed"
    ))
    .run(|| {
        let runtime = Builder::new().iowq_max_workers(ALLOWED).build().unwrap();
        let _bound = bound_loop(&runtime);
        let dir = TempDir::new();
        let fifo = make_fifo(&dir);
        runtime.block_on(async {
            // Each waits on a worker, for a reader that does not come.
            let opens = (0..100).map(|_| {
                let open = File::options().write(true).open(&fifo);
                spawn(async move { open.await.map(drop) })
            });
            let opens: Vec<_> = opens.collect();
            let mut most = 0;
            while most == 0 {
                op::nop().await.unwrap();
                most = workers();
            }
            for _ in 0..200 {
                op::nop().await.unwrap();
                std::thread::yield_now();
                most = most.max(workers());
            }
            // So many of each of the kernel's two kinds.
            assert!(most <= 2 * ALLOWED as usize, "{most} workers");
            assert!(opens.iter().all(|open| !open.is_finished()));
        });
        assert_eq!(runtime.shutdown_timeout(Duration::from_secs(60)), 0);
        // Without the limit there are more, or this would show nothing.
        let runtime = Builder::new().iowq_max_workers(50).build().unwrap();
        runtime.block_on(async {
            for _ in 0..100 {
                let open = File::options().write(true).open(&fifo);
                spawn(async move { open.await.map(drop) }).detach();
            }
            while workers() <= 2 * ALLOWED as usize {
                op::nop().await.unwrap();
            }
        });
        assert_eq!(runtime.shutdown_timeout(Duration::from_secs(60)), 0);
    });
}
