//! Several futures in one task: `join!`, `try_join!`, `select!`, `join_all`, `try_join_all`.
//!
//! Mirrors what tokio's `macros_join`, `macros_try_join` and `macros_select` suites and asyncio's
//! `gather` tests are about.

#[cfg(guard_pages)]
#[path = "../common/guard.rs"]
mod guard;

use std::cell::{Cell, RefCell};
use std::future::{pending, ready};
use std::rc::Rc;
use std::time::Duration;

use annulus::sync::{mpsc, oneshot};
use annulus::task::{join_all, try_join_all};
use annulus::time::{sleep, timeout};
use annulus::{join, select, try_join, yield_now};

fn run<F: Future>(future: F) -> F::Output {
    annulus::run(future).expect("a loop")
}

/// Says when it is dropped.
struct Flag(Rc<Cell<bool>>);

impl Drop for Flag {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

#[test]
fn a_join_polls_in_order_and_gives_all_outputs() {
    run(async {
        let log = RefCell::new(Vec::new());
        let step = |name, yields| {
            let log = &log;
            async move {
                for _ in 0..yields {
                    log.borrow_mut().push(name);
                    yield_now().await;
                }
                name
            }
        };
        let outputs = join!(step('a', 2), step('b', 1), step('c', 3));
        assert_eq!(outputs, ('a', 'b', 'c'));
        assert_eq!(*log.borrow(), ['a', 'b', 'c', 'a', 'c', 'c']);
    });
}

#[test]
fn a_branch_of_a_join_that_is_done_is_dropped_before_the_others() {
    run(async {
        let (sender, mut receiver) = mpsc::channel::<u32>(1);
        // The receiver's branch ends only when the sender's has let go of the sender.
        let (_, all) = join!(async move { sender.send(1).await.unwrap() }, async {
            let mut all = Vec::new();
            while let Some(value) = receiver.recv().await {
                all.push(value);
            }
            all
        });
        assert_eq!(all, [1]);
    });
}

#[test]
fn a_dropped_join_drops_every_branch() {
    run(async {
        let flags = [Rc::new(Cell::new(false)), Rc::new(Cell::new(false))];
        let (one, two) = (Flag(flags[0].clone()), Flag(flags[1].clone()));
        let joined = async {
            join!(
                async move {
                    let _held = one;
                    pending::<()>().await
                },
                async move { two }
            )
        };
        assert!(timeout(Duration::from_millis(1), joined).await.is_err());
        assert!(flags.iter().all(|flag| flag.get()));
    });
}

#[test]
fn a_try_join_ends_with_the_first_error_and_drops_the_others() {
    run(async {
        let flag = Rc::new(Cell::new(false));
        let held = Flag(flag.clone());
        let joined: Result<((), (), u32), &str> = try_join!(
            async move {
                let _held = held;
                pending().await
            },
            async {
                yield_now().await;
                Err("no")
            },
            async { Ok(1) }
        );
        assert_eq!(joined, Err("no"));
        assert!(flag.get());
        let joined: Result<_, ()> = try_join!(async { Ok(1) }, async { Ok("two") });
        assert_eq!(joined, Ok((1, "two")));
    });
}

#[test]
fn a_select_takes_the_upper_of_two_that_are_ready() {
    let winner = run(async {
        select! {
            one = ready(1) => one,
            two = ready(2) => two,
        }
    });
    assert_eq!(winner, 1);
}

#[test]
fn a_select_drops_the_losers_before_the_winners_code_runs() {
    run(async {
        let (sender, mut receiver) = mpsc::channel::<u32>(4);
        sender.send(5).await.unwrap();
        let got = select! {
            value = receiver.recv() => {
                // The borrow of the losing branch has ended.
                receiver.close();
                value
            }
            () = async { let _borrow = &sender; pending().await } => None,
        };
        assert_eq!(got, Some(5));
        let flag = Rc::new(Cell::new(false));
        let held = Flag(flag.clone());
        let was_dropped = select! {
            () = async move { let _held = held; pending().await } => false,
            () = ready(()) => flag.get(),
        };
        assert!(was_dropped);
    });
}

#[test]
fn a_branch_with_a_false_condition_is_never_polled() {
    run(async {
        let polled = Cell::new(false);
        let chosen = select! {
            () = async { polled.set(true) }, if false => "never",
            () = yield_now(), if !polled.get() => "yielded",
        };
        assert_eq!(chosen, "yielded");
        assert!(!polled.get());
    });
}

#[test]
fn an_output_that_does_not_match_disables_its_branch() {
    run(async {
        let chosen = select! {
            Some(value) = ready(None::<u32>) => value,
            value = async { yield_now().await; 7 } => value,
        };
        assert_eq!(chosen, 7);
        let fell_through = select! {
            Some(value) = ready(None::<u32>) => value,
            Ok(value) = ready(Err::<u32, ()>(())), if true => { value }
            else => 99,
        };
        assert_eq!(fell_through, 99);
    });
}

#[test]
#[should_panic(expected = "all branches of `select!` are out")]
fn a_select_without_a_branch_left_and_without_else_panics() {
    run(async {
        select! {
            Some(()) = ready(None) => {},
        }
    });
}

#[test]
fn a_future_that_lost_a_select_by_reference_goes_on() {
    run(async {
        let (sender, receiver) = oneshot::channel();
        let mut receiver = std::pin::pin!(receiver);
        let first = select! {
            value = &mut receiver => value.ok(),
            () = sleep(Duration::from_millis(1)) => None,
        };
        assert_eq!(first, None);
        sender.send(3).unwrap();
        let second = select! {
            value = &mut receiver => value.ok(),
            () = pending() => None,
        };
        assert_eq!(second, Some(3));
    });
}

#[test]
fn an_operation_by_reference_survives_a_select_with_its_buffer() {
    run(async {
        let mut op = std::pin::pin!(annulus::op::nop());
        let mut turns = 0;
        loop {
            select! {
                done = &mut op => { done.unwrap(); break }
                () = ready(()), if turns < 3 => { turns += 1; }
            }
        }
        assert_eq!(turns, 3);
    });
}

#[test]
fn a_list_is_joined_in_its_order_whatever_the_order_of_ends() {
    run(async {
        let sleepers = (0..20u64).map(|n| async move {
            sleep(Duration::from_micros(50 * (20 - n))).await;
            n
        });
        assert_eq!(join_all(sleepers).await, (0..20).collect::<Vec<_>>());
        assert_eq!(join_all(Vec::<std::future::Ready<u8>>::new()).await, []);
    });
}

#[test]
fn a_member_of_a_list_that_wakes_itself_does_not_keep_the_task() {
    run(async {
        let stop = Rc::new(Cell::new(false));
        let spinning = stop.clone();
        let task = annulus::spawn(async move {
            join_all([async {
                while !spinning.get() {
                    yield_now().await;
                }
            }])
            .await;
        });
        yield_now().await;
        yield_now().await;
        stop.set(true);
        task.await.unwrap();
    });
}

#[test]
fn only_the_members_that_were_woken_are_polled_again() {
    run(async {
        let polls = Rc::new(Cell::new(0));
        let (sender, receiver) = oneshot::channel();
        let mut receiver = Some(receiver);
        let members = (0..100).map(|n| {
            let polls = polls.clone();
            let receiver = (n == 50).then(|| receiver.take().expect("one of them"));
            async move {
                std::future::poll_fn(|_| {
                    polls.set(polls.get() + 1);
                    std::task::Poll::Ready(())
                })
                .await;
                match receiver {
                    Some(receiver) => receiver.await.unwrap(),
                    None if n == 99 => {
                        sleep(Duration::from_millis(2)).await;
                    }
                    None => {}
                }
            }
        });
        let joined = annulus::spawn(join_all(members.collect::<Vec<_>>()));
        yield_now().await;
        assert_eq!(polls.get(), 100);
        sender.send(()).unwrap();
        joined.await.unwrap();
        assert_eq!(polls.get(), 100);
    });
}

#[test]
fn the_first_failure_of_a_list_ends_it_and_drops_the_rest() {
    run(async {
        let dropped = Rc::new(Cell::new(0));
        struct Count(Rc<Cell<u32>>);
        impl Drop for Count {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        let members = (0..10).map(|n| {
            let held = Count(dropped.clone());
            async move {
                let _held = held;
                if n == 4 {
                    yield_now().await;
                    return Err(n);
                }
                pending::<Result<(), i32>>().await
            }
        });
        assert_eq!(try_join_all(members).await, Err(4));
        assert_eq!(dropped.get(), 10);
        let fine = try_join_all((0..3).map(|n| async move { Ok::<_, ()>(n) })).await;
        assert_eq!(fine, Ok(vec![0, 1, 2]));
    });
}

#[test]
fn three_sleeps_gathered_take_as_long_as_one() {
    run(async {
        let started = annulus::time::Instant::now();
        let nap = || sleep(Duration::from_millis(30));
        join!(nap(), nap(), nap());
        // A sum of sleeps would be 90 ms; a loaded machine may be late, never early.
        assert!(started.elapsed() >= Duration::from_millis(30));
    });
}
