//! Runs closures that would block, on threads of its own, bounded.
//!
//! It is for what a loop cannot do without standing still: name look-ups, foreign libraries,
//! ops whose opcode the kernel lacks, user code that computes or waits. It knows nothing of loops,
//! rings or tasks: a closure goes in, and what comes out is a future that anything can poll.
//!
//! # A job's way
//! [`BlockingPool::spawn`] puts the closure in one allocation with room for its outcome and for
//! the waker of who will ask, and that into a first-in first-out queue; if no thread is already
//! on its way to the queue, one is called or started (`state`). The thread takes the job
//! (`thread`), calls the closure under `catch_unwind`, stores the outcome, and wakes whoever
//! polled the handle (`job`). No lock is held while foreign code runs: the closure, its
//! destructor, that of its result, and wakers may all use the pool again.
//!
//! # What is bounded
//! Threads: started when a job finds none idle, up to `max_threads`, ended after `keep_alive`
//! without work. The queue: a job once handed over always runs unless it is cancelled, so `spawn`
//! takes every job, also beyond `queue` (the metrics count these as `waiting`); who can be told
//! to come later uses `try_spawn`, which gives the closure back, and who can wait awaits
//! `reserve` first, which makes the number of jobs that exist, and so their memory, bounded
//! without ever blocking a loop's thread.
//!
//! # What the threads are like
//! They are named `<name>-blocking-<N>`, inherit signal mask and CPU affinity of the thread that
//! starts them (reset them in `on_thread_start`), and keep what closures leave in thread-local
//! variables. They are not joined: past a shutdown, a closure that does not end goes on alone, and
//! is cut off when the process ends.

mod config;
mod current;
mod handle;
mod job;
mod line;
mod lookout;
mod metrics;
#[cfg(all(test, any(loom, miri)))]
mod models;
mod permit;
mod shared;
#[cfg(feature = "sim")]
mod simulated;
mod state;
#[cfg(test)]
mod tests;
mod thread;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use config::PoolConfig;
pub(crate) use current::{Current, current, install};
pub use current::{blocking_ready, spawn_blocking, try_spawn_blocking};
pub use handle::{BlockingHandle, TrySpawnError};
pub use metrics::BlockingMetrics;
pub use permit::{Permit, Reserve};
use shared::{Admission, Shared};

/// Threads that run closures which may block. Loops share one behind an `Arc`.
///
/// Dropping it is a [`shutdown`](BlockingPool::shutdown) that waits for nothing.
pub(crate) struct BlockingPool {
    shared: Arc<Shared>,
}

impl BlockingPool {
    /// Starts no thread yet.
    pub(crate) fn new(config: PoolConfig) -> Self {
        BlockingPool { shared: Shared::new(config) }
    }

    /// Hands `closure` over, to be run as soon as a thread is free, in the order of handing over.
    /// Never blocks, also when the queue is full.
    ///
    /// After a shutdown, or when the pool has no thread and the system refuses one, the closure
    /// is dropped and the handle ends with a [`JoinError`](crate::task::JoinError) that says so.
    pub(crate) fn spawn<F, T>(&self, closure: F) -> BlockingHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        BlockingHandle::spawn(&self.shared, closure, Admission::Always)
    }

    /// Hands `closure` over if the queue has room for it.
    ///
    /// # Errors
    /// Gives the closure back, uncalled, with the reason.
    pub(crate) fn try_spawn<F, T>(&self, closure: F) -> Result<BlockingHandle<T>, TrySpawnError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        BlockingHandle::try_spawn(&self.shared, closure)
    }

    /// Waits for room in the queue: `pool.reserve().await.spawn(closure)`. Those who wait are
    /// served in order, and before any `try_spawn`. Ready at once after a shutdown.
    pub(crate) fn reserve(&self) -> Reserve {
        Reserve::new(&self.shared)
    }

    /// Whether there is a job whose end has not been told to who awaits it.
    #[cfg(feature = "test-util")]
    pub(crate) fn has_untold_jobs(&self) -> bool {
        self.shared.has_untold_jobs()
    }

    pub(crate) fn metrics(&self) -> BlockingMetrics {
        self.shared.metrics()
    }

    /// Ends the pool: takes no more jobs, ends those not started as cancelled (their closures are
    /// dropped here), and waits for those that run up to `wait`, blocking this thread. Gives the
    /// number of closures that still run then; they are left to themselves, and their handles
    /// still get their results.
    ///
    /// Called from a job of the pool itself it waits for that job too, that is, for all of `wait`.
    pub(crate) fn shutdown(&self, wait: Duration) -> usize {
        self.shared.shutdown(wait)
    }
}

impl Drop for BlockingPool {
    fn drop(&mut self) {
        self.shutdown(Duration::ZERO);
    }
}

impl fmt::Debug for BlockingPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingPool")
            .field("config", &self.shared.config)
            .field("metrics", &self.metrics())
            .finish()
    }
}
