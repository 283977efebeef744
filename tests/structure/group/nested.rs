//! Groups in groups.

use std::future::pending;
use std::time::Duration;

use annulus::task::{Failure, GroupError, TaskGroup, defer, shield};
use annulus::time::{sleep, timeout};
use annulus::{spawn, yield_now};

use super::slow_to_end;
use crate::support::{Log, run, yields};

type Fails<T> = Result<T, &'static str>;

#[test]
fn the_end_of_an_outer_body_awaits_the_children_of_the_scope_in_it() {
    run(async {
        let log = Log::default();
        let outer = TaskGroup::scope(async |outer| {
            outer.spawn(async {
                yields(3).await;
                Fails::<()>::Err("outer")
            });
            let inner = TaskGroup::scope(async |inner| {
                inner.spawn(slow_to_end(log.clone(), "inner child"));
                pending::<Fails<()>>().await
            });
            inner.await.map_err(GroupError::into_error)
        });
        let error = outer.await.unwrap_err();
        assert_eq!(error.errors().collect::<Vec<_>>(), [&"outer"]);
        assert_eq!(log.take(), ["inner child"]);
    });
}

#[test]
fn a_group_in_a_child_is_cancelled_and_awaited_with_the_child() {
    run(async {
        let log = Log::default();
        let outer = TaskGroup::scope(async |outer| {
            let child = log.clone();
            outer.spawn(async move {
                let late = child.clone();
                defer(async move { late.push("child") });
                let inner = TaskGroup::<&str>::scope(async |inner| {
                    inner.spawn(slow_to_end(child.clone(), "grandchild"));
                    pending::<Fails<()>>().await
                });
                inner.await.map_err(GroupError::into_error)
            });
            yields(3).await;
            Fails::<()>::Err("outer")
        });
        assert_eq!(outer.await.unwrap_err().others.len(), 0);
        assert_eq!(log.take(), ["grandchild", "child"]);
    });
}

#[test]
fn the_error_of_an_inner_group_that_is_handled_is_not_the_outer_ones() {
    run(async {
        let outer = TaskGroup::scope(async |outer| {
            let child = outer.spawn(async {
                yields(10).await;
                Fails::Ok(8)
            });
            let inner = TaskGroup::scope(async |inner| {
                inner.spawn(async { Err::<(), _>("inner") });
                Ok(())
            });
            assert_eq!(inner.await.unwrap_err().into_error(), "inner");
            Ok(child.await.unwrap())
        });
        assert_eq!(outer.await.unwrap(), 8);
    });
}

#[test]
fn the_error_of_an_inner_group_goes_up_as_one_of_the_outer() {
    run(async {
        let log = Log::default();
        let outer = TaskGroup::scope(async |outer| {
            outer.spawn(slow_to_end(log.clone(), "sibling"));
            let log = log.clone();
            outer.spawn(async move {
                let inner = TaskGroup::scope(async |inner| {
                    inner.spawn(slow_to_end(log.clone(), "inner sibling"));
                    inner.spawn(async { Fails::<()>::Err("inner") });
                    Ok(())
                });
                inner.await.map_err(GroupError::into_error)
            });
            Ok(())
        });
        let error = outer.await.unwrap_err();
        assert!(matches!(error.first, Failure::Error("inner")));
        assert_eq!(log.take(), ["inner sibling", "sibling"]);
    });
}

#[test]
fn inner_and_outer_fail_at_once_and_neither_masks_the_other() {
    run(async {
        let outer = TaskGroup::scope(async |outer| {
            outer.spawn(async { Fails::<()>::Err("outer") });
            outer.spawn(async {
                let inner = TaskGroup::scope(async |inner| {
                    inner.spawn(async { Fails::<()>::Err("inner") });
                    Ok(())
                });
                shield(inner).await.map_err(GroupError::into_error)
            });
            Ok(())
        });
        let error = outer.await.unwrap_err();
        assert_eq!(error.errors().collect::<Vec<_>>(), [&"outer", &"inner"]);
    });
}

#[test]
fn a_shield_in_an_inner_body_holds_the_outer_end_back() {
    run(async {
        let log = Log::default();
        let outer = TaskGroup::scope(async |outer| {
            outer.spawn(async { Fails::<()>::Err("outer") });
            let inner = TaskGroup::<&str>::scope(async |_| {
                shield(async {
                    sleep(Duration::from_millis(1)).await;
                    log.push("shielded");
                })
                .await;
                Ok(())
            });
            inner.await.unwrap();
            log.push("inner ended");
            pending::<Fails<()>>().await
        });
        outer.await.unwrap_err();
        assert_eq!(log.take(), ["shielded", "inner ended"]);
    });
}

#[test]
fn a_shield_that_outlives_its_body_shields_nothing() {
    run(async {
        let outer = TaskGroup::scope(async |outer| {
            let mut kept = None;
            let inner = TaskGroup::<&str>::scope(async |_| {
                let mut shielded = shield(pending::<()>());
                assert!(timeout(Duration::ZERO, &mut shielded).await.is_err());
                kept = Some(shielded);
                Ok(())
            });
            inner.await.unwrap();
            outer.spawn(async { Fails::<()>::Err("outer") });
            pending::<Fails<()>>().await
        });
        assert_eq!(outer.await.unwrap_err().into_error(), "outer");
    });
}

#[test]
fn a_scope_dropped_by_a_timeout_in_a_body_is_awaited_by_the_outer_scope() {
    run(async {
        let log = Log::default();
        let outer = TaskGroup::<&str>::scope(async |outer| {
            let inner = TaskGroup::<&str>::scope(async |inner| {
                let log = log.clone();
                inner.spawn(async move {
                    defer(async move {
                        sleep(Duration::from_millis(3)).await;
                        log.push("inner child");
                    });
                    pending::<Fails<()>>().await
                });
                pending::<Fails<()>>().await
            });
            timeout(Duration::from_millis(1), inner).await.unwrap_err();
            log.push("timed out");
            assert_eq!(outer.len(), 1);
            Ok(())
        });
        outer.await.unwrap();
        assert_eq!(log.take(), ["timed out", "inner child"]);
    });
}

#[test]
fn the_error_of_a_child_whose_scope_was_dropped_is_not_the_outer_groups() {
    run(async {
        let outer = TaskGroup::<u32>::scope(async |outer| {
            let inner = TaskGroup::<&str>::scope(async |inner| {
                inner.spawn(async {
                    shield(sleep(Duration::from_millis(2))).await;
                    Fails::<()>::Err("nobody hears")
                });
                pending::<Fails<()>>().await
            });
            timeout(Duration::from_millis(1), inner).await.unwrap_err();
            outer.spawn(async { Ok(()) });
            Ok(6)
        });
        assert_eq!(outer.await.unwrap(), 6);
    });
}

#[test]
fn scopes_a_hundred_deep_in_one_task_end_together() {
    async fn nest(depth: usize, log: Log) -> Fails<()> {
        let scope = TaskGroup::scope(async |group| {
            group.spawn(slow_to_end(log.clone(), "child"));
            match depth {
                0 => pending().await,
                _ => Box::pin(nest(depth - 1, log.clone())).await,
            }
        });
        scope.await.map_err(GroupError::into_error)
    }
    run(async {
        let log = Log::default();
        let inner = log.clone();
        let task = spawn(nest(100, inner));
        yields(3).await;
        task.cancel();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(log.take().len(), 101);

        let inner = log.clone();
        let outer = TaskGroup::scope(async |group| {
            group.spawn(async {
                yields(3).await;
                Fails::<()>::Err("outer")
            });
            nest(100, inner).await
        });
        assert_eq!(outer.await.unwrap_err().into_error(), "outer");
        assert_eq!(log.take().len(), 101);
    });
}

#[test]
fn groups_two_thousand_deep_in_children_end_from_the_bottom() {
    fn nest(depth: usize, log: Log) -> std::pin::Pin<Box<dyn Future<Output = Fails<()>>>> {
        Box::pin(async move {
            let scope = TaskGroup::scope(async |group| {
                match depth {
                    0 => log.push("at the bottom"),
                    _ => drop(group.spawn(nest(depth - 1, log.clone()))),
                }
                pending::<Fails<()>>().await
            });
            let late = log.clone();
            defer(async move { late.push("ended") });
            scope.await.map_err(GroupError::into_error)
        })
    }
    run(async {
        let log = Log::default();
        let task = spawn(nest(2000, log.clone()));
        while log.take().is_empty() {
            yield_now().await;
        }
        task.cancel();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(log.take().len(), 2001);
    });
}
