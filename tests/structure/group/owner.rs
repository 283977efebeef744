//! What becomes of a group when its owner is cancelled, aborted, timed out, or panics.

use std::future::pending;
use std::time::Duration;

use annulus::task::{JoinHandle, TaskGroup, defer, shield};
use annulus::time::{sleep, timeout};
use annulus::{spawn, yield_now};

use super::slow_to_end;
use crate::support::{Log, OnDrop, poll_catching, run, yields};

type Fails<T> = Result<T, &'static str>;

/// A task with something to clean up and a scope with a child that is slow to end.
fn owner(log: &Log) -> JoinHandle<()> {
    let log = log.clone();
    spawn(async move {
        let late = log.clone();
        defer(async move { late.push("owner's own") });
        let scope = TaskGroup::scope(async |group| {
            group.spawn(slow_to_end(log.clone(), "child"));
            pending::<Fails<()>>().await
        });
        scope.await.unwrap();
    })
}

#[test]
fn the_join_of_a_cancelled_owner_ends_after_the_children() {
    run(async {
        let log = Log::default();
        let task = owner(&log);
        yields(3).await;
        task.cancel();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(log.take(), ["child", "owner's own"]);
    });
}

#[test]
fn a_second_cancel_changes_nothing() {
    run(async {
        let log = Log::default();
        let task = owner(&log);
        yields(3).await;
        task.cancel();
        task.cancel();
        yields(2).await;
        task.cancel();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(log.take(), ["child", "owner's own"]);
    });
}

#[test]
fn an_aborted_owner_waits_for_nobody_and_its_children_are_cancelled() {
    run(async {
        let log = Log::default();
        let task = owner(&log);
        yields(3).await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(log.take().is_empty());
        sleep(Duration::from_millis(3)).await;
        assert_eq!(log.take(), ["child"]);
    });
}

#[test]
fn an_abort_during_the_deferred_part_ends_it_there() {
    run(async {
        let log = Log::default();
        let task = owner(&log);
        yields(3).await;
        task.cancel();
        yields(3).await;
        assert!(!task.is_finished());
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(log.take().is_empty());
        sleep(Duration::from_millis(3)).await;
        assert_eq!(log.take(), ["child"]);
    });
}

#[test]
fn an_owner_that_is_cancelled_while_its_group_closes_still_waits() {
    run(async {
        let log = Log::default();
        let inner = log.clone();
        let task = spawn(async move {
            let scope = TaskGroup::scope(async |group| {
                group.spawn(slow_to_end(inner.clone(), "child"));
                yields(2).await;
                Fails::<()>::Err("failed")
            });
            scope.await.unwrap_err();
            inner.push("never");
        });
        yields(5).await;
        task.cancel();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(log.take(), ["child"]);
    });
}

#[test]
fn a_timeout_around_a_scope_cancels_at_once_and_the_owner_waits_at_its_end() {
    run(async {
        let log = Log::default();
        let inner = log.clone();
        let task = spawn(async move {
            let (dropped, guard) = OnDrop::new();
            let child = inner.clone();
            let scope = TaskGroup::scope(async |group| {
                group.spawn(async move {
                    defer(async move {
                        sleep(Duration::from_millis(5)).await;
                        child.push("child");
                    });
                    let _guard = guard;
                    pending::<Fails<()>>().await
                });
                pending::<Fails<()>>().await
            });
            timeout(Duration::from_millis(1), scope).await.unwrap_err();
            inner.push("timed out");
            yield_now().await;
            assert_eq!(dropped.get(), 1);
        });
        task.await.unwrap();
        assert_eq!(log.take(), ["timed out", "child"]);
    });
}

#[test]
fn a_panic_beside_a_scope_in_one_task_ends_the_children_first() {
    run(async {
        let log = Log::default();
        let inner = log.clone();
        let task = spawn(async move {
            let mut scope = Box::pin(TaskGroup::scope(async |group| {
                group.spawn(slow_to_end(inner.clone(), "child"));
                pending::<Fails<()>>().await
            }));
            assert!(timeout(Duration::ZERO, &mut scope).await.is_err());
            yield_now().await;
            panic!("on purpose");
        });
        assert!(task.await.unwrap_err().is_panic());
        assert_eq!(log.take(), ["child"]);
    });
}

#[test]
fn a_scope_that_panics_in_the_root_is_awaited_there() {
    let log = Log::default();
    run(async {
        let scope = TaskGroup::<&str>::scope(async |group| {
            group.spawn(slow_to_end(log.clone(), "child"));
            yield_now().await;
            assert!(std::hint::black_box(false), "on purpose");
            Ok(())
        });
        assert!(poll_catching(std::panic::AssertUnwindSafe(scope)).await.is_err());
        log.push("root");
    });
    assert_eq!(log.take(), ["child", "root"]);
}

#[test]
fn a_scope_dropped_in_the_root_is_awaited_before_the_loop_returns() {
    let log = Log::default();
    let runtime = annulus::Runtime::new().unwrap();
    runtime.block_on(async {
        let scope = TaskGroup::scope(async |group| {
            group.spawn(slow_to_end(log.clone(), "child"));
            pending::<Fails<()>>().await
        });
        assert!(timeout(Duration::from_millis(1), scope).await.is_err());
        log.push("root");
    });
    assert_eq!(log.take(), ["root", "child"]);
}

#[test]
fn a_shielded_scope_ends_before_its_owner_is_cancelled() {
    run(async {
        let log = Log::default();
        let inner = log.clone();
        let task = spawn(async move {
            let child = inner.clone();
            let scope = TaskGroup::scope(async |group| {
                group.spawn(async move {
                    sleep(Duration::from_millis(1)).await;
                    child.push("done");
                    Fails::Ok(())
                });
                Ok(())
            });
            shield(scope).await.unwrap();
            yield_now().await;
            inner.push("never");
        });
        yields(2).await;
        task.cancel();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(log.take(), ["done"]);
    });
}

#[test]
fn a_scope_polled_by_one_task_and_dropped_by_another_is_awaited_by_the_first() {
    run(async {
        let log = Log::default();
        let child = log.clone();
        let mut scope = Box::pin(TaskGroup::scope(async move |group| {
            group.spawn(slow_to_end(child, "child"));
            pending::<Fails<()>>().await
        }));
        let place = std::rc::Rc::new(std::cell::RefCell::new(None));
        let (inner, mine) = (log.clone(), place.clone());
        let first = spawn(async move {
            assert!(timeout(Duration::ZERO, &mut scope).await.is_err());
            *mine.borrow_mut() = Some(scope);
            while mine.borrow().is_some() {
                yield_now().await;
            }
            inner.push("first");
        });
        yields(4).await;
        let second = spawn(async move { drop(place.borrow_mut().take()) });
        second.await.unwrap();
        first.await.unwrap();
        assert_eq!(log.take(), ["first", "child"]);
    });
}

#[test]
fn a_scope_that_moved_is_awaited_by_the_task_that_polled_it_last() {
    run(async {
        let log = Log::default();
        let child = log.clone();
        let mut scope = Box::pin(TaskGroup::scope(async move |group| {
            group.spawn(slow_to_end(child, "child"));
            pending::<Fails<()>>().await
        }));
        assert!(timeout(Duration::ZERO, &mut scope).await.is_err());
        let last = spawn(async move { drop(scope.await) });
        yields(3).await;
        last.cancel();
        assert!(last.await.unwrap_err().is_cancelled());
        assert_eq!(log.take(), ["child"]);
    });
}

#[test]
fn a_scope_dropped_on_another_thread_is_ended_at_home() {
    run(async {
        let (sender, receiver) = std::sync::mpsc::channel();
        let mut scope = Box::pin(TaskGroup::scope(async move |group: TaskGroup<&str>| {
            group.spawn(async move {
                defer(async move { sender.send(()).unwrap() });
                pending::<Fails<()>>().await
            });
            pending::<Fails<()>>().await
        }));
        assert!(timeout(Duration::ZERO, &mut scope).await.is_err());
        yield_now().await;
        std::thread::spawn(move || drop(scope)).join().unwrap();
        while receiver.try_recv().is_err() {
            annulus::op::nop().await.unwrap();
        }
    });
}

#[test]
fn a_runtime_that_ends_cancels_and_awaits_owners_and_children() {
    let log = Log::default();
    let runtime = annulus::Runtime::new().unwrap();
    runtime.block_on(async {
        owner(&log).detach();
        yields(3).await;
    });
    assert!(log.take().is_empty());
    drop(runtime);
    assert_eq!(log.take(), ["child", "owner's own"]);
}

#[test]
fn a_group_in_the_deferred_part_works() {
    run(async {
        let log = Log::default();
        let inner = log.clone();
        let task = spawn(async move {
            defer(async move {
                let child = inner.clone();
                let scope = TaskGroup::scope(async |group| {
                    group.spawn(async move {
                        sleep(Duration::from_millis(1)).await;
                        child.push("child");
                        Fails::Ok(())
                    });
                    Ok(())
                });
                scope.await.unwrap();
                inner.push("cleaned up");
            });
            pending::<()>().await;
        });
        yield_now().await;
        task.cancel();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(log.take(), ["child", "cleaned up"]);
    });
}
