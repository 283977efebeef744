//! Tasks: joins, cancels, clean-up.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use annulus::task::{self, defer, shield};
use annulus::time::sleep;
use annulus::{spawn, yield_now};

type Log = Rc<RefCell<Vec<&'static str>>>;

#[test]
fn a_cancelled_task_runs_what_it_deferred_last_in_first_out_and_then_joins() {
    annulus::run(async {
        let log = Log::default();
        let inner = log.clone();
        let t = spawn(async move {
            let (a, b, c) = (inner.clone(), inner.clone(), inner.clone());
            defer(async move {
                sleep(Duration::from_millis(1)).await;
                a.borrow_mut().push("first")
            });
            defer(async move { b.borrow_mut().push("second") });
            defer(async move { c.borrow_mut().push("never") }).disarm();
            std::future::pending::<()>().await;
        });
        yield_now().await;
        t.cancel();
        let err = t.await.unwrap_err();
        assert!(err.is_cancelled());
        assert_eq!(*log.borrow(), ["second", "first"]);
    })
    .unwrap();
}

#[test]
fn a_shield_holds_a_cancel_back_until_it_is_done() {
    annulus::run(async {
        let log = Log::default();
        let inner = log.clone();
        let t = spawn(async move {
            shield(async {
                yield_now().await;
                sleep(Duration::from_millis(1)).await;
                assert!(task::is_cancelled());
                task::cancelled().await;
                inner.borrow_mut().push("shielded");
            })
            .await;
            inner.borrow_mut().push("after");
            yield_now().await;
            inner.borrow_mut().push("never");
        });
        yield_now().await;
        t.cancel();
        assert!(t.await.unwrap_err().is_cancelled());
        assert_eq!(*log.borrow(), ["shielded", "after"]);
    })
    .unwrap();
}

#[test]
fn clean_up_also_runs_after_a_normal_end_a_panic_and_at_shutdown_but_not_after_an_abort() {
    let log = Log::default();
    let push = |what| {
        let log = log.clone();
        async move { log.borrow_mut().push(what) }
    };
    annulus::run(async {
        let (a, b, c, d, e) =
            (push("done"), push("panicked"), push("aborted"), push("shutdown"), push("root"));
        spawn(async move {
            defer(a);
            1
        })
        .await
        .unwrap();
        assert!(
            spawn(async move {
                defer(b);
                panic!("on purpose")
            })
            .await
            .unwrap_err()
            .is_panic()
        );
        let t = spawn(async move {
            defer(c);
            std::future::pending::<()>().await
        });
        yield_now().await;
        t.abort();
        assert!(t.await.unwrap_err().is_cancelled());
        spawn(async move {
            defer(async move {
                sleep(Duration::from_millis(2)).await;
                d.await
            });
            std::future::pending::<()>().await
        })
        .detach();
        yield_now().await;
        defer(e);
    })
    .unwrap();
    assert_eq!(*log.borrow(), ["done", "panicked", "root", "shutdown"]);
}
