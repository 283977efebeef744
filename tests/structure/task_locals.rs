//! Values that belong to a task: who has them, from when and until when.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use annulus::task::{JoinSet, TaskGroup, defer};
use annulus::{join, select, spawn, spawn_blocking, task_local};

use super::support::{Log, OnDrop, poll, run, yields};

task_local! {
    static NUMBER: u32;
    /// With attributes and a visibility.
    pub(crate) static NAME: &'static str;
    static SHARED: Cell<u32>
}

fn number() -> Option<u32> {
    NUMBER.try_get().ok()
}

#[test]
fn a_value_is_there_in_its_scope_and_not_outside() {
    run(async {
        assert_eq!(number(), None);
        let inside = NUMBER.scope(1, async {
            let before = number();
            yields(2).await;
            (before, number())
        });
        assert_eq!(inside.await, (Some(1), Some(1)));
        assert_eq!(number(), None);
    });
}

#[test]
fn scopes_nest_and_an_inner_one_hides_the_outer() {
    run(async {
        let seen = NUMBER.scope(1, async {
            let inner =
                NAME.scope("inner", NUMBER.scope(2, async { (number(), NAME.get()) })).await;
            (inner, number(), NAME.try_get().ok())
        });
        assert_eq!(seen.await, ((Some(2), "inner"), Some(1), None));
    });
}

#[test]
fn futures_side_by_side_have_each_its_own() {
    run(async {
        let one = NUMBER.scope(1, async {
            yields(3).await;
            number()
        });
        let two = NUMBER.scope(2, async {
            yields(1).await;
            number()
        });
        let none = async {
            yields(2).await;
            number()
        };
        assert_eq!(join!(one, two, none), (Some(1), Some(2), None));
    });
}

#[test]
fn a_spawned_task_has_what_its_spawner_had_also_when_the_scope_is_over() {
    run(async {
        let task = NUMBER.sync_scope(1, || {
            spawn(async {
                yields(3).await;
                let below = spawn(async { number() });
                (number(), below.await.expect("the task below"))
            })
        });
        assert_eq!(number(), None, "the scope is over");
        let other = spawn(async { number() });
        assert_eq!(task.await.expect("the task"), (Some(1), Some(1)));
        assert_eq!(other.await.expect("the other"), None, "spawned outside");
    });
}

#[test]
fn what_a_task_sets_its_spawner_does_not_see() {
    run(async {
        let seen = NUMBER.scope(1, async {
            let task = spawn(NUMBER.scope(2, async {
                yields(2).await;
                number()
            }));
            annulus::yield_now().await;
            (number(), task.await.expect("the task"), number())
        });
        assert_eq!(seen.await, (Some(1), Some(2), Some(1)));
    });
}

#[test]
fn children_of_groups_and_members_of_sets_inherit_too() {
    run(async {
        NUMBER
            .scope(5, async {
                let mut set = JoinSet::new();
                set.spawn(async { number() });
                assert_eq!(set.join_next().await.expect("one").expect("a value"), Some(5));
                let child = TaskGroup::<()>::scope(async |group| {
                    let child = group.spawn(async { Ok(number()) });
                    Ok((number(), child.await.expect("the child")))
                });
                assert_eq!(child.await.expect("no failure"), (Some(5), Some(5)));
            })
            .await;
    });
}

#[test]
fn an_inherited_value_is_shared_and_dropped_with_its_last_holder() {
    task_local! { static HELD: OnDrop; }
    run(async {
        let (dropped, value) = OnDrop::new();
        let task = HELD.sync_scope(value, || spawn(yields(3)));
        assert_eq!(dropped.get(), 0, "the task holds it");
        task.await.expect("the task");
        assert_eq!(dropped.get(), 1);

        SHARED
            .scope(Cell::new(0), async {
                spawn(async { SHARED.with(|shared| shared.set(7)) }).await.expect("the task");
                assert_eq!(SHARED.with(Cell::get), 7);
            })
            .await;
    });
}

#[test]
fn a_chain_of_tasks_that_each_set_the_key_holds_one_value() {
    task_local! { static LINK: (u32, OnDrop); }
    fn link(n: u32, dropped: Rc<Cell<usize>>) {
        let value = (n, OnDrop(Rc::clone(&dropped)));
        let next = LINK.scope(value, async move {
            assert_eq!(LINK.with(|(number, _)| *number), n);
            let alive = n as usize + 1 - dropped.get();
            assert!(alive <= 3, "{alive} values of {n} links are there");
            if n < 1000 {
                link(n + 1, dropped);
            }
        });
        spawn(next).detach();
    }
    run(async {
        let dropped = Rc::default();
        link(0, Rc::clone(&dropped));
        while dropped.get() < 1001 {
            annulus::yield_now().await;
        }
    });
}

#[test]
fn destructors_and_deferred_clean_up_have_it_however_the_task_ends() {
    type Drops = Rc<RefCell<Vec<(&'static str, Option<u32>)>>>;
    struct Seen(Drops, &'static str);
    impl Drop for Seen {
        fn drop(&mut self) {
            self.0.borrow_mut().push((self.1, number()));
        }
    }
    for how in ["done", "panic", "cancel", "abort", "shutdown"] {
        let log = Rc::default();
        run(async {
            let (inside, cleanup) =
                (Seen(Rc::clone(&log), "future"), Seen(Rc::clone(&log), "clean-up"));
            let task = NUMBER.sync_scope(3, || {
                spawn(async move {
                    let _inside = inside;
                    let scoped = NUMBER.scope(4, async move {
                        defer(async move {
                            annulus::yield_now().await;
                            drop(cleanup);
                        });
                    });
                    scoped.await;
                    match how {
                        "done" => {}
                        "panic" => panic!("on purpose"),
                        _ => std::future::pending().await,
                    }
                })
            });
            yields(2).await;
            match how {
                "cancel" => task.cancel(),
                "abort" => task.abort(),
                "shutdown" => return task.detach(),
                _ => {}
            }
            let _end = task.await;
            assert_eq!(number(), None);
        });
        assert_eq!(*log.borrow(), [("future", Some(3)), ("clean-up", Some(4))], "{how}");
    }
}

#[test]
fn a_future_that_is_dropped_in_its_scope_has_it() {
    struct Seen(Log);
    impl Drop for Seen {
        fn drop(&mut self) {
            self.0.push(NAME.try_get().unwrap_or("nothing"));
        }
    }
    let log = Log::default();
    let scope = |polls: usize| {
        let seen = Seen(log.clone());
        let mut future = NAME.scope("the value", async move {
            let _seen = seen;
            std::future::pending::<()>().await;
        });
        for _ in 0..polls {
            assert!(poll(&mut future).is_pending());
        }
        drop(future);
    };
    scope(0);
    scope(2);
    assert_eq!(log.take(), ["the value", "the value"]);
}

#[test]
fn a_panic_in_a_scope_leaves_nothing_set() {
    run(async {
        let task = spawn(NUMBER.scope(1, async {
            yields(1).await;
            panic!("on purpose")
        }));
        assert!(task.await.expect_err("it panicked").is_panic());
        assert_eq!(number(), None);
        let caught = std::panic::catch_unwind(|| NUMBER.sync_scope(1, || panic!("on purpose")));
        caught.expect_err("it panicked");
        assert_eq!(number(), None);
        assert_eq!(spawn(async { number() }).await.expect("the task"), None);
    });
}

#[test]
fn a_scope_that_moves_to_another_task_has_its_value_and_that_tasks_others() {
    run(async {
        let mut moved = Box::pin(NUMBER.scope(1, async {
            let before = (number(), NAME.try_get().ok());
            yields(1).await;
            (before, (number(), NAME.try_get().ok()))
        }));
        let first = NAME.scope("first", async {
            std::future::poll_fn(|cx| {
                assert!(moved.as_mut().poll(cx).is_pending());
                std::task::Poll::Ready(())
            })
            .await;
        });
        first.await;
        let seen = spawn(NAME.scope("second", moved)).await.expect("the task");
        assert_eq!(seen, ((Some(1), Some("first")), (Some(1), Some("second"))));
    });
}

#[test]
fn a_loop_run_in_a_scope_gives_the_value_to_its_own_future_only() {
    let runtime = annulus::Runtime::new().expect("a loop");
    let outside = runtime.spawn(async {
        yields(2).await;
        number()
    });
    let seen = NUMBER.sync_scope(1, || {
        runtime.block_on(async move {
            let spawned = spawn(async { number() });
            (number(), spawned.await.expect("inherits"), outside.await.expect("does not"))
        })
    });
    assert_eq!(seen, (Some(1), Some(1), None));
}

#[test]
fn a_loop_that_ends_in_a_scope_does_not_give_its_value_to_the_tasks_that_clean_up() {
    let runtime = annulus::Runtime::new().expect("a loop");
    let seen = Rc::new(Cell::new(Some(0)));
    let note = Rc::clone(&seen);
    runtime
        .spawn(async move {
            defer(async move { note.set(number()) });
            std::future::pending::<()>().await;
        })
        .detach();
    runtime.block_on(yields(1));
    NUMBER.sync_scope(1, || drop(runtime));
    assert_eq!(seen.get(), None);
}

#[test]
fn values_stay_on_their_thread() {
    run(NUMBER.scope(1, async {
        let there = spawn_blocking(number).await.expect("the job");
        assert_eq!(there, None, "the blocking pool");
        let handle = annulus::Handle::current();
        let there = std::thread::spawn(move || handle.spawn(|| async { number() }));
        let there = there.join().expect("the thread").await.expect("the task");
        assert_eq!(there, None, "spawned by another thread");
        assert_eq!(number(), Some(1));
    }));
}

#[test]
fn the_branches_of_a_select_see_what_their_task_sees() {
    run(NUMBER.scope(1, async {
        let seen = select! {
            seen = async { yields(1).await; number() } => seen,
            _ = std::future::pending::<()>() => None,
        };
        assert_eq!(seen, Some(1));
    }));
}

#[test]
fn a_key_that_is_not_set_says_so() {
    let error = NUMBER.try_with(|_| ()).expect_err("not set");
    assert!(error.to_string().contains("not set"), "{error}");
    let panic = std::panic::catch_unwind(|| NAME.get()).expect_err("not set");
    let message = panic.downcast_ref::<String>().expect("text");
    assert!(message.contains("not set"), "{message}");
    assert_eq!(NUMBER.sync_scope(3, || (number(), NAME.try_get().is_err())), (Some(3), true));
}
