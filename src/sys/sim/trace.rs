//! What has happened: the last events in full, all of them as one number.
//!
//! The hash must be the same wherever the same seed runs, so nothing that the process decides goes
//! into it: no descriptor number, no address, no user data. Files and ops have serial numbers.

use std::collections::VecDeque;

/// How many events a failing run prints.
const KEPT: usize = 200;

/// One event, formatted only when somebody reads it.
#[derive(Debug, Clone, Copy)]
struct Event {
    now_ns: u64,
    what: &'static str,
    subject: u64,
    value: i64,
}

/// The events of a run.
#[derive(Debug)]
pub(super) struct Trace {
    events: VecDeque<Event>,
    hash: u64,
    count: u64,
}

impl Trace {
    pub(super) fn new(seed: u64) -> Trace {
        Trace { events: VecDeque::with_capacity(KEPT), hash: seed, count: 0 }
    }

    /// Notes that `what` happened to the op, file or host of this number.
    #[inline]
    pub(super) fn note(&mut self, now_ns: u64, what: &'static str, subject: u64, value: i64) {
        if self.events.len() == KEPT {
            self.events.pop_front();
        }
        self.events.push_back(Event { now_ns, what, subject, value });
        self.count += 1;
        // The first and last letters and the length tell the kinds of events apart.
        let letters = what.as_bytes();
        let kind = u64::from(letters[0]) << 16
            | u64::from(letters[letters.len() - 1]) << 8
            | letters.len() as u64;
        self.mix(now_ns ^ kind << 40);
        self.mix(subject ^ (value as u64).rotate_left(32));
    }

    #[inline]
    fn mix(&mut self, word: u64) {
        let mixed = (self.hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.hash = mixed ^ (mixed >> 32);
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The last events in words, the oldest first.
    pub(super) fn last(&self, count: usize) -> Vec<String> {
        let skipped = self.events.len().saturating_sub(count);
        let words = |event: &Event| {
            let Event { now_ns, what, subject, value } = event;
            let (seconds, rest) = (now_ns / 1_000_000_000, now_ns % 1_000_000_000);
            format!("{seconds}.{rest:09} {what} #{subject}: {value}")
        };
        self.events.iter().skip(skipped).map(words).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_events_have_equal_hashes_and_any_difference_shows() {
        let hash = |events: &[(u64, &'static str, u64, i64)]| {
            let mut trace = Trace::new(1);
            events.iter().for_each(|&(at, what, who, value)| trace.note(at, what, who, value));
            trace.hash()
        };
        let base = [(1, "submit", 2, 3), (4, "complete", 2, -1)];
        assert_eq!(hash(&base), hash(&base));
        for other in [
            [(1, "submit", 2, 3), (4, "complete", 2, -2)],
            [(1, "submit", 3, 3), (4, "complete", 2, -1)],
            [(1, "submit", 2, 3), (5, "complete", 2, -1)],
            [(1, "submit", 2, 3), (4, "cancel", 2, -1)],
            [(4, "complete", 2, -1), (1, "submit", 2, 3)],
        ] {
            assert_ne!(hash(&base), hash(&other), "{other:?}");
        }
    }

    #[test]
    fn only_the_last_events_are_kept() {
        let mut trace = Trace::new(1);
        (0..1000).for_each(|at| trace.note(at, "tick", at, 0));
        assert_eq!(trace.count(), 1000);
        let last = trace.last(2);
        assert_eq!(last, ["0.000000998 tick #998: 0", "0.000000999 tick #999: 0"]);
        assert_eq!(trace.last(usize::MAX).len(), KEPT);
    }
}
