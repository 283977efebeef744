//! One job: a closure, later its outcome, and who waits for it, in one allocation.
//!
//! A [`Job`] is seen from two sides. The pool holds it as `dyn Run` and knows nothing of its
//! types; the handle holds the same allocation as `dyn Join<T>`.
//!
//! Whoever takes a job out of the pool's queue decides its end, and nobody else: a thread calls
//! [`Run::run`]; a cancel, a shutdown or a failed start calls [`Run::refuse`]. The queue's lock
//! makes that one party, so a closure is run once or dropped once, never both.
//!
//! The closure, its destructor, the destructor of its result, and wakers are foreign code: all
//! of it runs outside every lock, and no panic in it ends a thread of the pool.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::metrics::Counters;
use crate::task::JoinError;
use crate::threads::{Mutex, MutexGuard};

pub(super) struct Job<F, T>(Mutex<Cell<F, T>>);

struct Cell<F, T> {
    stage: Stage<F, T>,
    joiner: Joiner,
}

enum Stage<F, T> {
    /// Not started: in the queue, or on the way into or out of it.
    Waiting(F),
    /// The closure has been taken, to be run or to be dropped.
    Started,
    /// It is over, and nobody has taken the outcome yet.
    Ended(Result<T, JoinError>),
    /// The outcome has been handed over, or nobody wanted it.
    Taken,
}

enum Joiner {
    /// There is a handle, not polled yet or woken since.
    Held,
    /// There is a handle, and this wakes who polled it.
    Polled(Waker),
    /// The handle is gone: the outcome has to be dropped where it arises.
    Detached,
}

/// A job as the pool sees it.
pub(super) trait Run: Send + Sync {
    /// Calls the closure and publishes the outcome; `begun` is now, and so is what it returns,
    /// with who is to be woken.
    fn run(&self, counters: &Counters, begun: Instant) -> (Instant, Option<Waker>);

    /// Drops the closure and ends the job with `reason`.
    fn refuse(&self, reason: JoinError);
}

/// A job as its handle sees it.
pub(super) trait Join<T>: Send + Sync {
    fn poll_outcome(&self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>>;
    fn is_ended(&self) -> bool;
    fn detach(&self);
}

impl<F, T> Job<F, T> {
    pub(super) fn new(closure: F) -> Self {
        Job(Mutex::new(Cell { stage: Stage::Waiting(closure), joiner: Joiner::Held }))
    }

    /// The closure back, of a job that never got into the queue.
    pub(super) fn take_closure(&self) -> Option<F> {
        let mut cell = self.lock();
        match std::mem::replace(&mut cell.stage, Stage::Started) {
            Stage::Waiting(closure) => Some(closure),
            other => {
                cell.stage = other;
                None
            }
        }
    }

    /// No user code ever runs under this lock, so it is not poisoned.
    fn lock(&self) -> MutexGuard<'_, Cell<F, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores the outcome, or drops it if nobody wants it; gives who is to be woken.
    fn end(&self, outcome: Result<T, JoinError>) -> Option<Waker> {
        let mut cell = self.lock();
        let joiner = match cell.joiner {
            Joiner::Detached => {
                cell.stage = Stage::Taken;
                drop(cell);
                drop_quietly(outcome);
                return None;
            }
            _ => std::mem::replace(&mut cell.joiner, Joiner::Held),
        };
        cell.stage = Stage::Ended(outcome);
        drop(cell);
        match joiner {
            Joiner::Polled(waker) => Some(waker),
            _ => None,
        }
    }
}

impl<F, T> Run for Job<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn run(&self, counters: &Counters, begun: Instant) -> (Instant, Option<Waker>) {
        let Some(closure) = self.take_closure() else { return (begun, None) };
        let outcome = catch_unwind(AssertUnwindSafe(closure));
        let ended = Instant::now();
        counters.count_end(outcome.is_err(), ended.saturating_duration_since(begun));
        (ended, self.end(outcome.map_err(|payload| JoinError::panicked(None, payload))))
    }

    fn refuse(&self, reason: JoinError) {
        let Some(closure) = self.take_closure() else { return };
        // First the closure: who sees the end may count on its resources being free.
        drop_quietly(closure);
        wake_quietly(self.end(Err(reason)));
    }
}

impl<F, T> Join<T> for Job<F, T>
where
    F: Send + 'static,
    T: Send + 'static,
{
    fn poll_outcome(&self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>> {
        let mut cell = self.lock();
        let mut taken = cell.take_outcome();
        if taken.is_pending() {
            if matches!(&cell.joiner, Joiner::Polled(waker) if waker.will_wake(cx.waker())) {
                return Poll::Pending;
            }
            drop(cell);
            // Cloning and dropping a waker is foreign code, hence the lock is taken anew.
            let mut joiner = Joiner::Polled(cx.waker().clone());
            cell = self.lock();
            taken = cell.take_outcome();
            if taken.is_pending() {
                std::mem::swap(&mut cell.joiner, &mut joiner);
            }
            drop(cell);
            drop(joiner);
        } else {
            drop(cell);
        }
        taken.map(|outcome| outcome.expect("a `BlockingHandle` is not polled after its result"))
    }

    fn is_ended(&self) -> bool {
        matches!(self.lock().stage, Stage::Ended(_) | Stage::Taken)
    }

    fn detach(&self) {
        let mut cell = self.lock();
        let joiner = std::mem::replace(&mut cell.joiner, Joiner::Detached);
        let unread = match &cell.stage {
            Stage::Ended(_) => Some(std::mem::replace(&mut cell.stage, Stage::Taken)),
            _ => None,
        };
        drop(cell);
        drop_quietly((joiner, unread));
    }
}

impl<F, T> Cell<F, T> {
    /// Ready with the outcome when it is there, with `None` when it has been taken before.
    fn take_outcome(&mut self) -> Poll<Option<Result<T, JoinError>>> {
        match std::mem::replace(&mut self.stage, Stage::Taken) {
            Stage::Ended(outcome) => Poll::Ready(Some(outcome)),
            Stage::Taken => Poll::Ready(None),
            other => {
                self.stage = other;
                Poll::Pending
            }
        }
    }
}

/// Wakes, and lets no panic of a waker out.
pub(super) fn wake_quietly(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        quietly(|| waker.wake());
    }
}

/// Drops, and lets no panic of the destructor out.
pub(super) fn drop_quietly<T>(value: T) {
    quietly(|| drop(value));
}

/// Calls foreign code; a panic in it is reported by the panic hook and ends here.
pub(super) fn quietly(f: impl FnOnce()) {
    let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else { return };
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(payload)));
    if let Err(payload) = dropped {
        // A payload whose destructor panics with yet another payload: there is no end to that.
        let _: &mut (dyn Any + Send) = Box::leak(payload);
    }
}
