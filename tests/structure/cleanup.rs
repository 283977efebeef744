//! Deferred clean-up: that it may do whatever a task may, and what bounds it.
//!
//! Mirrors what asyncio's tests say of `finally` blocks that await, and trio's of shielded
//! clean-up with a limit.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use annulus::net::{TcpListener, TcpStream};
use annulus::task::{TaskGroup, defer};
use annulus::time::{sleep, timeout};
use annulus::{Builder, Handle, Runtime, spawn, yield_now};

use super::support::{Log, OnDrop, run, yields};

const SOON: Duration = Duration::from_millis(2);
const HOUR: Duration = Duration::from_secs(3600);

fn limited(limit: Duration) -> Runtime {
    Builder::new().cleanup_limit(limit).build().expect("a loop")
}

#[test]
fn a_clean_up_may_await_io() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("its address");
        let task = spawn(async move {
            let stream = Rc::new(TcpStream::connect(address).await.expect("a connection"));
            let farewell = Rc::clone(&stream);
            defer(async move {
                farewell.write_all("goodbye").await.into_result().expect("written");
                let answer = farewell.recv().await.expect("an answer");
                assert_eq!(&*answer, b"so long");
            });
            let _bytes = stream.recv().await;
            unreachable!("nothing is sent before the cancel");
        });
        let (peer, _) = listener.accept().await.expect("a connection");
        yields(3).await;
        task.cancel();
        assert_eq!(&*peer.recv().await.expect("a farewell"), b"goodbye");
        assert!(!task.is_finished(), "it waits for the answer");
        peer.write_all("so long").await.into_result().expect("written");
        assert!(task.await.expect_err("cancelled").is_cancelled());
    });
}

#[test]
fn a_clean_up_may_set_its_own_limit_and_the_next_runs_after_it() {
    run(async {
        let log = Log::default();
        let (first, last) = (log.clone(), log.clone());
        let task = spawn(async move {
            defer(async move {
                sleep(SOON).await;
                last.push("slow, and done");
            });
            defer(async move {
                let late = timeout(SOON, pending::<()>()).await;
                assert!(late.is_err());
                first.push("gave up");
            });
            pending::<()>().await;
        });
        yield_now().await;
        task.cancel();
        assert!(task.await.expect_err("cancelled").is_cancelled());
        assert_eq!(log.take(), ["gave up", "slow, and done"]);
    });
}

#[test]
fn a_clean_up_may_defer_more() {
    run(async {
        let log = Log::default();
        let own = log.clone();
        spawn(async move {
            defer(async move {
                let late = own.clone();
                defer(async move { late.push("deferred by a clean-up") });
                yield_now().await;
                own.push("the clean-up");
            });
        })
        .await
        .expect("the task");
        assert_eq!(log.take(), ["the clean-up", "deferred by a clean-up"]);
    });
}

#[test]
fn a_handle_runs_or_disarms_one_of_several() {
    run(async {
        let log = Log::default();
        let own = log.clone();
        spawn(async move {
            let push = |what| {
                let log = own.clone();
                defer(async move { log.push(what) })
            };
            let (early, never) = (push("early"), push("never"));
            let _at_the_end = push("at the end");
            never.disarm();
            early.run().await;
            own.push("the body ends");
        })
        .await
        .expect("the task");
        assert_eq!(log.take(), ["early", "the body ends", "at the end"]);
    });
}

#[test]
fn a_clean_up_that_is_run_early_and_cancelled_there_is_dropped_and_not_run_again() {
    run(async {
        let (dropped, held) = OnDrop::new();
        let begun = Rc::new(Cell::new(0));
        let count = Rc::clone(&begun);
        let task = spawn(async move {
            let early = defer(async move {
                let _held = held;
                count.set(count.get() + 1);
                pending::<()>().await;
            });
            early.run().await;
        });
        yield_now().await;
        task.cancel();
        assert!(task.await.expect_err("cancelled").is_cancelled());
        assert_eq!((begun.get(), dropped.get()), (1, 1));
    });
}

#[test]
fn a_clean_up_beyond_the_limit_is_dropped_with_the_rest_and_the_join_ends_as_it_would_have() {
    for how in ["cancelled", "done", "panicked"] {
        limited(SOON).block_on(async {
            let (dropped, held) = OnDrop::new();
            let ran = Rc::new(RefCell::new(Vec::new()));
            let (first, last) = (Rc::clone(&ran), Rc::clone(&ran));
            let task = spawn(async move {
                defer(async move { last.borrow_mut().push("never") });
                defer(async move {
                    let _held = held;
                    pending::<()>().await;
                });
                defer(async move { first.borrow_mut().push("in time") });
                match how {
                    "done" => 5,
                    "panicked" => panic!("on purpose"),
                    _ => pending().await,
                }
            });
            yield_now().await;
            task.cancel();
            let end = task.await;
            match how {
                "done" => assert_eq!(end.expect("the value"), 5),
                "panicked" => assert!(end.expect_err("a panic").is_panic()),
                _ => assert!(end.expect_err("a cancel").is_cancelled()),
            }
            assert_eq!((*ran.borrow()).as_slice(), ["in time"], "{how}");
            assert_eq!(dropped.get(), 1);
            let metrics = Handle::current().metrics().expect("a loop");
            assert_eq!((metrics.tasks_alive, metrics.timers_standing), (0, 0));
        });
    }
}

#[test]
fn a_clean_up_within_the_limit_is_left_alone_and_leaves_no_timer() {
    limited(HOUR).block_on(async {
        let done = Rc::new(Cell::new(false));
        let note = Rc::clone(&done);
        let task = spawn(async move {
            defer(async move {
                yields(3).await;
                note.set(true);
            });
            pending::<()>().await;
        });
        yield_now().await;
        task.cancel();
        assert!(task.await.expect_err("cancelled").is_cancelled());
        assert!(done.get());
        assert_eq!(Handle::current().metrics().expect("a loop").timers_standing, 0);
    });
}

#[test]
fn a_clean_up_that_never_suspends_for_long_is_bounded_too() {
    limited(SOON).block_on(async {
        let task = spawn(async {
            defer(async {
                loop {
                    yield_now().await;
                }
            });
        });
        task.await.expect("the task");
    });
}

#[test]
fn the_limit_holds_for_the_future_given_to_block_on() {
    let dropped = limited(SOON).block_on(async {
        let (dropped, held) = OnDrop::new();
        defer(async move {
            let _held = held;
            pending::<()>().await;
        });
        dropped
    });
    assert_eq!(dropped.get(), 1);
}

#[test]
fn an_owner_whose_children_do_not_clean_up_in_time_ends_at_its_limit_and_so_do_they() {
    limited(SOON).block_on(async {
        let owner = spawn(async {
            let scope = TaskGroup::<()>::scope(async |group| {
                for _ in 0..3 {
                    group.spawn(async {
                        defer(pending::<()>());
                        pending::<Result<(), ()>>().await
                    });
                }
                pending::<Result<(), ()>>().await
            });
            let _never = scope.await;
        });
        yields(2).await;
        owner.cancel();
        assert!(owner.await.expect_err("cancelled").is_cancelled());
        while Handle::current().metrics().expect("a loop").tasks_alive > 0 {
            sleep(SOON).await;
        }
    });
}

#[test]
fn a_runtime_that_is_dropped_gives_the_grace_time_it_was_built_with() {
    for (grace, is_done) in [(Duration::ZERO, false), (HOUR, true)] {
        let runtime = Builder::new().shutdown_grace(grace).build().expect("a loop");
        let done = Rc::new(Cell::new(false));
        let note = Rc::clone(&done);
        runtime
            .spawn(async move {
                defer(async move {
                    sleep(SOON).await;
                    note.set(true);
                });
                pending::<()>().await;
            })
            .detach();
        runtime.block_on(yield_now());
        drop(runtime);
        assert_eq!(done.get(), is_done, "{grace:?}");
    }
}
