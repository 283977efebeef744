//! Giving way now and then, and not having to.

use std::cell::Cell;
use std::rc::Rc;

use annulus::spawn;
use annulus::task::{consume_budget, unconstrained};

use super::support::{poll, run, yields};

/// How often another task was polled while `future` ran.
async fn polls_beside<F: Future>(future: F) -> (F::Output, usize) {
    let (polls, is_over) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
    let (count, stop) = (Rc::clone(&polls), Rc::clone(&is_over));
    let beside = spawn(async move {
        while !stop.get() {
            count.set(count.get() + 1);
            annulus::yield_now().await;
        }
    });
    yields(1).await;
    let before = polls.get();
    let output = future.await;
    let after = polls.get();
    is_over.set(true);
    beside.await.expect("the other task");
    (output, after - before)
}

async fn consume(times: usize) {
    for _ in 0..times {
        consume_budget().await;
    }
}

#[test]
fn a_loop_that_consumes_its_budget_gives_way_in_a_task_and_in_the_root() {
    run(async {
        let ((), beside) = polls_beside(consume(100)).await;
        assert_eq!(beside, 0, "what is left of one poll suffices");
        let ((), beside) = polls_beside(consume(1280)).await;
        assert!((9..=11).contains(&beside), "in the root: {beside}");
        let ((), beside) = polls_beside(async { spawn(consume(1280)).await.expect("it") }).await;
        assert!((9..=12).contains(&beside), "in a task: {beside}");
    });
}

#[test]
fn each_poll_begins_with_a_full_budget() {
    run(async {
        let ((), beside) = polls_beside(async {
            for _ in 0..10 {
                consume(100).await;
                annulus::yield_now().await;
            }
        })
        .await;
        assert!((10..=11).contains(&beside), "the yields and nothing else: {beside}");
    });
}

#[test]
fn also_each_poll_of_a_root_that_is_alone() {
    run(async {
        for _ in 0..10 {
            for unit in 0..128 {
                assert!(poll(&mut consume_budget()).is_ready(), "{unit}");
            }
            assert!(poll(&mut consume_budget()).is_pending());
            annulus::yield_now().await;
        }
    });
}

#[test]
fn what_is_unconstrained_does_not_give_way_and_what_comes_after_does() {
    run(async {
        let ((), beside) = polls_beside(unconstrained(consume(10_000))).await;
        assert_eq!(beside, 0);
        let nested = unconstrained(async {
            unconstrained(consume(1000)).await;
            consume(1000).await;
        });
        assert_eq!(polls_beside(nested).await.1, 0);
        assert!(polls_beside(consume(1280)).await.1 >= 9);
        let panics = spawn(unconstrained(async { panic!("on purpose") }));
        assert!(panics.await.expect_err("it panicked").is_panic());
        assert!(polls_beside(consume(1280)).await.1 >= 9, "also a panic ends it");
    });
}

#[test]
fn it_may_be_awaited_outside_a_loop() {
    let mut consume = consume_budget();
    assert!(poll(&mut consume).is_ready());
}

#[test]
fn a_full_channel_from_another_thread_does_not_hold_the_loop() {
    run(async {
        let (sender, mut receiver) = annulus::sync::cross::mpsc::unbounded_channel();
        for n in 0..1280_u32 {
            sender.send(n).expect("the receiver is there");
        }
        drop(sender);
        let (sum, beside) = polls_beside(async {
            let mut sum = 0;
            while let Some(n) = receiver.recv().await {
                sum += n;
            }
            sum
        })
        .await;
        assert_eq!(sum, 1280 * 1279 / 2, "nothing lost, nothing doubled");
        assert!(beside >= 9, "{beside}");
    });
}
