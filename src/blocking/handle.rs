//! The result of a blocking job, awaited.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::job::{Job, Join, Run};
use super::shared::{Admission, Refusal, Shared};
use crate::task::JoinError;

/// A blocking job that was handed over: a future of what its closure returns.
///
/// The job runs whether the handle is polled or not. Dropping the handle detaches the job: it
/// still runs, and a result that comes after that is dropped on the thread that ran it; say
/// [`detach`](BlockingHandle::detach) where that is meant. A panic in the closure is caught and
/// given back as a [`JoinError`]. So is one in the destructor of what the closure captured, but
/// if both panic at once, Rust ends the process.
///
/// # Cancellation
/// Polling is cancel-safe: the result stays until it is taken. [`cancel`](BlockingHandle::cancel)
/// takes back a job that has not started; one that runs cannot be stopped.
///
/// # Errors
/// [`JoinError`]: the closure panicked, or it never ran, because it was cancelled, the pool was
/// shut down, or the system refused the pool its first thread. One that never ran has been
/// dropped by then.
///
/// # Panics
/// When polled again after it gave its result.
#[must_use = "dropping the handle detaches the job; call `detach` to say that this is meant"]
pub struct BlockingHandle<T> {
    job: Arc<dyn Join<T>>,
    shared: Arc<Shared>,
    /// The job's place in the queue; `None` when it was refused.
    ticket: Option<u64>,
}

/// Why a job was not taken, with its closure, which has not been called.
#[non_exhaustive]
pub enum TrySpawnError<F> {
    /// As many jobs wait for their start as the queue may hold.
    Full(F),
    /// The pool has been shut down.
    Closed(F),
    /// The pool has no thread, and the system refused one.
    NoThread(F, io::Error),
}

impl<T: Send + 'static> BlockingHandle<T> {
    /// Hands `closure` over; refused, it is dropped and the handle ends with the reason.
    pub(super) fn spawn<F>(shared: &Arc<Shared>, closure: F, admission: Admission) -> Self
    where
        F: FnOnce() -> T + Send + 'static,
    {
        let job = Arc::new(Job::new(closure));
        let ticket = match shared.submit(job.clone(), admission) {
            Ok(ticket) => Some(ticket),
            Err(refusal) => {
                let cause = match refusal {
                    Refusal::NoThread(error) => Some(error),
                    Refusal::Full | Refusal::Closed => None,
                };
                shared.refuse(&*job as &dyn Run, cause);
                None
            }
        };
        BlockingHandle { job, shared: Arc::clone(shared), ticket }
    }

    /// Hands `closure` over; refused, it is given back.
    pub(super) fn try_spawn<F>(shared: &Arc<Shared>, closure: F) -> Result<Self, TrySpawnError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
    {
        let job = Arc::new(Job::new(closure));
        let refusal = match shared.submit(job.clone(), Admission::IfRoom) {
            Ok(ticket) => {
                let shared = Arc::clone(shared);
                return Ok(BlockingHandle { job, shared, ticket: Some(ticket) });
            }
            Err(refusal) => refusal,
        };
        let closure = job.take_closure().expect("a refused job keeps its closure");
        Err(match refusal {
            Refusal::Full => TrySpawnError::Full(closure),
            Refusal::Closed => TrySpawnError::Closed(closure),
            Refusal::NoThread(error) => TrySpawnError::NoThread(closure, error),
        })
    }
}

impl<T> BlockingHandle<T> {
    /// Takes the job back if it has not started: its closure is dropped here and now, the join
    /// ends as cancelled, and this is true. False when the job runs, or is over.
    pub fn cancel(&self) -> bool {
        self.ticket.is_some_and(|ticket| self.shared.cancel(ticket))
    }

    /// Whether the job is over: the next poll gives its result, or the last one gave it.
    pub fn is_finished(&self) -> bool {
        self.job.is_ended()
    }

    /// Lets the job run for its own sake; what it returns is dropped, and so is a panic.
    pub fn detach(self) {}
}

impl<T> Future for BlockingHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.job.poll_outcome(cx)
    }
}

impl<T> Drop for BlockingHandle<T> {
    fn drop(&mut self) {
        self.job.detach();
    }
}

impl<T> fmt::Debug for BlockingHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingHandle")
            .field("ticket", &self.ticket)
            .field("is_finished", &self.is_finished())
            .finish()
    }
}

impl<F> TrySpawnError<F> {
    /// The closure that was not taken.
    pub fn into_inner(self) -> F {
        match self {
            TrySpawnError::Full(closure)
            | TrySpawnError::Closed(closure)
            | TrySpawnError::NoThread(closure, _) => closure,
        }
    }
}

impl<F> fmt::Display for TrySpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrySpawnError::Full(_) => f.write_str("the queue of the blocking pool is full"),
            TrySpawnError::Closed(_) => f.write_str("the blocking pool has been shut down"),
            TrySpawnError::NoThread(_, error) => error.fmt(f),
        }
    }
}

impl<F> fmt::Debug for TrySpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrySpawnError::Full(_) => f.write_str("Full(..)"),
            TrySpawnError::Closed(_) => f.write_str("Closed(..)"),
            TrySpawnError::NoThread(_, error) => write!(f, "NoThread(.., {error:?})"),
        }
    }
}

impl<F> std::error::Error for TrySpawnError<F> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TrySpawnError::NoThread(_, error) => Some(error),
            _ => None,
        }
    }
}
