//! What a turn takes before tasks run.

use std::io::Write;

use annulus::Builder;

use crate::common::bound::bound_loop;
use crate::common::metrics;
use crate::common::net::half_pair;

#[test]
fn all_that_is_ready_is_there_before_the_first_task_runs() {
    const READS: u64 = 100;
    let runtime = Builder::new().build().unwrap();
    let _bound = bound_loop(&runtime);
    runtime.block_on(async {
        let (near, far): (Vec<_>, Vec<_>) = (0..READS).map(|_| half_pair()).unzip();
        let reads: Vec<_> = near
            .into_iter()
            .map(|near| {
                annulus::spawn(async move {
                    assert_eq!(near.read(vec![0; 1]).await.0.unwrap(), 1);
                    metrics::here().ops_completed
                })
            })
            .collect();
        // Each read is in flight, and waits for the kernel to say that there is something.
        annulus::op::nop().await.unwrap();
        let before = metrics::here().ops_completed;
        far.iter().for_each(|mut far| far.write_all(b"x").unwrap());
        for read in reads {
            assert_eq!(read.await.unwrap() - before, READS);
        }
    });
}

#[test]
fn a_loop_that_has_nothing_to_do_makes_no_system_call() {
    let runtime = Builder::new().build().unwrap();
    let _bound = bound_loop(&runtime);
    runtime.block_on(async {
        let (idle, _far): (Vec<_>, Vec<_>) = (0..50).map(|_| half_pair()).unzip();
        for stream in idle {
            annulus::spawn(async move { stream.recv().await.map(drop) }).detach();
        }
        annulus::op::nop().await.unwrap();
        let before = metrics::here().enters;
        annulus::time::sleep(std::time::Duration::from_millis(100)).await;
        let made = metrics::here().enters - before;
        // To fall asleep, and to wake for the timer, which may take two tries.
        assert!(made <= 4, "{made} system calls in a tenth of a second without work");
    });
}
