//! What the blocking pool counts.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::threads::{AtomicU64, AtomicUsize};

/// A snapshot of the blocking pool: how busy it is now, and what it has done since it was made.
///
/// Every job that was accepted is in exactly one of `queued`, `waiting`, `running`, `completed`,
/// `panicked` and `cancelled`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockingMetrics {
    /// Threads that live now, those that are just being started included.
    pub threads: usize,
    /// The most threads that ever lived at one time.
    pub threads_peak: usize,
    /// Threads that sleep, waiting for a job.
    pub idle: usize,
    /// Jobs not yet started, within the limit of the queue.
    pub queued: usize,
    /// Jobs not yet started that were handed over although the queue was full.
    pub waiting: usize,
    /// Jobs whose closure runs now.
    pub running: usize,
    /// Jobs whose closure returned.
    pub completed: u64,
    /// Jobs whose closure panicked.
    pub panicked: u64,
    /// Jobs that were dropped before they started.
    pub cancelled: u64,
    /// Time that all started jobs together waited for their start, in nanoseconds.
    pub wait_total_ns: u64,
    /// Time that all finished closures together ran, in nanoseconds.
    pub run_total_ns: u64,
    /// How often the system refused to start a thread.
    pub thread_refusals: u64,
}

/// The counters that change outside the pool's lock. All are statistics: nothing is decided by
/// them but the figure that a shutdown reports.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) running: AtomicUsize,
    pub(super) completed: AtomicU64,
    pub(super) panicked: AtomicU64,
    pub(super) cancelled: AtomicU64,
    pub(super) run_total_ns: AtomicU64,
    /// Jobs that were started and whose end has not been told to who awaits it.
    #[cfg(feature = "test-util")]
    pub(super) untold: AtomicUsize,
}

impl Counters {
    /// Counts the start of a closure. Comes under the pool's lock.
    pub(super) fn count_start(&self) {
        self.running.fetch_add(1, Relaxed);
        #[cfg(feature = "test-util")]
        self.untold.fetch_add(1, Relaxed);
    }

    /// Counts that who awaits a job has been told of its end.
    pub(super) fn count_told(&self) {
        #[cfg(feature = "test-util")]
        self.untold.fetch_sub(1, std::sync::atomic::Ordering::Release);
    }

    /// Counts the end of a closure. Comes before the result is published, so whoever has seen
    /// the result also finds it counted.
    pub(super) fn count_end(&self, panicked: bool, ran: Duration) {
        let ends = if panicked { &self.panicked } else { &self.completed };
        ends.fetch_add(1, Relaxed);
        self.run_total_ns.fetch_add(nanoseconds(ran), Relaxed);
        self.running.fetch_sub(1, Relaxed);
    }
}

/// Whole nanoseconds; five centuries and more count as five centuries.
pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
