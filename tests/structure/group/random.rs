//! A program with groups, dropped at every point, and at random.
//!
//! After trio's and tokio's "drop after k polls" tests: whatever the point, every child ends before
//! its owner's join does, each clean-up runs once, and nothing is left.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use annulus::task::{GroupError, JoinHandle, TaskGroup, defer, shield};
use annulus::time::timeout;
use annulus::{spawn, yield_now};

use crate::support::{run, yields};

/// Counts what is begun and what is ended.
#[derive(Clone, Default)]
struct Ledger(Rc<[Cell<u32>; 4]>);

impl Ledger {
    fn add(&self, entry: usize, change: u32) {
        self.0[entry].set(self.0[entry].get().wrapping_add(change));
    }

    /// Notes a task's body and its clean-up; both have to be ended by the end.
    fn enter(&self) -> Entered {
        self.add(0, 1);
        let late = self.clone();
        defer(async move {
            yields(2).await;
            late.add(1, 1);
        });
        Entered(self.clone())
    }

    fn assert_settled(&self) {
        let [begun, cleaned_up, left, _] = [0, 1, 2, 3].map(|entry| self.0[entry].get());
        assert_eq!((begun, begun), (cleaned_up, left));
    }
}

struct Entered(Ledger);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.add(2, 1);
    }
}

/// Nested groups, values, shields, an error that is handled, and a child that fails at the end.
async fn program(ledger: Ledger) -> Result<u32, u32> {
    let _entered = ledger.enter();
    let scope = TaskGroup::<u32>::scope(async |group| {
        let own = ledger.clone();
        let first = group.spawn(async move {
            let _entered = own.enter();
            yields(2).await;
            shield(yields(2)).await;
            Ok(1)
        });
        let own = ledger.clone();
        let second = group.spawn(async move {
            let _entered = own.enter();
            let inner = TaskGroup::<u32>::scope(async |inner| {
                let deep = own.clone();
                inner.spawn(async move {
                    let _entered = deep.enter();
                    pending::<Result<(), u32>>().await
                });
                let deep = own.clone();
                inner.spawn(async move {
                    let _entered = deep.enter();
                    yields(3).await;
                    Err::<(), _>(7)
                });
                yields(1).await;
                Ok(0)
            });
            Ok(inner.await.map_err(GroupError::into_error).unwrap_or_else(|error| error))
        });
        Ok(first.await.unwrap_or(100) + second.await.unwrap_or(100))
    });
    let sum = scope.await.map_err(GroupError::into_error)?;
    yield_now().await;
    Ok(sum)
}

fn begin(ledger: &Ledger) -> JoinHandle<Result<u32, u32>> {
    spawn(program(ledger.clone()))
}

#[test]
fn the_program_ends_well_when_it_is_left_alone() {
    run(async {
        let ledger = Ledger::default();
        assert_eq!(begin(&ledger).await.unwrap(), Ok(8));
        ledger.assert_settled();
    });
}

#[test]
fn cancelled_after_k_turns_for_all_k_it_is_settled_when_it_joins() {
    let mut k = 0;
    loop {
        let was_cancelled = run(async {
            let ledger = Ledger::default();
            let task = begin(&ledger);
            yields(k).await;
            task.cancel();
            let end = task.await;
            ledger.assert_settled();
            end.is_err()
        });
        if !was_cancelled {
            break;
        }
        k += 1;
    }
    assert!(k > 10, "the program has more points than {k}");
}

#[test]
fn dropped_after_k_polls_for_all_k_it_is_settled_when_its_task_joins() {
    let mut k = 0;
    loop {
        let was_dropped = run(async {
            let ledger = Ledger::default();
            let inner = ledger.clone();
            let owner = spawn(async move {
                let mut program = Box::pin(program(inner));
                let mut polls = 0;
                std::future::poll_fn(|cx| {
                    if polls == k {
                        return std::task::Poll::Ready(true);
                    }
                    polls += 1;
                    program.as_mut().poll(cx).map(|_| false)
                })
                .await
            });
            let was_dropped = owner.await.unwrap();
            ledger.assert_settled();
            was_dropped
        });
        if !was_dropped {
            break;
        }
        k += 1;
    }
    assert!(k > 3, "the program has more points than {k}");
}

#[test]
fn timed_out_at_random_by_every_kind_of_limit_it_is_settled() {
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    run(async {
        for _ in 0..200 {
            let ledger = Ledger::default();
            let limit = Duration::from_nanos(random.u64(0..40_000));
            let inner = ledger.clone();
            match random.u32(0..3) {
                0 => {
                    let limited = timeout(limit, program(inner));
                    let _either = spawn(limited).await.unwrap();
                }
                1 => {
                    let scope = TaskGroup::scope_timeout(limit, async |_| program(inner).await);
                    let _either = spawn(scope).await.unwrap();
                }
                _ => {
                    let task = spawn(async move { timeout(limit, begin(&inner)).await.is_ok() });
                    let in_time = task.await.unwrap();
                    // Out of time, the program was detached, not ended.
                    while !in_time && ledger.0[0].get() != ledger.0[1].get() {
                        yield_now().await;
                    }
                }
            }
            ledger.assert_settled();
        }
    });
}
