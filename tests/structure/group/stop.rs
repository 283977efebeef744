//! Groups that something ends from outside: `scope_until`, `scope_timeout`.
//!
//! After trio's cancel scopes and asyncio's `test_timeouts`: a limit comes back only when what it
//! limits has ended, and an error is not masked by it.

use std::future::{pending, ready};
use std::time::Duration;

use annulus::task::{CancellationToken, GroupError, TaskGroup, defer, shield};
use annulus::time::{Instant, sleep, sleep_until, timeout};
use annulus::{spawn, yield_now};

use super::slow_to_end;
use crate::support::{Log, run, yields};

type Fails<T> = Result<T, &'static str>;

#[test]
fn a_limit_that_passes_ends_and_awaits_the_children() {
    run(async {
        let log = Log::default();
        let scope = TaskGroup::scope_timeout(Duration::from_millis(1), async |group| {
            group.spawn(slow_to_end(log.clone(), "child"));
            pending::<Fails<()>>().await
        });
        assert!(scope.await.is_err());
        assert_eq!(log.take(), ["child"]);
    });
}

#[test]
fn a_limit_that_does_not_pass_changes_nothing() {
    run(async {
        let scope = TaskGroup::scope_timeout(Duration::from_secs(600), async |group| {
            Fails::Ok(group.spawn(async { Ok(3) }).await.unwrap())
        });
        assert_eq!(scope.await.unwrap().unwrap(), 3);
        let scope = TaskGroup::scope_timeout(Duration::from_secs(600), async |group| {
            group.spawn(async { Fails::<()>::Err("failed") });
            Ok(())
        });
        assert_eq!(scope.await.unwrap().unwrap_err().into_error(), "failed");
    });
}

#[test]
fn a_limit_of_zero_ends_a_body_at_its_first_suspension() {
    run(async {
        let log = Log::default();
        let scope = TaskGroup::scope_timeout(Duration::ZERO, async |_| {
            log.push("begun");
            yield_now().await;
            log.push("never");
            Fails::Ok(())
        });
        assert!(scope.await.is_err());
        assert_eq!(log.take(), ["begun"]);
    });
}

#[test]
fn a_limit_counts_after_the_body_has_ended_too() {
    run(async {
        let scope = TaskGroup::scope_timeout(Duration::from_millis(1), async |group| {
            group.spawn(pending::<Fails<()>>());
            Ok(1)
        });
        assert!(scope.await.is_err());
    });
}

#[test]
fn the_value_wins_when_both_are_ready() {
    run(async {
        let scope = TaskGroup::scope_until(ready("stop"), async |_| Fails::Ok("value"));
        assert_eq!(scope.await.unwrap().unwrap(), "value");
        let at = Instant::now() + Duration::from_millis(1);
        let scope = TaskGroup::scope_until(sleep_until(at), async |group| {
            let child = group.spawn(async move {
                sleep_until(at).await;
                Fails::Ok("value")
            });
            Ok(child.await.unwrap())
        });
        // Either may come first; what comes is whole.
        match scope.await {
            Ok(value) => assert_eq!(value.unwrap(), "value"),
            Err(()) => assert!(Instant::now() >= at),
        }
    });
}

#[test]
fn an_error_raised_while_it_is_stopped_beats_the_stop() {
    run(async {
        let token = CancellationToken::new();
        let scope = TaskGroup::scope_until(token.cancelled(), async |group| {
            group.spawn(async {
                shield(yields(5)).await;
                Fails::<()>::Err("while it ended")
            });
            yield_now().await;
            token.cancel();
            Ok(())
        });
        assert_eq!(scope.await.unwrap().unwrap_err().into_error(), "while it ended");
    });
}

#[test]
fn a_stop_that_comes_after_a_failure_is_not_the_reason() {
    run(async {
        let token = CancellationToken::new();
        let scope = TaskGroup::scope_until(token.cancelled(), async |group| {
            group.spawn(slow_to_end(Log::default(), "child"));
            yield_now().await;
            Fails::<()>::Err("failed")
        });
        let stop = token.clone();
        spawn(async move {
            yields(4).await;
            stop.cancel();
        })
        .detach();
        assert_eq!(scope.await.unwrap().unwrap_err().into_error(), "failed");
        assert!(token.is_cancelled());
    });
}

#[test]
fn a_shield_in_the_body_holds_a_stop_back() {
    run(async {
        let log = Log::default();
        let scope = TaskGroup::scope_until(ready(()), async |_| {
            shield(async {
                sleep(Duration::from_millis(1)).await;
                log.push("shielded");
            })
            .await;
            pending::<Fails<()>>().await
        });
        assert!(scope.await.is_err());
        assert_eq!(log.take(), ["shielded"]);
    });
}

#[test]
fn a_stopped_group_refuses_children() {
    run(async {
        let log = Log::default();
        let scope = TaskGroup::scope_until(yields(2), async |group| {
            let log = log.clone();
            group.spawn(async move {
                shield(yields(5)).await;
                let refused = group.spawn(async { Fails::Ok(()) });
                assert!(refused.is_finished());
                log.push("refused");
                Fails::Ok(())
            });
            pending::<Fails<()>>().await
        });
        assert!(scope.await.is_err());
        assert_eq!(log.take(), ["refused"]);
    });
}

#[test]
fn the_inner_limit_is_not_the_outer_ones() {
    run(async {
        let log = Log::default();
        let outer = TaskGroup::scope_timeout(Duration::from_secs(600), async |_| {
            let inner = TaskGroup::scope_timeout(Duration::from_millis(1), async |group| {
                group.spawn(slow_to_end(log.clone(), "inner child"));
                pending::<Fails<()>>().await
            });
            Fails::Ok(inner.await.is_err())
        });
        assert!(outer.await.unwrap().unwrap());
        assert_eq!(log.take(), ["inner child"]);
    });
}

#[test]
fn the_outer_limit_ends_an_inner_scope_and_awaits_its_children() {
    run(async {
        let log = Log::default();
        let outer = TaskGroup::scope_timeout(Duration::from_millis(1), async |_| {
            let inner = TaskGroup::scope_timeout(Duration::from_secs(600), async |group| {
                group.spawn(slow_to_end(log.clone(), "inner child"));
                pending::<Fails<()>>().await
            });
            Fails::Ok(inner.await.is_err())
        });
        assert!(outer.await.is_err());
        assert_eq!(log.take(), ["inner child"]);
    });
}

#[test]
fn both_limits_at_once_are_reported_once_by_the_outer() {
    run(async {
        let log = Log::default();
        let at = Instant::now() + Duration::from_millis(1);
        let outer = TaskGroup::scope_until(sleep_until(at), async |_| {
            let inner = TaskGroup::scope_until(sleep_until(at), async |group| {
                group.spawn(slow_to_end(log.clone(), "inner child"));
                pending::<Fails<()>>().await
            });
            let ended = inner.await;
            log.push("inner ended");
            yield_now().await;
            Fails::Ok(ended.is_err())
        });
        assert!(outer.await.is_err());
        assert_eq!(log.take(), ["inner child"]);
    });
}

#[test]
fn clean_up_after_a_stop_may_use_a_fresh_limit() {
    run(async {
        let log = Log::default();
        let scope = TaskGroup::scope_timeout(Duration::from_millis(1), async |group| {
            let log = log.clone();
            group.spawn(async move {
                defer(async move {
                    let slow = timeout(Duration::from_millis(1), pending::<()>());
                    assert!(slow.await.is_err());
                    let quick = timeout(Duration::from_secs(600), yields(2));
                    assert!(quick.await.is_ok());
                    log.push("cleaned up");
                });
                pending::<Fails<()>>().await
            });
            pending::<Fails<()>>().await
        });
        assert!(scope.await.is_err());
        assert_eq!(log.take(), ["cleaned up"]);
    });
}

#[test]
fn a_cancel_of_the_owner_under_a_limit_is_no_expiry() {
    run(async {
        let log = Log::default();
        let inner = log.clone();
        let task = spawn(async move {
            let scope = TaskGroup::scope_timeout(Duration::from_secs(600), async |group| {
                group.spawn(slow_to_end(inner.clone(), "child"));
                pending::<Fails<()>>().await
            });
            let ended = scope.await;
            inner.push(if ended.is_err() { "expired" } else { "ended" });
        });
        yields(3).await;
        task.cancel();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(log.take(), ["child"]);
    });
}

#[test]
fn the_error_of_a_limited_inner_group_goes_through_the_question_mark() {
    async fn serve() -> std::io::Result<u32> {
        let scope = TaskGroup::scope_timeout(Duration::from_secs(600), async |group| {
            let child = group.spawn(async { Err(std::io::ErrorKind::BrokenPipe.into()) });
            Ok(child.await?)
        });
        Ok(scope.await??)
    }
    run(async {
        let error = serve().await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
        let group = error.downcast::<GroupError<std::io::Error>>().unwrap();
        assert!(group.others.is_empty());
    });
}
