//! `CancellationToken`: the semantics that tokio-util's `sync_cancellation_token` suite and
//! compio's `cancel_token_*` tests hold theirs to.

use std::future::{Future, pending, ready};
use std::pin::pin;
use std::task::{Context, Waker};

use annulus::task::CancellationToken;
use annulus::{spawn, yield_now};

use crate::support::{CountWaker, OnDrop, WakeLog, poll, poll_with, run, run_really};

#[test]
fn a_cancel_wakes_every_wait_once_and_stays() {
    let (count, waker) = CountWaker::new();
    let token = CancellationToken::new();
    let (mut first, mut second) = (token.cancelled(), token.clone().cancelled_owned());
    assert!(poll_with(&mut first, &waker).is_pending());
    assert!(poll_with(&mut second, &waker).is_pending());
    assert_eq!((count.count(), token.is_cancelled()), (0, false));
    token.cancel();
    assert_eq!((count.count(), token.is_cancelled()), (2, true));
    assert!(poll(&mut first).is_ready() && poll(&mut second).is_ready());
    token.cancel();
    assert_eq!(count.count(), 2);
    assert!(poll(&mut token.cancelled()).is_ready());
    assert!(poll(&mut token.clone().cancelled_owned()).is_ready());
}

#[test]
fn a_cancel_through_a_clone_is_one_of_all() {
    let token = CancellationToken::new();
    let clone = token.clone();
    clone.cancel();
    assert!(token.is_cancelled());
}

#[test]
fn waits_are_woken_in_the_order_in_which_they_began_also_when_some_have_left() {
    let (token, log) = (CancellationToken::new(), WakeLog::default());
    let mut waits: Vec<_> = (0..6).map(|_| token.cancelled()).collect();
    for (name, wait) in (0..).zip(&mut waits) {
        assert!(poll_with(wait, &log.waker(name)).is_pending());
    }
    // The places of two that leave are taken by two that come last.
    drop(waits.remove(1));
    drop(waits.remove(2));
    let mut late: Vec<_> = (0..2).map(|_| token.cancelled()).collect();
    for (name, wait) in (6..).zip(&mut late) {
        assert!(poll_with(wait, &log.waker(name)).is_pending());
    }
    token.cancel();
    assert_eq!(log.take(), [0, 2, 4, 5, 6, 7]);
}

#[test]
fn a_wait_polled_with_another_waker_wakes_only_the_last() {
    let (token, log) = (CancellationToken::new(), WakeLog::default());
    let mut wait = token.cancelled();
    assert!(poll_with(&mut wait, &log.waker(1)).is_pending());
    assert!(poll_with(&mut wait, &log.waker(2)).is_pending());
    token.cancel();
    assert_eq!(log.take(), [2]);
}

#[test]
fn a_wait_that_was_dropped_wakes_nobody() {
    let (token, log) = (CancellationToken::new(), WakeLog::default());
    let mut wait = token.cancelled();
    assert!(poll_with(&mut wait, &log.waker(1)).is_pending());
    drop(wait);
    token.cancel();
    assert!(log.take().is_empty());
}

#[test]
fn a_child_is_cancelled_with_its_parent_and_a_parent_not_with_its_child() {
    let (log, parent) = (WakeLog::default(), CancellationToken::new());
    let (child, sibling) = (parent.child_token(), parent.child_token());
    let mut waits = [parent.cancelled(), child.cancelled(), sibling.cancelled()];
    for (name, wait) in (0..).zip(&mut waits) {
        assert!(poll_with(wait, &log.waker(name)).is_pending());
    }
    child.cancel();
    assert_eq!(log.take(), [1]);
    assert!(!parent.is_cancelled() && !sibling.is_cancelled());
    parent.cancel();
    assert_eq!(log.take(), [0, 2]);
    assert!(sibling.is_cancelled());
}

#[test]
fn the_child_of_a_cancelled_token_is_cancelled() {
    let parent = CancellationToken::new();
    parent.cancel();
    let child = parent.child_token();
    assert!(child.is_cancelled() && child.child_token().is_cancelled());
    assert!(poll(&mut child.cancelled()).is_ready());
}

#[test]
fn a_cancel_reaches_the_grandchild_of_a_parent_that_was_dropped() {
    let root = CancellationToken::new();
    let grandchild = {
        let child = root.child_token();
        child.child_token()
    };
    let (count, waker) = CountWaker::new();
    let mut wait = grandchild.cancelled();
    assert!(poll_with(&mut wait, &waker).is_pending());
    root.cancel();
    assert!(grandchild.is_cancelled());
    assert_eq!(count.count(), 1);
}

#[test]
fn dropping_a_token_cancels_nobody() {
    let parent = CancellationToken::new();
    let child = parent.child_token();
    drop(parent);
    assert!(!child.is_cancelled());
}

#[test]
fn a_subtree_that_was_cancelled_before_is_no_hindrance() {
    let root = CancellationToken::new();
    let tokens: Vec<_> = (0..3)
        .flat_map(|_| {
            let child = root.child_token();
            [child.child_token(), child.child_token(), child]
        })
        .collect();
    tokens[0].cancel();
    tokens[5].cancel();
    root.cancel();
    assert!(tokens.iter().all(CancellationToken::is_cancelled));
}

const DEEP: usize = 10_000;

fn chain() -> Vec<CancellationToken> {
    let mut tokens = vec![CancellationToken::new()];
    for _ in 0..DEEP {
        tokens.push(tokens[tokens.len() - 1].child_token());
    }
    tokens
}

/// On a thread whose stack has no room for a recursion of that depth.
fn on_a_small_stack(f: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(64 * 1024).spawn(f).expect("a thread");
    thread.join().expect("no overflow");
}

#[test]
fn a_deep_tree_is_cancelled_without_recursion() {
    on_a_small_stack(|| {
        let tokens = chain();
        let (count, waker) = CountWaker::new();
        let last = tokens[DEEP].clone();
        let mut wait = last.cancelled();
        assert!(poll_with(&mut wait, &waker).is_pending());
        tokens[0].cancel();
        assert!(tokens.iter().all(CancellationToken::is_cancelled));
        assert_eq!(count.count(), 1);
    });
}

#[test]
fn a_deep_tree_is_dropped_without_recursion_from_either_end() {
    on_a_small_stack(|| {
        let mut tokens = chain();
        let last = tokens.pop().expect("many");
        drop(tokens);
        drop(last);
        let tokens = chain();
        tokens.into_iter().rev().for_each(drop);
        let mut tokens = chain();
        let last = tokens.pop().expect("many");
        drop(tokens);
        last.cancel();
        drop(last);
    });
}

#[test]
fn a_guard_cancels_when_it_is_dropped_and_not_when_it_is_disarmed() {
    let token = CancellationToken::new();
    let guard = token.clone().drop_guard();
    let again = guard.disarm();
    assert!(!token.is_cancelled());
    drop(again.drop_guard());
    assert!(token.is_cancelled());
}

#[test]
fn a_guard_cancels_when_its_task_panics() {
    run(async {
        let token = CancellationToken::new();
        let guard = token.clone().drop_guard();
        let task = spawn(async move {
            let _guard = guard;
            panic!("on purpose");
        });
        assert!(task.await.unwrap_err().is_panic());
        assert!(token.is_cancelled());
    });
}

#[test]
fn run_until_cancelled_gives_the_value_of_a_future_that_ends_first() {
    run(async {
        let token = CancellationToken::new();
        assert_eq!(token.run_until_cancelled(ready(1)).await, Some(1));
        assert_eq!(token.clone().run_until_cancelled_owned(ready(2)).await, Some(2));
    });
}

#[test]
fn run_until_cancelled_does_not_poll_a_future_under_a_cancelled_token() {
    run(async {
        let token = CancellationToken::new();
        token.cancel();
        let polled = token.run_until_cancelled(async { unreachable!("polled") }).await;
        assert_eq!(polled, None::<()>);
        let (dropped, guard) = OnDrop::new();
        let owned = token.run_until_cancelled_owned(async move {
            let _guard = guard;
            unreachable!("polled")
        });
        assert_eq!(owned.await, None::<()>);
        assert_eq!(dropped.get(), 1);
    });
}

#[test]
fn run_until_cancelled_prefers_the_value_when_both_are_ready() {
    let token = CancellationToken::new();
    let inner = token.clone();
    let mut first = true;
    let mut future = pin!(token.run_until_cancelled(std::future::poll_fn(move |_| {
        if std::mem::replace(&mut first, false) {
            return std::task::Poll::Pending;
        }
        inner.cancel();
        std::task::Poll::Ready(3)
    })));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut cx).is_pending());
    assert_eq!(future.as_mut().poll(&mut cx), std::task::Poll::Ready(Some(3)));
}

#[test]
fn run_until_cancelled_drops_the_future_when_the_token_is_cancelled() {
    run(async {
        let (dropped, guard) = OnDrop::new();
        let token = CancellationToken::new();
        let inner = token.clone();
        let task = spawn(async move {
            inner
                .run_until_cancelled(async move {
                    let _guard = guard;
                    pending::<()>().await
                })
                .await
        });
        yield_now().await;
        assert_eq!(dropped.get(), 0);
        token.cancel();
        assert_eq!(task.await.unwrap(), None);
        assert_eq!(dropped.get(), 1);
    });
}

#[test]
fn a_cancel_on_another_thread_wakes_the_loop() {
    run_really(async {
        let token = CancellationToken::new();
        let child = token.child_token();
        let thread = std::thread::spawn(move || token.cancel());
        child.cancelled().await;
        thread.join().unwrap();
    });
}

#[test]
fn a_cancel_may_come_back_into_its_own_token_from_a_waker() {
    struct Again(CancellationToken);
    impl std::task::Wake for Again {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.cancel();
            assert!(self.0.child_token().is_cancelled());
        }
    }
    let token = CancellationToken::new();
    let waker = Waker::from(std::sync::Arc::new(Again(token.clone())));
    let mut wait = token.cancelled();
    assert!(poll_with(&mut wait, &waker).is_pending());
    token.cancel();
    assert!(poll(&mut wait).is_ready());
}

#[test]
fn a_waker_that_panics_keeps_no_other_asleep() {
    struct Panics;
    impl std::task::Wake for Panics {
        fn wake(self: std::sync::Arc<Self>) {
            panic!("on purpose");
        }
    }
    let token = CancellationToken::new();
    let (count, waker) = CountWaker::new();
    let panics = Waker::from(std::sync::Arc::new(Panics));
    let (mut first, mut second) = (token.cancelled(), token.cancelled());
    assert!(poll_with(&mut first, &panics).is_pending());
    assert!(poll_with(&mut second, &waker).is_pending());
    let cancel = std::panic::AssertUnwindSafe(|| token.cancel());
    assert!(std::panic::catch_unwind(cancel).is_err());
    assert_eq!(count.count(), 1);
    assert!(token.is_cancelled());
}

#[test]
fn threads_that_make_wait_and_drop_children_race_a_cancel_and_all_end() {
    for round in 0..50 {
        let root = CancellationToken::new();
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let root = root.clone();
                std::thread::spawn(move || {
                    let mut kept = Vec::new();
                    while !root.is_cancelled() {
                        let child = root.child_token();
                        let grandchild = child.child_token();
                        kept.push(grandchild.clone());
                        drop(child);
                        let _either = poll(&mut grandchild.cancelled_owned());
                    }
                    kept
                })
            })
            .collect();
        for _ in 0..round {
            std::hint::spin_loop();
        }
        root.cancel();
        for thread in threads {
            assert!(thread.join().unwrap().iter().all(CancellationToken::is_cancelled));
        }
    }
}
