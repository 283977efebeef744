//! The limits of a blocking pool.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Threads that the default allows however few cores there are: sixteen slow name look-ups must
/// not hold up everything on a small machine, nor in a process that was pinned to one core before
/// the pool was made (pinned, it seems to have one core).
const DEFAULT_THREADS_MIN: usize = 32;

/// Threads that the default allows at most, as many as users of other runtimes are used to.
const DEFAULT_THREADS_MAX: usize = 512;

/// How a [`BlockingPool`](super::BlockingPool) is to be built.
#[derive(Clone)]
pub(crate) struct PoolConfig {
    /// How many threads may live at one time; 0 counts as 1.
    ///
    /// By default eight for each core, but at least 32 and at most 512: what blocks mostly waits
    /// (for a disk, for a name server), so more threads than cores are needed to keep either
    /// busy, and a thread that is not needed is not started.
    pub(crate) max_threads: usize,
    /// How many jobs may wait for their start before `try_spawn` refuses and `reserve` waits;
    /// 0 counts as 1. By default 1024.
    pub(crate) queue: usize,
    /// How long a thread sleeps without a job before it ends. By default 10 s.
    pub(crate) keep_alive: Duration,
    /// The first part of the threads' names, `<thread_name>-blocking-<N>`. The kernel shows the
    /// first 15 bytes of it. By default `annulus`.
    pub(crate) thread_name: String,
    /// Called first on each new thread, if given. A panic in it is caught.
    ///
    /// A thread inherits the CPU affinity and the signal mask of the thread that starts it, which
    /// is a loop's thread or another thread of the pool: here is the place to reset them.
    pub(crate) on_thread_start: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl PoolConfig {
    /// The same with the limits that cannot be met brought into bounds.
    pub(super) fn sound(mut self) -> Self {
        self.max_threads = self.max_threads.max(1);
        self.queue = self.queue.max(1);
        // A thread's name with a NUL in it would make std panic where the thread is started.
        self.thread_name.retain(|letter| letter != '\0');
        self
    }
}

impl Default for PoolConfig {
    fn default() -> Self {
        let cores = crate::sys::affinity::cores();
        PoolConfig {
            max_threads: (8 * cores).clamp(DEFAULT_THREADS_MIN, DEFAULT_THREADS_MAX),
            queue: 1024,
            keep_alive: Duration::from_secs(10),
            thread_name: "annulus".to_owned(),
            on_thread_start: None,
        }
    }
}

impl fmt::Debug for PoolConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolConfig")
            .field("max_threads", &self.max_threads)
            .field("queue", &self.queue)
            .field("keep_alive", &self.keep_alive)
            .field("thread_name", &self.thread_name)
            .finish_non_exhaustive()
    }
}
