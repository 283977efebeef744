//! Blocking work.

use std::sync::mpsc;
use std::time::Duration;

use annulus::{Builder, spawn_blocking};

use super::{Cost, marked_costs};

/// What handing a closure over costs the loop, while the pool's only thread is at work and need not
/// be called.
pub(crate) fn submits(rounds: u64) -> Cost {
    let runtime = Builder::new().max_blocking_threads(1).build().expect("a loop");
    runtime.block_on(async move {
        let (open, gate) = mpsc::channel::<()>();
        let (tell, begun) = mpsc::channel::<()>();
        let holder = spawn_blocking(move || {
            tell.send(()).expect("the loop");
            gate.recv().expect("the loop");
            0
        });
        begun.recv().expect("the thread");
        let mut handles = Vec::with_capacity(rounds as usize);
        let took = marked_costs(|| {
            for round in 0..rounds {
                handles.push(spawn_blocking(move || std::hint::black_box(round)));
            }
        });
        open.send(()).expect("the thread");
        // Valgrind lets no other thread run while a loop waits in its ring.
        while !handles.iter().all(|handle| handle.is_finished()) {
            std::thread::sleep(Duration::from_millis(1));
        }
        for handle in handles.into_iter().chain([holder]) {
            handle.await.expect("the job");
        }
        took
    })
}
