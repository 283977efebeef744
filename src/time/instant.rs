//! A point of the monotonic clock.
//!
//! The same idea as std's `Instant`, but a plain count of nanoseconds: it is what the wheel and the
//! kernel's wait count by, it can be made from one, and arithmetic saturates instead of wrapping or
//! panicking. The largest instant stands for *never*.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::time::Duration;

/// A point of the monotonic clock, with a resolution of a nanosecond.
///
/// Arithmetic saturates: at the far end at a point some 580 years ahead, which stands for "never";
/// at the near end at the clock's zero. So `Instant::now() + Duration::MAX` is a valid deadline
/// that is not reached.
///
/// ```
/// use annulus::time::{Duration, Instant};
///
/// let start = Instant::now();
/// let deadline = start + Duration::from_millis(250);
/// assert_eq!(deadline - start, Duration::from_millis(250));
/// assert_eq!(start - deadline, Duration::ZERO);
/// assert!(start + Duration::MAX > deadline);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The present: a fresh reading of the clock, on every call.
    #[inline]
    pub fn now() -> Self {
        Instant(now_ns())
    }

    /// The time that has passed since this instant; zero if it lies ahead.
    #[inline]
    pub fn elapsed(&self) -> Duration {
        Instant::now().duration_since(*self)
    }

    /// The time from `earlier` to this instant; zero if `earlier` is the later one.
    #[inline]
    pub fn duration_since(&self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The time from `earlier` to this instant; zero if `earlier` is the later one.
    #[inline]
    pub fn saturating_duration_since(&self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }

    /// The time from `earlier` to this instant; `None` if `earlier` is the later one.
    #[inline]
    pub fn checked_duration_since(&self, earlier: Instant) -> Option<Duration> {
        self.0.checked_sub(earlier.0).map(Duration::from_nanos)
    }

    /// The instant `duration` after this one; `None` if it cannot be told apart from "never".
    #[inline]
    pub fn checked_add(&self, duration: Duration) -> Option<Instant> {
        let sum = self.0.checked_add(u64::try_from(duration.as_nanos()).ok()?)?;
        Some(Instant(sum)).filter(|instant| *instant < Instant::NEVER)
    }

    /// The instant `duration` before this one; `None` if the clock had not started by then.
    #[inline]
    pub fn checked_sub(&self, duration: Duration) -> Option<Instant> {
        self.0.checked_sub(u64::try_from(duration.as_nanos()).ok()?).map(Instant)
    }

    /// The end of time: a deadline that is not reached.
    pub(crate) const NEVER: Instant = Instant(u64::MAX);

    /// Nanoseconds since the clock's zero.
    #[inline]
    pub(crate) const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The instant `nanos` after the clock's zero.
    #[inline]
    #[cfg(test)]
    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Instant(nanos)
    }

    /// Whether the clock has reached this instant.
    #[inline]
    pub(super) fn has_come(self) -> bool {
        self.0 <= now_ns()
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    #[inline]
    fn add(self, duration: Duration) -> Instant {
        self.checked_add(duration).unwrap_or(Instant::NEVER)
    }
}

impl AddAssign<Duration> for Instant {
    #[inline]
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    #[inline]
    fn sub(self, duration: Duration) -> Instant {
        self.checked_sub(duration).unwrap_or(Instant(0))
    }
}

impl SubAssign<Duration> for Instant {
    #[inline]
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;

    /// The time from `earlier`; zero if `earlier` is the later one.
    #[inline]
    fn sub(self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Instant::NEVER => f.write_str("Instant(never)"),
            Instant(nanos) => f.debug_tuple("Instant").field(&Duration::from_nanos(nanos)).finish(),
        }
    }
}

/// The one place where this room reads the clock.
#[inline]
fn now_ns() -> u64 {
    #[cfg(feature = "test-util")]
    return super::paused::now_ns();
    #[cfg(not(feature = "test-util"))]
    crate::sys::clock::monotonic_ns()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_clock_does_not_run_backwards() {
        let start = Instant::now();
        let mut last = start;
        for _ in 0..if cfg!(miri) { 100 } else { 10_000 } {
            let now = Instant::now();
            assert!(now >= last);
            last = now;
        }
        while start.elapsed() < Duration::from_micros(50) {}
        assert!(start.has_come());
        assert!(!(Instant::now() + SECOND).has_come());
    }

    #[test]
    fn huge_durations_saturate_to_never() {
        let now = Instant::now();
        assert_eq!(now + Duration::MAX, Instant::NEVER);
        assert_eq!(now + Duration::from_nanos(u64::MAX), Instant::NEVER);
        assert_eq!(now + Duration::from_secs(u64::MAX), Instant::NEVER);
        assert_eq!(Instant::NEVER + Duration::from_nanos(1), Instant::NEVER);
        assert_eq!(now.checked_add(Duration::MAX), None);
        let mut deadline = now;
        deadline += Duration::MAX;
        assert_eq!(deadline, Instant::NEVER);
        assert!(!deadline.has_come());
        assert_eq!(format!("{deadline:?}"), "Instant(never)");
    }

    #[test]
    fn the_last_nanoseconds_before_never_are_told_apart() {
        let last = Instant(u64::MAX - 1);
        assert_eq!(Instant(5).checked_add(Duration::from_nanos(u64::MAX - 6)), Some(last));
        assert_eq!(Instant(5).checked_add(Duration::from_nanos(u64::MAX - 5)), None);
        assert_eq!(Instant(5).checked_add(Duration::from_nanos(u64::MAX - 4)), None);
        assert_eq!(Instant::NEVER.checked_add(Duration::ZERO), None);
    }

    #[test]
    fn differences_saturate_at_zero() {
        let (early, late) = (Instant(7), Instant(1_000_000_007));
        assert_eq!(late - early, SECOND);
        assert_eq!(early - late, Duration::ZERO);
        assert_eq!(early.saturating_duration_since(late), Duration::ZERO);
        assert_eq!(early.checked_duration_since(late), None);
        assert_eq!(late.checked_duration_since(early), Some(SECOND));
        assert_eq!(late.checked_sub(SECOND), Some(early));
        assert_eq!(early.checked_sub(SECOND), None);
        assert_eq!(early.checked_sub(Duration::MAX), None);
        assert_eq!(early - Duration::MAX, Instant(0));
        let mut back = late;
        back -= SECOND;
        assert_eq!(back, early);
    }

    #[test]
    fn debug_prints_seconds() {
        assert_eq!(format!("{:?}", Instant(1_500_000_000)), "Instant(1.5s)");
    }
}
