//! A short watch for the next job, before a thread goes to sleep.
//!
//! Who awaits one job after another hands the next one over as soon as it is woken. If it runs on
//! another core, a thread that has gone to sleep by then has to be woken across cores, which takes
//! longer than all the rest; so one thread stays awake for a moment. On the same core it would only
//! be in the way.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::sys::affinity::current_cpu;

/// About twice what a thread needs to wake up on another core.
const LONGEST: Duration = Duration::from_micros(60);

/// Who gave the last job from where, and whether a thread looks out.
///
/// These decide whether to look out and nothing else, so they are no part of what is modelled.
#[derive(Debug, Default)]
pub(super) struct Lookout {
    giver_cpu: AtomicUsize,
    is_taken: AtomicBool,
}

impl Lookout {
    /// Notes where a job comes from.
    pub(super) fn note_giver(&self) {
        self.giver_cpu.store(current_cpu(), Relaxed);
    }

    /// Stays awake until `is_called`, for a moment at the most, if that can be of use here.
    pub(super) fn watch(&self, is_called: impl Fn() -> bool) {
        if cfg!(all(test, loom)) || !self.begin(current_cpu()) {
            return;
        }
        let began = Instant::now();
        while !is_called() && began.elapsed() < LONGEST {
            for _ in 0..16 {
                std::hint::spin_loop();
            }
        }
        self.is_taken.store(false, Relaxed);
    }

    /// Whether the thread that runs here is to be the one that looks out.
    fn begin(&self, cpu: usize) -> bool {
        self.giver_cpu.load(Relaxed) != cpu && !self.is_taken.swap(true, Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thread_looks_out_and_only_for_a_giver_on_another_core() {
        let lookout = Lookout::default();
        lookout.giver_cpu.store(3, Relaxed);
        assert!(!lookout.begin(3));
        assert!(lookout.begin(1));
        assert!(!lookout.begin(2), "one looks out already");
    }

    #[test]
    fn a_watch_ends_with_the_call_or_by_itself_and_leaves_its_place() {
        let lookout = Lookout::default();
        for is_called in [true, false] {
            lookout.giver_cpu.store(usize::MAX, Relaxed);
            lookout.watch(|| is_called);
            assert!(!lookout.is_taken.load(Relaxed));
        }
    }
}
