//! Groups in which nothing fails.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::pending;
use std::rc::Rc;

use annulus::task::TaskGroup;
use annulus::{spawn, yield_now};

use crate::support::{Log, OnDrop, run, yields};

type Never<T> = Result<T, Infallible>;

#[test]
fn a_scope_gives_the_value_of_its_body() {
    run(async {
        let scope = TaskGroup::scope(async |_| Never::Ok(5));
        assert_eq!(scope.await.unwrap(), 5);
    });
}

#[test]
fn a_scope_without_children_does_not_suspend() {
    run(async {
        let log = Log::default();
        let other = log.clone();
        spawn(async move { other.push("other") }).detach();
        TaskGroup::scope(async |_| Never::Ok(())).await.unwrap();
        assert!(log.take().is_empty());
    });
}

#[test]
fn a_scope_that_is_never_polled_does_nothing() {
    run(async {
        let (dropped, guard) = OnDrop::new();
        drop(TaskGroup::<()>::scope(async move |_| {
            drop(guard);
            Ok(())
        }));
        assert_eq!(dropped.get(), 1);
    });
}

#[test]
fn children_that_the_body_does_not_await_end_before_the_scope() {
    run(async {
        let ended = Rc::new(Cell::new(0));
        let count = &ended;
        let scope = TaskGroup::scope(async |group| {
            for k in 0..10 {
                let count = Rc::clone(count);
                group.spawn(async move {
                    yields(k).await;
                    count.set(count.get() + 1);
                    Never::Ok(())
                });
            }
            assert_eq!((group.len(), count.get()), (10, 0));
            Ok(())
        });
        scope.await.unwrap();
        assert_eq!(ended.get(), 10);
    });
}

#[test]
fn a_body_may_await_its_children_and_borrow_from_its_task() {
    run(async {
        let mut log = vec![1];
        let sum = TaskGroup::scope(async |group| {
            let children: Vec<_> =
                (0..3).map(|n| group.spawn(async move { Never::Ok(n) })).collect();
            for child in children {
                log.push(child.await.unwrap());
            }
            Ok(log.iter().sum::<i32>())
        });
        assert_eq!(sum.await.unwrap(), 4);
        assert_eq!(log, [1, 0, 1, 2]);
    });
}

#[test]
fn the_handle_of_a_child_can_be_awaited_by_another() {
    run(async {
        let scope = TaskGroup::scope(async |group| {
            let first = group.spawn(async {
                yields(3).await;
                Never::Ok(20)
            });
            let second = group.spawn(async move { Ok(first.await.unwrap() + 1) });
            Ok(second.await.unwrap())
        });
        assert_eq!(scope.await.unwrap(), 21);
    });
}

#[test]
fn children_may_spawn_beside_them_also_when_the_body_has_ended() {
    run(async {
        let log = Log::default();
        let scope = TaskGroup::scope(async |group| {
            let log = log.clone();
            group.spawn(async move {
                yields(2).await;
                let inner = log.clone();
                group.spawn(async move {
                    yields(2).await;
                    inner.push("grandchild");
                    Never::Ok(())
                });
                log.push("child");
                Ok(())
            });
            Ok(())
        });
        scope.await.unwrap();
        assert_eq!(log.take(), ["child", "grandchild"]);
    });
}

#[test]
fn a_group_that_is_over_refuses_and_drops_the_future() {
    run(async {
        let mut kept = None;
        TaskGroup::scope(async |group| {
            kept = Some(group);
            Never::Ok(())
        })
        .await
        .unwrap();
        let group = kept.unwrap();
        let (dropped, guard) = OnDrop::new();
        let child = group.spawn(async move {
            let _guard = guard;
            unreachable!("it must not run")
        });
        assert_eq!(dropped.get(), 1);
        assert!(child.is_finished() && group.is_closing() && group.is_empty());
        let end: Result<(), _> = child.await;
        assert!(end.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_child_that_is_cancelled_or_aborted_from_outside_just_ends() {
    run(async {
        let scope = TaskGroup::scope(async |group| {
            let cancelled = group.spawn(pending::<Never<()>>());
            let aborted = group.spawn(pending::<Never<()>>());
            let lives = group.spawn(async {
                yields(5).await;
                Ok(7)
            });
            yield_now().await;
            cancelled.cancel();
            aborted.abort_handle().abort();
            assert!(cancelled.await.unwrap_err().is_cancelled());
            assert!(aborted.await.unwrap_err().is_cancelled());
            Ok(lives.await.unwrap())
        });
        assert_eq!(scope.await.unwrap(), 7);
    });
}

#[test]
fn cancel_all_ends_the_children_of_now_and_the_body_goes_on() {
    run(async {
        let scope = TaskGroup::scope(async |group| {
            let children: Vec<_> = (0..3).map(|_| group.spawn(pending::<Never<()>>())).collect();
            yield_now().await;
            group.cancel_all();
            for child in children {
                assert!(child.await.unwrap_err().is_cancelled());
            }
            assert!(!group.is_closing());
            Ok(group.spawn(async { Ok(3) }).await.unwrap())
        });
        assert_eq!(scope.await.unwrap(), 3);
    });
}

#[test]
fn ten_thousand_children_end_in_any_order() {
    run(async {
        let ended = Rc::new(Cell::new(0));
        let count = &ended;
        let scope = TaskGroup::scope(async |group| {
            for k in 0..10_000_usize {
                let count = Rc::clone(count);
                group.spawn(async move {
                    yields((k * 7919) % 13).await;
                    count.set(count.get() + 1);
                    Never::Ok(())
                });
            }
            Ok(())
        });
        scope.await.unwrap();
        assert_eq!(ended.get(), 10_000);
    });
}

#[test]
fn a_scope_is_send_when_its_body_is() {
    fn may_be_sent<T: Send>(value: T) -> T {
        value
    }
    run(async {
        let scope = may_be_sent(TaskGroup::scope(async |group: TaskGroup<Infallible>| {
            let child = group.spawn(async { Ok(1) });
            Ok(child.await.unwrap())
        }));
        assert_eq!(scope.await.unwrap(), 1);
    });
}
