//! `JoinSet`: the semantics that tokio's `task_join_set` suite holds its own to.

use std::cell::Cell;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

use annulus::task::{self, JoinSet, defer};
use annulus::time::{sleep, timeout};
use annulus::{spawn, yield_now};

use crate::polls::poll_once;
use crate::support::{Log, OnDrop, poll_catching, run, yields};

#[test]
fn tasks_are_joined_in_the_order_in_which_they_end() {
    run(async {
        let mut set = JoinSet::new();
        for turns in [5, 1, 3, 0] {
            set.spawn(async move {
                yields(turns).await;
                turns
            });
        }
        assert_eq!((set.len(), set.is_empty()), (4, false));
        let mut ends = Vec::new();
        while let Some(end) = set.join_next().await {
            ends.push(end.unwrap());
        }
        assert_eq!(ends, [0, 1, 3, 5]);
        assert!(set.is_empty() && set.join_next().await.is_none());
    });
}

#[test]
fn a_set_works_before_it_has_a_loop_and_when_it_is_empty() {
    let mut set = JoinSet::<u32>::new();
    assert!(set.is_empty() && set.try_join_next().is_none());
    set.abort_all();
    set.cancel_all();
    set.detach_all();
    run(async move {
        assert!(set.join_next().await.is_none());
        set.shutdown().await;
        set.spawn(async { 1 });
        assert_eq!(set.join_all().await, [1]);
        assert!(JoinSet::<u32>::default().join_all().await.is_empty());
    });
}

#[test]
fn a_set_may_be_filled_again_after_it_was_empty() {
    run(async {
        let mut set = JoinSet::new();
        for round in 0..3 {
            set.extend((0..5).map(|n| async move { n * round }));
            let mut sum = 0;
            while let Some(end) = set.join_next().await {
                sum += end.unwrap();
            }
            assert_eq!(sum, 10 * round);
        }
    });
}

#[test]
fn dropping_a_set_aborts_its_tasks() {
    run(async {
        let log = Log::default();
        let (dropped, _) = OnDrop::new();
        dropped.set(0);
        let mut set = JoinSet::new();
        for _ in 0..10 {
            let (guard, log) = (OnDrop(dropped.clone()), log.clone());
            set.spawn(async move {
                let _guard = guard;
                defer(async move { log.push("never") });
                pending::<()>().await;
            });
        }
        yield_now().await;
        drop(set);
        yield_now().await;
        assert_eq!((dropped.get(), log.take().len()), (10, 0));
    });
}

#[test]
fn dropping_a_set_drops_the_outputs_that_nobody_took() {
    run(async {
        let (dropped, guard) = OnDrop::new();
        let mut set = JoinSet::new();
        set.spawn(async move { guard });
        yields(2).await;
        assert_eq!((dropped.get(), set.len()), (0, 1));
        drop(set);
        assert_eq!(dropped.get(), 1);
    });
}

#[test]
fn detached_tasks_run_on() {
    run(async {
        let count = Rc::new(Cell::new(0));
        let mut set = JoinSet::new();
        for turns in 0..4 {
            let count = count.clone();
            set.spawn(async move {
                yields(turns).await;
                count.set(count.get() + 1);
            });
        }
        yields(2).await;
        set.detach_all();
        assert!(set.is_empty() && set.join_next().await.is_none());
        drop(set);
        yields(8).await;
        assert_eq!(count.get(), 4);
    });
}

#[test]
fn one_task_can_be_ended_by_its_handle() {
    run(async {
        let mut set = JoinSet::new();
        let handles: Vec<_> = (0..4)
            .map(|_| {
                set.spawn(async {
                    yields(4).await;
                    1
                })
            })
            .collect();
        handles[1].abort();
        handles[2].cancel();
        yields(3).await;
        assert!(handles[1].is_finished() && !handles[0].is_finished());
        let (mut lived, mut ended) = (0, 0);
        while let Some((id, end)) = set.join_next_with_id().await {
            match end {
                Ok(one) => lived += one,
                Err(error) => {
                    assert!(error.is_cancelled());
                    assert!([handles[1].id(), handles[2].id()].contains(&id));
                    ended += 1;
                }
            }
        }
        assert_eq!((lived, ended), (2, 2));
    });
}

#[test]
fn cancel_all_lets_clean_up_run_and_abort_all_does_not() {
    run(async {
        for (abort, expected) in [(false, 3), (true, 0)] {
            let log = Log::default();
            let mut set = JoinSet::new();
            for _ in 0..3 {
                let log = log.clone();
                set.spawn(async move {
                    defer(async move {
                        sleep(Duration::from_millis(1)).await;
                        log.push("cleaned up");
                    });
                    pending::<()>().await;
                });
            }
            yield_now().await;
            if abort {
                set.abort_all()
            } else {
                set.cancel_all()
            }
            assert_eq!(set.len(), 3);
            while let Some(end) = set.join_next().await {
                assert!(end.unwrap_err().is_cancelled());
            }
            assert_eq!(log.take().len(), expected);
        }
    });
}

#[test]
fn shutdown_awaits_the_clean_up_of_all() {
    run(async {
        let log = Log::default();
        let mut set = JoinSet::new();
        for _ in 0..3 {
            let log = log.clone();
            set.spawn(async move {
                defer(async move {
                    sleep(Duration::from_millis(1)).await;
                    log.push("cleaned up");
                });
                pending::<()>().await;
            });
        }
        yield_now().await;
        set.shutdown().await;
        assert_eq!((set.len(), log.take().len()), (0, 3));
    });
}

#[test]
fn a_panic_is_its_tasks_end_and_the_others_go_on() {
    run(async {
        let mut set = JoinSet::new();
        set.spawn(async { panic!("on purpose") });
        set.spawn(async { 2 });
        let first = set.join_next().await.unwrap();
        assert_eq!(first.unwrap_err().panic_message(), Some("on purpose"));
        assert_eq!(set.join_next().await.unwrap().unwrap(), 2);
    });
}

#[test]
fn join_all_goes_on_with_a_panic_and_aborts_the_rest() {
    run(async {
        let (dropped, guard) = OnDrop::new();
        let mut set = JoinSet::new();
        set.spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        set.spawn(async { panic!("on purpose") });
        let caught = poll_catching(AssertUnwindSafe(set.join_all())).await;
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"on purpose"));
        yield_now().await;
        assert_eq!(dropped.get(), 1);

        let mut set = JoinSet::new();
        set.spawn(pending::<()>()).abort();
        let caught = poll_catching(AssertUnwindSafe(set.join_all())).await.unwrap_err();
        let message = caught.downcast_ref::<String>().unwrap();
        assert!(message.contains("was cancelled"), "{message}");
    });
}

#[test]
fn try_join_next_takes_only_what_has_ended() {
    run(async {
        let mut set = JoinSet::new();
        set.spawn(async { 1 });
        assert!(set.try_join_next().is_none());
        set.spawn(async {
            yields(3).await;
            2
        });
        yield_now().await;
        assert_eq!(set.try_join_next().unwrap().unwrap(), 1);
        assert!(set.try_join_next().is_none());
        assert_eq!(set.join_next().await.unwrap().unwrap(), 2);
        assert!(set.try_join_next().is_none());
    });
}

#[test]
fn a_join_that_is_dropped_takes_nothing() {
    run(async {
        let mut set = JoinSet::new();
        for turns in 0..20 {
            set.spawn(async move {
                yields(turns).await;
                turns
            });
        }
        let mut ends = Vec::new();
        while !set.is_empty() {
            // Polled once and dropped, again and again.
            match poll_once(&mut Box::pin(set.join_next())).await {
                Some(end) => ends.push(end.unwrap().unwrap()),
                None => yield_now().await,
            }
            if let Ok(end) = timeout(Duration::ZERO, set.join_next()).await {
                ends.extend(end.map(Result::unwrap));
            }
        }
        assert_eq!(ends, (0..20).collect::<Vec<_>>());
    });
}

#[test]
fn a_set_that_changes_its_task_wakes_the_one_that_waits_last() {
    run(async {
        let mut set = JoinSet::new();
        set.spawn(async {
            yields(5).await;
            9
        });
        assert!(poll_once(&mut Box::pin(set.join_next())).await.is_none());
        let task = spawn(async move { set.join_next().await });
        assert_eq!(task.await.unwrap().unwrap().unwrap(), 9);
    });
}

#[test]
fn a_task_is_joined_after_its_clean_up() {
    run(async {
        let log = Log::default();
        let inner = log.clone();
        let mut set = JoinSet::new();
        set.spawn(async move {
            defer(async move {
                yields(3).await;
                inner.push("cleaned up");
            });
        });
        set.join_next().await.unwrap().unwrap();
        assert_eq!(log.take(), ["cleaned up"]);
    });
}

#[test]
fn ten_thousand_tasks_are_joined_once_each() {
    run(async {
        let mut set: JoinSet<usize> = (0..10_000)
            .map(|n: usize| async move {
                yields((n * 7919) % 11).await;
                n
            })
            .collect();
        let mut seen = vec![false; 10_000];
        while let Some(end) = set.join_next().await {
            assert!(!std::mem::replace(&mut seen[end.unwrap()], true));
        }
        assert!(seen.into_iter().all(|seen| seen));
    });
}

#[test]
fn the_destructor_of_an_output_may_use_the_loop() {
    struct Spawns(Rc<Cell<u32>>);
    impl Drop for Spawns {
        fn drop(&mut self) {
            let count = self.0.clone();
            spawn(async move { count.set(count.get() + 1) }).detach();
        }
    }
    run(async {
        let count = Rc::new(Cell::new(0));
        let mut set = JoinSet::new();
        for _ in 0..3 {
            let output = Spawns(count.clone());
            set.spawn(async move { output });
        }
        yields(2).await;
        drop(set);
        yields(2).await;
        assert_eq!(count.get(), 3);
    });
}

#[test]
fn a_set_dropped_on_another_thread_or_after_its_loop_is_ended_at_home() {
    fn may_be_sent<T: Send>(value: T) -> T {
        value
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    let outlives = run(async {
        let (dropped, guard) = OnDrop::new();
        let mut set = JoinSet::new();
        set.spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        yield_now().await;
        let set = may_be_sent(set);
        std::thread::spawn(move || drop(set)).join().unwrap();
        while dropped.get() == 0 {
            annulus::op::nop().await.unwrap();
        }
        let mut outlives = JoinSet::new();
        outlives.spawn(async move {
            defer(async move { sender.send(task::is_cancelled()).unwrap() });
            pending::<()>().await;
        });
        yield_now().await;
        outlives
    });
    assert_eq!(receiver.recv(), Ok(true));
    assert!(outlives.is_empty());
    drop(outlives);
}

#[test]
fn a_task_refused_by_a_loop_that_ends_is_joined_as_cancelled() {
    struct SpawnsLate(Rc<Cell<u32>>);
    impl Drop for SpawnsLate {
        fn drop(&mut self) {
            let mut set = JoinSet::new();
            set.spawn(async { unreachable!("the loop is closing") });
            let end: Result<(), _> = set.try_join_next().expect("refused at once");
            assert!(end.unwrap_err().is_cancelled());
            self.0.set(self.0.get() + 1);
        }
    }
    let count = Rc::new(Cell::new(0));
    let inner = count.clone();
    let runtime = annulus::Runtime::new().unwrap();
    runtime.block_on(async move {
        let late = SpawnsLate(inner);
        spawn(async move {
            let _late = late;
            // Cannot be cancelled, so the loop aborts it when its grace is over.
            task::shield(pending::<()>()).await;
        })
        .detach();
        yield_now().await;
    });
    runtime.shutdown_timeout(Duration::from_millis(1));
    assert_eq!(count.get(), 1);
}

#[test]
fn random_programs_join_every_task_once() {
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    run(async {
        for _ in 0..300 {
            let mut set = JoinSet::new();
            let (mut handles, mut joined) = (Vec::new(), 0);
            for _ in 0..random.usize(1..40) {
                match random.u32(0..5) {
                    0 | 1 => {
                        let (turns, panics) = (random.usize(0..5), random.u32(0..6) == 0);
                        handles.push(set.spawn(async move {
                            yields(turns).await;
                            assert!(!panics);
                        }));
                    }
                    2 => joined += usize::from(set.try_join_next().is_some()),
                    3 if !handles.is_empty() => {
                        let handle = &handles[random.usize(..handles.len())];
                        if random.bool() { handle.abort() } else { handle.cancel() }
                    }
                    _ => yields(random.usize(0..3)).await,
                }
                assert_eq!(set.len() + joined, handles.len());
            }
            while set.join_next().await.is_some() {
                joined += 1;
            }
            assert_eq!(joined, handles.len());
        }
    });
}
