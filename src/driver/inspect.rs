//! What a driver says of itself.

use std::task::Waker;

use super::lifecycle::Lifecycle;
use super::{Counters, Driver, OpKey};
use crate::scheduler::Wake;
use crate::sys::clock;

/// One op in flight.
#[derive(Debug)]
pub(crate) struct OpInfo {
    pub(crate) name: &'static str,
    pub(crate) descriptor: Option<i32>,
    /// Since the turn before the op was pushed, in nanoseconds.
    pub(crate) age_ns: u64,
    pub(crate) is_abandoned: bool,
    /// Who waits for it.
    pub(crate) waker: Option<Waker>,
}

/// A deadline that is farther ahead than this, tasks will not have run past since the last turn.
const FAR_NS: u64 = 100_000_000;

/// How much of everything there is now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gauges {
    pub(crate) in_flight: usize,
    pub(crate) op_slots: usize,
    pub(crate) backlog: usize,
    pub(crate) descriptors: usize,
    pub(crate) buffers: u64,
    pub(crate) buffers_held: u64,
    pub(crate) buffers_exhausted: u64,
    pub(crate) kicks: u64,
}

impl Driver {
    /// When the last enter ended.
    #[inline]
    pub(crate) fn last_now(&self) -> u64 {
        self.now_ns
    }

    /// The time, for a wait until `deadline_ns`: read afresh unless that is far ahead.
    #[inline]
    pub(crate) fn now_before(&mut self, deadline_ns: u64) -> u64 {
        let is_far = deadline_ns.saturating_sub(self.now_ns) > FAR_NS;
        if is_far { self.now_ns } else { self.refresh_now() }
    }

    /// Completions so far.
    #[cfg(feature = "sim")]
    pub(crate) fn completions(&self) -> u64 {
        self.counters.completions
    }

    /// Whether the next turn has something to hand out or to submit, and will not wait.
    #[cfg(feature = "sim")]
    pub(crate) fn has_kept_back(&mut self) -> bool {
        let is_submitted = self.backlog.is_empty() && self.ring.unsubmitted() == 0;
        !is_submitted || !self.pending.is_empty()
    }

    /// Every op in flight.
    pub(crate) fn ops(&mut self) -> Vec<OpInfo> {
        let now_ns = clock::monotonic_tick_ns();
        let keys: Vec<_> = self.table.iter_mut().map(|(key, _)| key).collect();
        keys.into_iter().filter_map(|key| self.info(key, now_ns)).collect()
    }

    fn info(&mut self, key: OpKey, now_ns: u64) -> Option<OpInfo> {
        let slot = self.table.get(key)?;
        let (lifecycle, place, since_ns) = (slot.lifecycle, slot.counted, slot.since_ns);
        let name = slot.seat.name();
        let is_abandoned = match lifecycle {
            Lifecycle::Completed(_) => return None,
            Lifecycle::Abandoned => true,
            Lifecycle::Waiting(_) => false,
        };
        let waker = match (&slot.stream, lifecycle) {
            (Some(stream), _) => stream.waker().map(Wake::to_waker),
            (None, Lifecycle::Waiting(waiter)) => self.table.waker(key, waiter),
            (None, _) => None,
        };
        let descriptor = self.name(place).map(|fd| fd.descriptor().number());
        let age_ns = now_ns.saturating_sub(since_ns);
        Some(OpInfo { name, descriptor, age_ns, is_abandoned, waker })
    }

    /// The ops in flight now, and the system calls until now.
    pub(crate) fn effort(&mut self) -> (usize, u64) {
        (self.counters.in_flight(), self.counters.enters)
    }

    pub(crate) fn gauges(&self) -> Gauges {
        let (count, _, held) = self.pool.usage();
        Gauges {
            in_flight: self.counters.in_flight(),
            op_slots: self.table.slot_count(),
            backlog: self.backlog.len(),
            descriptors: self.descriptors.len(),
            buffers: u64::from(count),
            buffers_held: u64::from(held),
            buffers_exhausted: self.pool.exhausted,
            kicks: self.notifier.kicks(),
        }
    }

    pub(crate) fn counters(&self) -> Counters {
        self.counters
    }
}
