//! The cancel of a task: where it ends, what runs then, what holds it back, and that it is one
//! event, however often it is asked for.
//!
//! Mirrors asyncio's `test_tasks` and `test_taskgroups` (cancel, cancel during clean-up, shield),
//! trio's `test_run` (cancelled before the start, shields, locals destroyed promptly) and tokio's
//! `task_abort`.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use annulus::sync::{Notify, oneshot};
use annulus::task::{self, defer, shield};
use annulus::time::{sleep, timeout};
use annulus::{Handle, spawn, yield_now};

use super::support::{Log, OnDrop, run, yields};

const HOUR: Duration = Duration::from_secs(3600);

fn counters() -> (u64, u64) {
    let metrics = Handle::current().metrics().expect("a loop");
    (metrics.tasks_cancelled, metrics.tasks_aborted)
}

#[test]
fn a_task_that_is_cancelled_before_its_first_poll_is_never_polled() {
    run(async {
        let (dropped, held) = OnDrop::new();
        let polled = Rc::new(Cell::new(false));
        let note = Rc::clone(&polled);
        let task = spawn(async move {
            let _held = held;
            note.set(true);
        });
        task.cancel();
        assert_eq!(dropped.get(), 0, "it ends when it would have been polled, not in `cancel`");
        assert!(task.await.expect_err("cancelled").is_cancelled());
        assert_eq!((polled.get(), dropped.get()), (false, 1));
    });
}

#[test]
fn what_a_cancelled_task_holds_is_dropped_before_its_join_ends() {
    run(async {
        let (dropped, held) = OnDrop::new();
        let task = spawn(async move {
            let _held = held;
            sleep(HOUR).await;
        });
        yield_now().await;
        let before = Handle::current().metrics().expect("a loop").timers_standing;
        task.cancel();
        assert!(task.await.expect_err("cancelled").is_cancelled());
        assert_eq!(dropped.get(), 1);
        let after = Handle::current().metrics().expect("a loop").timers_standing;
        assert_eq!((before, after), (1, 0), "its timer is gone with it");
    });
}

#[test]
fn a_task_that_ends_by_itself_in_time_keeps_its_value() {
    run(async {
        let task = spawn(async { 5 });
        yield_now().await;
        assert!(task.is_finished());
        task.cancel();
        task.abort();
        assert_eq!(task.await.expect("the value"), 5);
        assert_eq!(counters(), (0, 0), "there was nothing to cancel");
    });
}

#[test]
fn a_second_cancel_is_none() {
    run(async {
        let log = Log::default();
        let own = log.clone();
        let task = spawn(async move {
            defer(async move {
                own.push("begun");
                yields(3).await;
                own.push("ended");
            });
            pending::<()>().await;
        });
        yield_now().await;
        for _ in 0..3 {
            task.cancel();
            yield_now().await;
        }
        assert!(task.await.expect_err("cancelled").is_cancelled());
        assert_eq!(log.take(), ["begun", "ended"]);
        assert_eq!(counters(), (1, 0));
    });
}

#[test]
fn a_cancel_during_clean_up_does_not_end_it_and_an_abort_does() {
    run(async {
        for abort in [false, true] {
            let (dropped, held) = OnDrop::new();
            let done = Rc::new(Cell::new(0));
            let (first, last) = (Rc::clone(&done), Rc::clone(&done));
            let task = spawn(async move {
                defer(async move { last.set(last.get() + 1) });
                defer(async move {
                    let _held = held;
                    assert!(task::is_cancelled());
                    yields(4).await;
                    first.set(first.get() + 1);
                });
                pending::<()>().await;
            });
            yield_now().await;
            task.cancel();
            yields(2).await;
            match abort {
                false => task.cancel(),
                true => task.abort(),
            }
            assert!(task.await.expect_err("cancelled").is_cancelled());
            assert_eq!(done.get(), if abort { 0 } else { 2 });
            assert_eq!(dropped.get(), 1, "what is skipped is dropped");
        }
    });
}

#[test]
fn a_cancel_of_a_task_that_cleans_up_after_its_own_end_leaves_its_value() {
    run(async {
        for abort in [false, true] {
            let task = spawn(async {
                defer(yields(5));
                7
            });
            yields(2).await;
            assert!(!task.is_finished());
            match abort {
                false => task.cancel(),
                true => task.abort(),
            }
            assert_eq!(task.await.expect("what the future gave"), 7);
        }
    });
}

#[test]
fn a_task_may_cancel_itself_and_ends_at_its_next_await() {
    run(async {
        let (sender, handle) = oneshot::channel::<task::AbortHandle>();
        let log = Log::default();
        let own = log.clone();
        let task = spawn(async move {
            let me = handle.await.expect("sent");
            me.cancel();
            assert!(task::is_cancelled());
            own.push("goes on to its next await");
            yield_now().await;
            own.push("never");
        });
        sender.send(task.abort_handle()).expect("it waits");
        assert!(task.await.expect_err("cancelled").is_cancelled());
        assert_eq!(log.take(), ["goes on to its next await"]);

        let (sender, handle) = oneshot::channel::<task::AbortHandle>();
        let task = spawn(async move {
            handle.await.expect("sent").cancel();
            "no await left"
        });
        sender.send(task.abort_handle()).expect("it waits");
        assert_eq!(task.await.expect("it ended first"), "no await left");
    });
}

#[test]
fn tasks_may_cancel_each_other() {
    run(async {
        let handles = Rc::new(std::cell::RefCell::new(Vec::<task::AbortHandle>::new()));
        let start = Rc::new(Notify::new());
        let one = |other: usize| {
            let (handles, start) = (Rc::clone(&handles), Rc::clone(&start));
            spawn(async move {
                start.notified().await;
                handles.borrow()[other].cancel();
                yield_now().await;
            })
        };
        let tasks = [one(1), one(0)];
        handles.borrow_mut().extend(tasks.iter().map(task::JoinHandle::abort_handle));
        yield_now().await;
        start.notify_waiters();
        let [a, b] = tasks;
        let ends = (a.await.is_err(), b.await.is_err());
        // The first is polled first and goes on to its await; the other is cancelled before.
        assert_eq!(ends, (false, true));
    });
}

#[test]
fn a_joiner_that_is_cancelled_leaves_what_it_joins_alone() {
    run(async {
        let inner = spawn(yields(5));
        let inner_id = inner.abort_handle();
        let outer = spawn(async move { inner.await.expect("the inner task") });
        yields(2).await;
        outer.cancel();
        assert!(outer.await.expect_err("cancelled").is_cancelled());
        assert!(!inner_id.is_finished(), "its handle was dropped, which detaches");
        yields(5).await;
        assert!(inner_id.is_finished());
        assert_eq!(counters(), (1, 0));
    });
}

#[test]
fn a_panic_during_the_drop_of_a_cancelled_future_is_nobodys() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }
    run(async {
        let cleaned = Rc::new(Cell::new(false));
        let note = Rc::clone(&cleaned);
        let task = spawn(async move {
            defer(async move { note.set(true) });
            let _panics = Panics;
            pending::<()>().await;
        });
        yield_now().await;
        task.cancel();
        assert!(task.await.expect_err("cancelled").is_cancelled());
        assert!(cleaned.get());
    });
}

#[test]
fn shields_nest_and_the_outermost_lets_go() {
    run(async {
        let log = Log::default();
        let own = log.clone();
        let task = spawn(async move {
            shield(async {
                shield(yields(2)).await;
                own.push("the inner is done");
                yields(2).await;
                own.push("the outer is done");
            })
            .await;
            own.push("on to the next await");
            yield_now().await;
            own.push("never");
        });
        yield_now().await;
        task.cancel();
        assert!(task.await.expect_err("cancelled").is_cancelled());
        let all = ["the inner is done", "the outer is done", "on to the next await"];
        assert_eq!(log.take(), all);
    });
}

#[test]
fn a_shield_that_is_dropped_before_its_end_lets_go() {
    run(async {
        let task = spawn(async {
            let shielded = shield(pending::<()>());
            assert!(timeout(Duration::from_millis(1), shielded).await.is_err());
            pending::<()>().await;
        });
        yield_now().await;
        task.cancel();
        assert!(task.await.expect_err("cancelled").is_cancelled());
    });
}

#[test]
fn a_shield_that_was_not_polled_yet_holds_nothing_back() {
    run(async {
        let task = spawn(async {
            let _later = shield(pending::<()>());
            pending::<()>().await;
        });
        yield_now().await;
        task.cancel();
        assert!(task.await.expect_err("cancelled").is_cancelled());
    });
}

#[test]
fn an_abort_goes_through_a_shield() {
    run(async {
        let (dropped, held) = OnDrop::new();
        let task = spawn(shield(async move {
            let _held = held;
            pending::<()>().await;
        }));
        yield_now().await;
        task.cancel();
        yields(2).await;
        assert!(!task.is_finished());
        task.abort();
        assert!(task.await.expect_err("cancelled").is_cancelled());
        assert_eq!(dropped.get(), 1);
        assert_eq!(counters(), (1, 1));
    });
}

#[test]
fn who_waits_for_a_cancel_behind_a_shield_is_woken_by_it_wherever_it_waits() {
    run(async {
        let task = spawn(shield(async {
            assert!(!task::is_cancelled());
            let waits = (0..40).map(|_| task::cancelled());
            annulus::join!(task::cancelled(), task::join_all(waits));
            assert!(task::is_cancelled());
            task::cancelled().await; // at once
        }));
        yields(2).await;
        assert!(!task.is_finished());
        task.cancel();
        // The shield was the whole task: it had its value before the cancel could end it.
        task.await.expect("it ended by itself");
    });
}

#[test]
fn outside_a_task_nobody_is_cancelled() {
    assert!(!task::is_cancelled());
    run(async {
        assert!(!task::is_cancelled());
        assert!(timeout(Duration::from_millis(1), task::cancelled()).await.is_err());
    });
}
