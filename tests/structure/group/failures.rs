//! Groups in which something fails.

use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use annulus::task::{Failure, GroupError, TaskGroup, defer, shield};
use annulus::time::sleep;
use annulus::{spawn, yield_now};

use super::slow_to_end;
use crate::support::{Log, OnDrop, poll_catching, run, yields};

type Fails<T> = Result<T, &'static str>;

fn errors(error: &GroupError<&'static str>) -> Vec<&'static str> {
    error.errors().copied().collect()
}

#[test]
fn the_first_error_cancels_the_siblings_and_awaits_their_clean_up() {
    run(async {
        let log = Log::default();
        let scope = TaskGroup::scope(async |group| {
            group.spawn(slow_to_end(log.clone(), "first"));
            group.spawn(async {
                yields(2).await;
                Fails::<()>::Err("failed")
            });
            group.spawn(slow_to_end(log.clone(), "second"));
            pending::<Fails<()>>().await
        });
        let error = scope.await.unwrap_err();
        assert_eq!((errors(&error), error.others.len()), (vec!["failed"], 0));
        assert_eq!(log.take(), ["first", "second"]);
    });
}

#[test]
fn the_body_is_dropped_where_it_is_suspended() {
    run(async {
        let (dropped, guard) = OnDrop::new();
        let scope = TaskGroup::scope(async |group| {
            let _guard = &guard;
            let held = OnDrop(dropped.clone());
            group.spawn(async { Fails::<()>::Err("failed") });
            pending::<()>().await;
            drop(held);
            Ok(())
        });
        scope.await.unwrap_err();
        assert_eq!(dropped.get(), 1);
        drop(guard);
    });
}

#[test]
fn an_error_of_the_body_cancels_the_children_and_awaits_them() {
    run(async {
        let log = Log::default();
        let scope = TaskGroup::scope(async |group| {
            group.spawn(slow_to_end(log.clone(), "child"));
            yield_now().await;
            Fails::<()>::Err("body")
        });
        assert_eq!(errors(&scope.await.unwrap_err()), ["body"]);
        assert_eq!(log.take(), ["child"]);
    });
}

#[test]
fn an_error_after_the_body_has_ended_cancels_the_rest_and_drops_its_value() {
    run(async {
        let log = Log::default();
        let (dropped, guard) = OnDrop::new();
        let scope = TaskGroup::scope(async |group| {
            group.spawn(slow_to_end(log.clone(), "child"));
            group.spawn(async {
                yields(3).await;
                Fails::<()>::Err("late")
            });
            Ok(guard)
        });
        assert_eq!(errors(&scope.await.err().unwrap()), ["late"]);
        assert_eq!((log.take(), dropped.get()), (vec!["child"], 1));
    });
}

#[test]
fn all_that_fail_at_once_are_reported_in_order() {
    const NAMES: [&str; 1000] = ["x"; 1000];
    for count in [1, 2, 1000] {
        run(async {
            let scope = TaskGroup::scope(async |group| {
                for (index, name) in NAMES[..count].iter().enumerate() {
                    group.spawn(async move { Result::<(), _>::Err((index, *name)) });
                }
                pending::<Result<(), (usize, &str)>>().await
            });
            let error = scope.await.unwrap_err();
            let indexes: Vec<usize> = error.errors().map(|(index, _)| *index).collect();
            assert_eq!(indexes, (0..count).collect::<Vec<_>>());
        });
    }
}

#[test]
fn a_failure_ends_those_that_wait_before_they_can_fail_too() {
    run(async {
        let scope = TaskGroup::scope(async |group| {
            for _ in 0..1000 {
                group.spawn(async {
                    yields(20).await;
                    Fails::<()>::Err("too late")
                });
            }
            group.spawn(async { Fails::<()>::Err("first") });
            Ok(())
        });
        assert_eq!(errors(&scope.await.unwrap_err()), ["first"]);
    });
}

#[test]
fn a_panic_of_a_child_is_a_failure_and_told_apart() {
    run(async {
        let log = Log::default();
        let scope = TaskGroup::scope(async |group| {
            group.spawn(slow_to_end(log.clone(), "sibling"));
            group.spawn(async {
                assert!(std::hint::black_box(false), "on purpose");
                Fails::Ok(())
            });
            group.spawn(async { Fails::<()>::Err("beside") });
            Ok(())
        });
        let error = scope.await.unwrap_err();
        assert!(matches!(&error.first, Failure::Panic(panic) if panic.is_panic()));
        assert_eq!(error.panics().next().unwrap().panic_message(), Some("on purpose"));
        assert_eq!((errors(&error), log.take()), (vec!["beside"], vec!["sibling"]));
    });
}

#[test]
fn the_handle_of_a_child_that_failed_ends_as_cancelled() {
    run(async {
        let log = Log::default();
        let scope = TaskGroup::scope(async |group| {
            let fails = group.spawn(async { Fails::<()>::Err("failed") });
            let panics = group.spawn(async {
                assert!(std::hint::black_box(false), "on purpose");
                Fails::Ok(())
            });
            let log = log.clone();
            group.spawn(async move {
                shield(async move {
                    assert!(fails.await.unwrap_err().is_cancelled());
                    assert!(panics.await.unwrap_err().is_cancelled());
                    log.push("seen");
                })
                .await;
                Ok(())
            });
            Ok(())
        });
        assert_eq!(scope.await.unwrap_err().others.len(), 1);
        assert_eq!(log.take(), ["seen"]);
    });
}

#[test]
fn the_clean_up_of_the_child_that_failed_is_awaited_too() {
    run(async {
        let log = Log::default();
        let scope = TaskGroup::scope(async |group| {
            let log = log.clone();
            group.spawn(async move {
                defer(async move {
                    sleep(Duration::from_millis(1)).await;
                    log.push("cleaned up");
                });
                Fails::<()>::Err("failed")
            });
            Ok(())
        });
        scope.await.unwrap_err();
        assert_eq!(log.take(), ["cleaned up"]);
    });
}

#[test]
fn an_error_raised_behind_a_shield_during_the_cancel_is_reported() {
    run(async {
        let scope = TaskGroup::scope(async |group| {
            group.spawn(async {
                shield(async {
                    sleep(Duration::from_millis(1)).await;
                })
                .await;
                Fails::<()>::Err("shielded")
            });
            group.spawn(async { Fails::<()>::Err("first") });
            Ok(())
        });
        assert_eq!(errors(&scope.await.unwrap_err()), ["first", "shielded"]);
    });
}

#[test]
fn a_child_that_succeeds_behind_a_shield_is_no_failure() {
    run(async {
        let log = Log::default();
        let scope = TaskGroup::scope(async |group| {
            let log = log.clone();
            group.spawn(async move {
                shield(sleep(Duration::from_millis(1))).await;
                log.push("done");
                Ok(())
            });
            group.spawn(async { Fails::<()>::Err("first") });
            Ok(())
        });
        assert_eq!(scope.await.unwrap_err().others.len(), 0);
        assert_eq!(log.take(), ["done"]);
    });
}

#[test]
fn a_shield_in_the_body_holds_its_end_back() {
    run(async {
        let log = Log::default();
        let scope = TaskGroup::scope(async |group| {
            group.spawn(async { Fails::<()>::Err("failed") });
            shield(async {
                sleep(Duration::from_millis(1)).await;
                assert!(group.is_closing());
                log.push("shielded");
            })
            .await;
            log.push("until the next await");
            yield_now().await;
            log.push("never");
            Ok(())
        });
        assert_eq!(errors(&scope.await.unwrap_err()), ["failed"]);
        assert_eq!(log.take(), ["shielded", "until the next await"]);
    });
}

#[test]
fn a_shield_around_the_scope_is_none_in_its_body() {
    run(async {
        let scope = shield(TaskGroup::scope(async |group| {
            group.spawn(async { Fails::<()>::Err("failed") });
            pending::<Fails<()>>().await
        }));
        assert_eq!(errors(&scope.await.unwrap_err()), ["failed"]);
    });
}

#[test]
fn a_closing_group_refuses_children() {
    run(async {
        let log = Log::default();
        let scope = TaskGroup::scope(async |group| {
            let log = log.clone();
            group.spawn(async move {
                shield(yields(5)).await;
                assert!(group.is_closing());
                let refused = group.spawn(async { unreachable!("it must not run") });
                let end: Result<(), _> = shield(refused).await;
                assert!(end.unwrap_err().is_cancelled());
                log.push("refused");
                Ok(())
            });
            group.spawn(async { Fails::<()>::Err("failed") });
            Ok(())
        });
        scope.await.unwrap_err();
        assert_eq!(log.take(), ["refused"]);
    });
}

#[test]
fn a_child_of_a_group_that_fails_runs_to_its_first_suspension() {
    run(async {
        let log = Log::default();
        let scope = TaskGroup::scope(async |group| {
            group.spawn(async { Fails::<()>::Err("failed") });
            let log = log.clone();
            group.spawn(async move {
                log.push("begun");
                yield_now().await;
                log.push("never");
                Ok(())
            });
            Ok(())
        });
        scope.await.unwrap_err();
        assert_eq!(log.take(), ["begun"]);
    });
}

#[test]
fn the_panic_of_the_body_goes_on_when_the_children_have_ended() {
    run(async {
        let log = Log::default();
        let inner = log.clone();
        let task = spawn(async move {
            let scope = TaskGroup::<&str>::scope(async |group| {
                group.spawn(slow_to_end(inner.clone(), "child"));
                yield_now().await;
                assert!(std::hint::black_box(false), "on purpose");
                Ok(())
            });
            let caught = poll_catching(AssertUnwindSafe(scope)).await;
            inner.push("caught");
            let payload = caught.err().unwrap();
            assert_eq!(payload.downcast_ref::<&str>(), Some(&"on purpose"));
        });
        task.await.unwrap();
        assert_eq!(log.take(), ["child", "caught"]);
    });
}

#[test]
fn the_panic_of_what_the_body_holds_goes_on_when_the_children_have_ended() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            assert!(std::hint::black_box(false), "in a destructor");
        }
    }
    run(async {
        let log = Log::default();
        let scope = TaskGroup::scope(async |group| {
            group.spawn(slow_to_end(log.clone(), "child"));
            group.spawn(async { Fails::<()>::Err("failed") });
            let _panics = Panics;
            pending::<Fails<()>>().await
        });
        assert!(poll_catching(AssertUnwindSafe(scope)).await.is_err());
        assert_eq!(log.take(), ["child"]);
    });
}

#[test]
fn a_panic_in_the_clean_up_of_a_child_is_nobodys() {
    run(async {
        let scope = TaskGroup::scope(async |group| {
            group.spawn(async {
                defer(async { panic!("on purpose") });
                Fails::Ok(())
            });
            Ok(4)
        });
        assert_eq!(scope.await.unwrap(), 4);
    });
}
