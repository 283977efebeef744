//! A clock that ticks.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::{Duration, Instant, Sleep, sleep_until};

/// A tick taken later than this counts as missed under [`MissedTickBehavior::Delay`]. Less is the
/// lateness of every wake-up, and to move the schedule by it would make the clock run slow.
const TOLERANCE: Duration = Duration::from_millis(5);

/// Ticks every `period`, for the first time at once.
///
/// # Panics
///
/// Panics if `period` is zero.
///
/// ```
/// use annulus::time::{Duration, interval};
///
/// # fn main() -> std::io::Result<()> {
/// let period = Duration::from_millis(2);
/// let (first, second) = annulus::run(async {
///     let mut interval = interval(period);
///     (interval.tick().await, interval.tick().await)
/// })?;
/// assert_eq!(second - first, period);
/// # Ok(())
/// # }
/// ```
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// Ticks every `period`, for the first time at `start`.
///
/// # Panics
///
/// Panics if `period` is zero.
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(period > Duration::ZERO, "the period of an interval must not be zero");
    let missed_tick_behavior = MissedTickBehavior::default();
    Interval { sleep: sleep_until(start), period, missed_tick_behavior }
}

/// What an [`Interval`] does when ticks were not taken in time.
///
/// With a period of 10 ms, when the tick due at 20 is only taken at 44, the ticks are taken at
///
/// ```text
/// Burst   0  10  44  44  44  50  60
/// Delay   0  10  44  54  64  74  84
/// Skip    0  10  44  50  60  70  80
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTickBehavior {
    /// The missed ticks are made up for, one right after the other, until the schedule is met
    /// again.
    #[default]
    Burst,
    /// The schedule moves: the next tick comes one period after the late one was taken.
    Delay,
    /// The missed ticks are left out, and the next one comes at the next point of the schedule.
    Skip,
}

impl MissedTickBehavior {
    /// When the tick after the one that was due at `due` and is taken at `now` comes.
    fn next(self, due: Instant, now: Instant, period: Duration) -> Instant {
        let late = now - due;
        match self {
            MissedTickBehavior::Delay if late > TOLERANCE.min(period) => now + period,
            MissedTickBehavior::Skip if late >= period => {
                let (late, period) = (late.as_nanos(), period.as_nanos());
                // At most a period, which is no longer than `late`: it fits.
                let ahead = period - late % period;
                now + Duration::from_nanos(ahead as u64)
            }
            _ => due + period,
        }
    }
}

/// Ticks at a fixed period; see [`interval`] and [`interval_at`].
#[must_use = "an interval does nothing until a tick is awaited"]
#[derive(Debug)]
pub struct Interval {
    sleep: Sleep,
    period: Duration,
    missed_tick_behavior: MissedTickBehavior,
}

impl Interval {
    /// Waits for the next tick and returns the instant for which it was scheduled.
    ///
    /// # Cancellation
    ///
    /// Dropped while it waits, it takes no tick away.
    ///
    /// # Panics
    ///
    /// Panics when it is polled outside a loop.
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// Takes the next tick if it is due; else wakes the task when it is.
    ///
    /// # Panics
    ///
    /// Panics outside a loop.
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        ready!(Pin::new(&mut self.sleep).poll(cx));
        let due = self.sleep.deadline();
        self.sleep.reset(self.missed_tick_behavior.next(due, Instant::now(), self.period));
        Poll::Ready(due)
    }

    /// Starts anew: the next tick comes one period from now.
    pub fn reset(&mut self) {
        self.reset_at(Instant::now() + self.period);
    }

    /// Starts anew: the next tick comes at once.
    pub fn reset_immediately(&mut self) {
        self.reset_at(Instant::now());
    }

    /// Starts anew: the next tick comes `after` from now, and those that follow one period apart.
    pub fn reset_after(&mut self, after: Duration) {
        self.reset_at(Instant::now() + after);
    }

    /// Starts anew: the next tick comes at `deadline`, and those that follow one period apart.
    pub fn reset_at(&mut self, deadline: Instant) {
        self.sleep.reset(deadline);
    }

    /// The time between two ticks.
    pub fn period(&self) -> Duration {
        self.period
    }

    /// What is done when ticks were missed; [`MissedTickBehavior::Burst`] unless it was set.
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.missed_tick_behavior
    }

    /// Sets what is done when ticks were missed.
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.missed_tick_behavior = behavior;
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::panic::catch_unwind;
    use std::pin::pin;
    use std::task::Waker;

    use super::super::testing::{HOUR, HandLoop, Log, SECOND};
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn poll(interval: &mut Interval) -> Poll<Instant> {
        interval.poll_tick(&mut Context::from_waker(Waker::noop()))
    }

    /// An interval four of whose ticks are due: it started when the clock did, and has a period
    /// of two sevenths of what has passed since.
    fn four_behind() -> Interval {
        interval_at(Instant::from_nanos(0), Duration::from_nanos(Instant::now().as_nanos() / 7 * 2))
    }

    /// When the next `count` ticks are taken, in ms from the start, by one who takes the third at
    /// 44 and every other as soon as it is due.
    fn taken(behavior: MissedTickBehavior, count: usize) -> Vec<u64> {
        let (start, period) = (Instant::from_nanos(HOUR.as_nanos() as u64), 10 * MS);
        let (mut due, mut now) = (start, start);
        let mut taken = Vec::new();
        for tick in 0..count {
            now = now.max(due);
            if tick == 2 {
                now = start + 44 * MS;
            }
            taken.push((now - start).as_millis() as u64);
            due = behavior.next(due, now, period);
        }
        taken
    }

    #[test]
    fn missed_ticks_are_treated_as_the_table_says() {
        assert_eq!(taken(MissedTickBehavior::Burst, 7), [0, 10, 44, 44, 44, 50, 60]);
        assert_eq!(taken(MissedTickBehavior::Delay, 7), [0, 10, 44, 54, 64, 74, 84]);
        assert_eq!(taken(MissedTickBehavior::Skip, 7), [0, 10, 44, 50, 60, 70, 80]);
    }

    #[test]
    fn ordinary_lateness_does_not_move_the_schedule() {
        let due = Instant::from_nanos(HOUR.as_nanos() as u64);
        let all = [MissedTickBehavior::Burst, MissedTickBehavior::Delay, MissedTickBehavior::Skip];
        for behavior in all {
            assert_eq!(behavior.next(due, due + 4 * MS, 10 * MS), due + 10 * MS);
            assert_eq!(behavior.next(due, due, MS), due + MS);
            assert_eq!(behavior.next(due, due, Duration::MAX), Instant::NEVER);
        }
        assert_eq!(MissedTickBehavior::Delay.next(due, due + 2 * MS, MS), due + 3 * MS);
    }

    #[test]
    fn skip_stays_on_the_schedule_however_late() {
        let due = Instant::from_nanos(HOUR.as_nanos() as u64);
        let behind = Duration::from_micros(2500);
        assert_eq!(MissedTickBehavior::Skip.next(due, due + behind, MS), due + 3 * MS);
        assert_eq!(MissedTickBehavior::Skip.next(due, due + MS / 2, MS), due + MS);
        for late in [10, 11, 19, 20, 1_000_000_007] {
            let now = due + late * MS;
            let next = MissedTickBehavior::Skip.next(due, now, 10 * MS);
            assert!(next > now && next - now <= 10 * MS);
            assert_eq!((next - due).as_nanos() % (10 * MS).as_nanos(), 0);
        }
    }

    #[test]
    fn ticks_at_once_and_then_every_period() {
        let (hand, log) = (HandLoop::new(), Log::default());
        let mut interval = interval(HOUR);
        let Poll::Ready(start) = poll(&mut interval) else { panic!("the first tick waits") };
        for tick in 1..5 {
            let waker = log.waker(tick);
            let due = start + tick as u32 * HOUR;
            assert!(interval.poll_tick(&mut Context::from_waker(&waker)).is_pending());
            assert_eq!(hand.turn(due - Duration::from_nanos(1)), 0);
            assert_eq!(hand.turn(due), 1);
            assert_eq!(log.take(), [tick]);
            assert_eq!(poll(&mut interval), Poll::Ready(due));
        }
    }

    #[test]
    fn a_start_in_the_past_bursts_and_one_ahead_waits() {
        let hand = HandLoop::new();
        let mut late = four_behind();
        for tick in 0..4 {
            let due = Instant::from_nanos(0) + tick * late.period();
            assert_eq!(poll(&mut late), Poll::Ready(due));
        }
        assert!(poll(&mut late).is_pending());
        let now = Instant::now();
        let mut ahead = interval_at(now + SECOND, HOUR);
        assert!(poll(&mut ahead).is_pending());
        assert_eq!(hand.turn(now + SECOND), 1);
        assert_eq!(poll(&mut ahead), Poll::Ready(now + SECOND));
    }

    #[test]
    fn a_tick_that_was_not_waited_for_to_the_end_is_not_lost() {
        let hand = HandLoop::new();
        let start = Instant::now() + HOUR;
        let mut interval = interval_at(start, HOUR);
        {
            let mut tick = pin!(interval.tick());
            assert!(tick.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert_eq!(hand.turn(start), 1);
        }
        assert_eq!(poll(&mut interval), Poll::Ready(start));
    }

    #[test]
    fn resets_start_the_schedule_anew() {
        let hand = HandLoop::new();
        let mut interval = interval_at(Instant::now() + HOUR, HOUR);
        assert!(poll(&mut interval).is_pending());
        let before = Instant::now();
        interval.reset_after(2 * HOUR);
        assert_eq!(hand.turn(before + HOUR + SECOND), 0);
        interval.reset_immediately();
        assert!(matches!(poll(&mut interval), Poll::Ready(due) if due >= before));
        interval.reset();
        assert!(poll(&mut interval).is_pending());
        let next = Instant::from_nanos(crate::time::timers::next_deadline().unwrap());
        assert!(next >= before + HOUR && next < before + HOUR + SECOND);
        interval.reset_at(before);
        assert_eq!(poll(&mut interval), Poll::Ready(before));
        assert_eq!(interval.period(), HOUR);
    }

    #[test]
    fn a_period_of_zero_is_refused() {
        assert!(catch_unwind(|| interval(Duration::ZERO)).is_err());
    }

    #[test]
    fn the_behavior_is_kept() {
        let _hand = HandLoop::new();
        let mut interval = four_behind();
        assert_eq!(interval.missed_tick_behavior(), MissedTickBehavior::Burst);
        interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
        assert_eq!(interval.missed_tick_behavior(), MissedTickBehavior::Skip);
        assert!(poll(&mut interval).is_ready());
        assert!(poll(&mut interval).is_pending());
    }
}
