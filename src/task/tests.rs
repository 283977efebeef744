//! Tasks on a loop without a ring: what their memory goes through from spawn to join, for Miri.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::testing::run_alone;
use super::{
    CancellationToken, JoinSet, TaskGroup, defer, join_all, shield, spawn, unconstrained, yield_now,
};
use crate::time::sleep;

#[test]
fn outputs_of_every_size_come_through_their_joins() {
    run_alone(async {
        let small = spawn(async { 1u8 });
        let large = spawn(async {
            yield_now().await;
            [7u64; 400]
        });
        let boxed = spawn(async { Box::new(String::from("text")) });
        let nothing = spawn(async {});
        assert_eq!(large.await.unwrap(), [7; 400]);
        assert_eq!(*boxed.await.unwrap(), "text");
        assert_eq!((small.await.unwrap(), nothing.await.unwrap()), (1, ()));
    });
}

#[test]
fn an_output_that_nobody_takes_is_dropped_once() {
    let token = Rc::new(());
    let (first, second, third) = (token.clone(), token.clone(), token.clone());
    run_alone(async {
        drop(spawn(async move { first }));
        let late = spawn(async move { second });
        let held = spawn(async move {
            pending::<()>().await;
            third
        });
        yield_now().await;
        yield_now().await;
        drop(late);
        held.detach();
    });
    assert_eq!(Rc::strong_count(&token), 1);
}

#[test]
fn a_panic_comes_through_the_join_and_its_task_is_gone() {
    let token = Rc::new(());
    let held = token.clone();
    run_alone(async {
        let task = spawn(async move {
            let _held = held;
            yield_now().await;
            panic!("on purpose");
        });
        let error = task.await.expect_err("it panicked");
        assert_eq!(error.into_panic().downcast_ref(), Some(&"on purpose"));
    });
    assert_eq!(Rc::strong_count(&token), 1);
}

#[test]
fn a_cancel_runs_what_was_deferred_behind_a_shield_and_an_abort_does_not() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let spawn_one = |name: &'static str| {
        let log = log.clone();
        spawn(async move {
            let behind = log.clone();
            let _last = defer(async move {
                yield_now().await;
                behind.borrow_mut().push((name, "cleaned up"));
            });
            shield(async {
                yield_now().await;
                log.borrow_mut().push((name, "shielded"));
            })
            .await;
            pending::<()>().await;
        })
    };
    run_alone(async {
        let (cancelled, aborted) = (spawn_one("cancelled"), spawn_one("aborted"));
        yield_now().await;
        cancelled.cancel();
        aborted.abort();
        assert!(cancelled.await.unwrap_err().is_cancelled());
        assert!(aborted.await.is_err());
    });
    assert_eq!(*log.borrow(), [("cancelled", "shielded"), ("cancelled", "cleaned up")]);
}

#[test]
fn a_group_ends_its_children_and_a_set_gives_what_ended() {
    run_alone(async {
        let dropped = Rc::new(Cell::new(0));
        let outcome = TaskGroup::scope(async |group: TaskGroup<&str>| {
            for _ in 0..3 {
                let dropped = dropped.clone();
                let _child = group.spawn(async move {
                    let _counted = OnDrop(|| dropped.set(dropped.get() + 1));
                    pending::<Result<(), _>>().await
                });
            }
            let _last = group.spawn(async {
                yield_now().await;
                Err::<(), _>("failed")
            });
            pending::<Result<(), _>>().await
        });
        assert!(outcome.await.is_err());
        assert_eq!(dropped.get(), 3);

        let mut set = JoinSet::new();
        for number in 0..4 {
            set.spawn(async move { vec![number; 3] });
        }
        set.spawn(pending());
        for number in 0..4 {
            assert_eq!(set.join_next().await.unwrap().unwrap(), [number; 3]);
        }
        drop(set);
        assert_eq!(join_all((0..3).map(async |number| number)).await, [0, 1, 2]);
    });
}

struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn a_waker_that_outlives_its_task_wakes_nobody_also_on_another_thread() {
    run_alone(async {
        let kept = Rc::new(RefCell::new(Waker::noop().clone()));
        let keeper = kept.clone();
        spawn(poll_fn(move |cx| {
            keeper.replace(cx.waker().clone());
            Poll::Ready(())
        }))
        .await
        .unwrap();
        let stale = kept.borrow().clone();
        let next = spawn(async { 5 });
        std::thread::spawn(move || stale.wake()).join().unwrap();
        assert_eq!(next.await.unwrap(), 5);
    });
}

#[test]
fn a_token_that_another_thread_cancels_wakes_the_task_that_waits() {
    run_alone(async {
        let token = CancellationToken::new();
        let (child, other) = (token.child_token(), token.clone());
        let waits = spawn(async move { child.cancelled().await });
        yield_now().await;
        let thread = std::thread::spawn(move || other.cancel());
        waits.await.unwrap();
        thread.join().unwrap();
    });
}

#[test]
fn a_handle_that_is_dropped_on_another_thread_detaches_its_task() {
    let token = Rc::new(());
    let held = token.clone();
    run_alone(async {
        let task = spawn(async move {
            let _held = held;
            yield_now().await;
        });
        let abort = task.abort_handle();
        std::thread::spawn(move || drop((abort, task))).join().unwrap();
        unconstrained(async { sleep(Duration::from_nanos(1)).await }).await;
    });
    assert_eq!(Rc::strong_count(&token), 1);
}
