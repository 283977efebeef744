//! How late the kernel ends this loop's waits, and so how much earlier to ask for their end.
//!
//! A processor that was idle takes its time to wake up: 3 µs on bare metal, 50 µs and more in a
//! virtual machine, whose host has to wake a processor first. So the loop measures how late its waits
//! end, and asks for the end of the next one so much earlier that three of four such waits still end
//! after the deadline, most of them just after it. Where one ends before it, the loop waits for the
//! rest in the kernel; what is due is decided by the clock alone, so no timer fires early. This costs
//! a second wait in one sleep of four and no spinning.

/// Waits that are remembered.
const SAMPLES: usize = 16;

/// Which of them, counted from the least, is what the next wait is expected to be late by: one of
/// four is less late.
const RANK: usize = SAMPLES / 4 - 1;

/// A machine that wakes this fast is left alone: a second wait would cost more than it gains.
const WORTHWHILE_NS: u32 = 10_000;

/// No wait ends earlier than this: a thread that is later has no processor to itself.
const LEAD_MAX_NS: u32 = 100_000;

/// The last waits of a loop that ended with their time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Oversleep {
    /// By how much they ended late; zero for those that have not been yet.
    late_ns: [u32; SAMPLES],
    next: usize,
    lead_ns: u32,
}

impl Oversleep {
    /// When a wait for `deadline_ns` that begins at `now_ns` is to end; `None` if the time is too
    /// short for an earlier end.
    #[inline]
    pub(super) fn end_of(&self, deadline_ns: u64, now_ns: u64) -> Option<u64> {
        let end_ns = deadline_ns.saturating_sub(u64::from(self.lead_ns));
        (end_ns > now_ns).then_some(end_ns)
    }

    /// Takes note that a wait which was to end at `end_ns` ended at `now_ns`; one that ended before
    /// was not ended by the time.
    pub(super) fn note(&mut self, end_ns: u64, now_ns: u64) {
        let Some(late_ns) = now_ns.checked_sub(end_ns) else { return };
        self.late_ns[self.next] = u32::try_from(late_ns).unwrap_or(u32::MAX);
        self.next = (self.next + 1) % SAMPLES;
        let mut sorted = self.late_ns;
        let lead_ns = *sorted.select_nth_unstable(RANK).1;
        self.lead_ns = if lead_ns < WORTHWHILE_NS { 0 } else { lead_ns.min(LEAD_MAX_NS) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: u64 = 1_000_000_000;

    /// What follows from waits that were late by so much.
    fn after(late: impl IntoIterator<Item = u64>) -> Oversleep {
        let mut oversleep = Oversleep::default();
        late.into_iter().for_each(|late| oversleep.note(DEADLINE, DEADLINE + late));
        oversleep
    }

    #[test]
    fn a_new_loop_waits_to_the_end_until_it_knows_its_machine() {
        assert_eq!(Oversleep::default().end_of(DEADLINE, 0), Some(DEADLINE));
        let few = (0..SAMPLES - RANK - 1).map(|_| 50_000);
        assert_eq!(after(few).end_of(DEADLINE, 0), Some(DEADLINE));
        let enough = (0..SAMPLES - RANK).map(|_| 50_000);
        assert_eq!(after(enough).end_of(DEADLINE, 0), Some(DEADLINE - 50_000));
    }

    #[test]
    fn a_quarter_of_the_waits_would_end_early_and_outliers_do_not_count() {
        let late = [9, 2, 14, 7, 5, 12, 3, 16, 1, 10, 4, 15, 8, 13, 6, 11].map(|n| n * 10_000);
        let oversleep = after(late);
        assert_eq!(oversleep.end_of(DEADLINE, 0), Some(DEADLINE - 40_000));
        let mut outliers = oversleep;
        (0..3).for_each(|_| outliers.note(DEADLINE, DEADLINE + 5_000_000_000));
        let lead = DEADLINE - outliers.end_of(DEADLINE, 0).unwrap();
        assert!((40_000..=70_000).contains(&lead), "{lead}");
    }

    #[test]
    fn the_last_waits_count_and_older_ones_are_forgotten() {
        let mut oversleep = after([80_000; SAMPLES]);
        assert_eq!(oversleep.end_of(DEADLINE, 0), Some(DEADLINE - 80_000));
        (0..SAMPLES).for_each(|_| oversleep.note(DEADLINE, DEADLINE + 20_000));
        assert_eq!(oversleep.end_of(DEADLINE, 0), Some(DEADLINE - 20_000));
    }

    #[test]
    fn a_fast_machine_is_left_alone_and_a_slow_one_is_not_followed_without_end() {
        assert_eq!(after([9_999; SAMPLES]).end_of(DEADLINE, 0), Some(DEADLINE));
        assert_eq!(after([7_000_000; SAMPLES]).end_of(DEADLINE, 0), Some(DEADLINE - 100_000));
    }

    #[test]
    fn a_time_that_is_too_short_for_it_is_waited_for_whole() {
        let oversleep = after([50_000; SAMPLES]);
        assert_eq!(oversleep.end_of(DEADLINE, DEADLINE - 50_001), Some(DEADLINE - 50_000));
        assert_eq!(oversleep.end_of(DEADLINE, DEADLINE - 50_000), None);
        assert_eq!(oversleep.end_of(DEADLINE, DEADLINE + 1), None);
        assert_eq!(oversleep.end_of(7, 0), None);
    }

    #[test]
    fn a_wait_that_something_else_has_ended_says_nothing() {
        let mut oversleep = after([50_000; SAMPLES]);
        (0..SAMPLES as u64).for_each(|early| oversleep.note(DEADLINE, DEADLINE - 1 - early));
        assert_eq!(oversleep.end_of(DEADLINE, 0), Some(DEADLINE - 50_000));
    }
}
