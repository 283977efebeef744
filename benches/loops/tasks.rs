//! Tasks and wakes.

use std::cell::RefCell;
use std::future::poll_fn;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Poll, Waker};

use annulus::spawn;
use annulus::task::JoinSet;

use super::{Cost, costs, marked_costs, on_a_loop};

pub(crate) fn yields(rounds: u64) -> Cost {
    on_a_loop(async move {
        let task = spawn(costs(async move {
            for _ in 0..rounds {
                annulus::yield_now().await;
            }
        }));
        task.await.expect("the task")
    })
}

pub(crate) fn spawns(rounds: u64) -> Cost {
    on_a_loop(costs(async move {
        for round in 0..rounds {
            let task = spawn(async move { black_box(round) });
            black_box(task.await.expect("the task"));
        }
    }))
}

/// A thousand tasks at a time, so that the table and the queue are in use.
pub(crate) fn spawns_in_batches(rounds: u64) -> Cost {
    const BATCH: u64 = 1_000;
    let mut tasks = Vec::with_capacity(BATCH as usize);
    on_a_loop(costs(async move {
        let mut left = rounds;
        while left > 0 {
            let batch = left.min(BATCH);
            left -= batch;
            tasks.extend((0..batch).map(|round| spawn(async move { black_box(round) })));
            for task in tasks.drain(..) {
                black_box(task.await.expect("the task"));
            }
        }
    }))
}

pub(crate) fn join_sets(rounds: u64) -> Cost {
    on_a_loop(costs(async move {
        let mut tasks = JoinSet::new();
        for round in 0..rounds {
            tasks.spawn(async move { black_box(round) });
            black_box(tasks.join_next().await.expect("a result").expect("the task"));
        }
    }))
}

/// Two tasks that wake one another in turn; each of their polls is a round.
pub(crate) fn wakes(rounds: u64) -> Cost {
    let wakers: Rc<[RefCell<Option<Waker>>; 2]> = Rc::default();
    let player = |own: usize| {
        let wakers = Rc::clone(&wakers);
        let mut left = rounds / 2;
        poll_fn(move |cx| {
            wakers[own].replace(Some(cx.waker().clone()));
            if let Some(other) = wakers[1 - own].take() {
                other.wake();
            }
            if left == 0 {
                return Poll::Ready(());
            }
            left -= 1;
            Poll::Pending
        })
    };
    let players = [player(0), player(1)];
    on_a_loop(costs(async move {
        for task in players.map(spawn) {
            task.await.expect("the player");
        }
    }))
}

/// What a wake costs the thread that wakes, while the loop is busy and needs no kick. Each wake is
/// for another task, for a task that is on its way already is not sent again.
pub(crate) fn wakes_across(rounds: u64) -> Cost {
    let (to_main, from_loop) = mpsc::channel();
    let (to_loop, from_main) = mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        on_a_loop(async move {
            let tasks: Vec<_> = (0..rounds).map(|_| spawn(woken_twice(to_main.clone()))).collect();
            annulus::yield_now().await;
            for _ in 0..2 {
                from_main.recv().expect("the main thread");
                annulus::yield_now().await;
            }
            for task in tasks {
                task.await.expect("the task");
            }
        });
    });
    let wakers: Vec<Waker> = from_loop.iter().take(rounds as usize).collect();
    // The first pass grows the loop's queue.
    wakers.iter().for_each(Waker::wake_by_ref);
    to_loop.send(()).expect("the loop");
    (0..rounds).for_each(|_| drop(from_loop.recv().expect("the task")));
    let took = marked_costs(|| wakers.iter().for_each(Waker::wake_by_ref));
    to_loop.send(()).expect("the loop");
    thread.join().expect("the loop");
    took
}

/// Says its waker, and again when it has been woken, and ends with the second wake.
async fn woken_twice(tell: mpsc::Sender<Waker>) {
    for _ in 0..2 {
        let mut told = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut told, true) {
                return Poll::Ready(());
            }
            tell.send(cx.waker().clone()).expect("the main thread");
            Poll::Pending
        })
        .await;
    }
}

pub(crate) fn nops(rounds: u64) -> Cost {
    on_a_loop(costs(async move {
        for _ in 0..rounds {
            annulus::op::nop().await.expect("a nop");
        }
    }))
}

pub(crate) fn nops_by_many(rounds: u64) -> Cost {
    const TASKS: u64 = 256;
    on_a_loop(costs(async move {
        let task = || {
            spawn(async move {
                for _ in 0..rounds / TASKS {
                    annulus::op::nop().await.expect("a nop");
                }
            })
        };
        let tasks: Vec<_> = (0..TASKS).map(|_| task()).collect();
        for task in tasks {
            task.await.expect("the task");
        }
    }))
}

/// [`yields`] with a slow-down: a box in each round. The check of the counts has to see it.
pub(crate) fn yields_slowed(rounds: u64) -> Cost {
    on_a_loop(async move {
        let task = spawn(costs(async move {
            for round in 0..rounds {
                black_box(Box::new(round));
                annulus::yield_now().await;
            }
        }));
        task.await.expect("the task")
    })
}
