//! A loop's own clock, for tests that shall not wait (feature `test-util`).
//!
//! The clock of the loop that runs on this thread lies in one `Cell`, where
//! [`Instant::now`](super::Instant::now) reads it; the loop's [`Timers`](super::timers::Timers) keep it while the loop
//! does not run. It is the monotonic clock, until it is paused; from then on it is a number that
//! only [`advance`] and the loop itself move. Resumed, it goes on from that number, so that it
//! never runs backwards, and is ahead of the monotonic clock, or behind it, by a constant.
//!
//! What the kernel times (the loop's wait, a linked timeout) is counted by the monotonic clock. So
//! [`LoopClock::kernel_ns`] translates deadlines, and ops leave their timeouts to the wheel while the
//! two clocks differ.

use std::cell::Cell;
use std::time::Duration;

use super::{sleep, timers};
use crate::sys::clock;

thread_local! {
    static CLOCK: Cell<LoopClock> = const { Cell::new(LoopClock::REAL) };
}

/// The clock of one loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LoopClock {
    /// The time at which it stands still.
    paused_at: Option<u64>,
    /// How far it is ahead of the monotonic clock when it runs, in nanoseconds.
    ahead_ns: i64,
    /// Until when an [`advance`] wants the time to go at once.
    hurry_until: u64,
}

impl LoopClock {
    /// The monotonic clock.
    pub(super) const REAL: LoopClock = LoopClock { paused_at: None, ahead_ns: 0, hurry_until: 0 };

    /// A clock that stands still from now on.
    pub(crate) fn paused() -> LoopClock {
        LoopClock { paused_at: Some(clock::monotonic_ns()), ..LoopClock::REAL }
    }

    fn now_ns(self) -> u64 {
        self.paused_at.unwrap_or_else(|| clock::monotonic_ns().saturating_add_signed(self.ahead_ns))
    }

    /// When the monotonic clock will say that `deadline_ns` has come; never while it stands still.
    fn kernel_ns(self, deadline_ns: u64) -> u64 {
        match self.paused_at {
            Some(_) => u64::MAX,
            None => deadline_ns.saturating_add_signed(self.ahead_ns.saturating_neg()),
        }
    }
}

/// Makes `clock` this thread's and returns the one before.
pub(super) fn install(clock: LoopClock) -> LoopClock {
    CLOCK.replace(clock)
}

/// The time of the loop that runs on this thread, or of the monotonic clock.
#[inline]
pub(super) fn now_ns() -> u64 {
    CLOCK.get().now_ns()
}

/// When the kernel is to end a wait for `deadline_ns`.
pub(super) fn kernel_ns(deadline_ns: u64) -> u64 {
    CLOCK.get().kernel_ns(deadline_ns)
}

/// Whether the loop's clock is not the one that the kernel counts by.
pub(crate) fn differs() -> bool {
    let LoopClock { paused_at, ahead_ns, .. } = CLOCK.get();
    paused_at.is_some() || ahead_ns != 0
}

/// What keeps a loop whose clock stands still, when nothing is ready in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standstill {
    /// An [`advance`]: the time shall go on to this at once.
    Hurried(u64),
    /// A sleep until this time.
    Sleeping(u64),
}

/// Until when the time would have to go on for something to happen, if it stands still.
pub(crate) fn standstill() -> Option<Standstill> {
    let clock = CLOCK.get();
    clock.paused_at?;
    let next = timers::next_deadline()?;
    Some(if next <= clock.hurry_until {
        Standstill::Hurried(next)
    } else {
        Standstill::Sleeping(next)
    })
}

/// Moves a clock that stands still on to `until_ns`.
pub(crate) fn jump(until_ns: u64) {
    let mut clock = CLOCK.get();
    if let Some(paused_at) = &mut clock.paused_at {
        *paused_at = until_ns.max(*paused_at);
    }
    CLOCK.set(clock);
}

/// Stops the clock of this loop (feature `test-util`).
///
/// [`Instant::now`](super::Instant::now) stands still from here on, and the time of every [`sleep`](super::sleep),
/// [`timeout`](super::timeout) and [`interval`](super::interval) of this loop with it, also those
/// made before. Two things move it: [`advance`], and the loop itself. **A loop that has nothing to
/// do goes on to the next deadline at once**, so that a test of an hour of sleeps takes no time:
///
/// ```
/// use annulus::time::{Duration, Instant, pause, sleep};
///
/// annulus::run(async {
///     pause();
///     let started = Instant::now();
///     sleep(Duration::from_secs(3600)).await;
///     assert_eq!(started.elapsed(), Duration::from_secs(3600)); // to the nanosecond
/// })?;
/// # std::io::Result::Ok(())
/// ```
///
/// What counts as something to do:
/// - a task that is ready, or woken by another thread;
/// - a job of the [blocking pool](crate::spawn_blocking): the time stands still until its end has
///   been told;
/// - an operation that the kernel completes. Which of those in flight it will complete by itself,
///   nobody knows: an `accept` may be in flight for as long as the program runs. So the loop waits
///   5 ms of real time for one of them, and goes on when none has completed. A peer that takes
///   longer to answer comes too late for a timeout: have the peer on this loop, or no timeout, or
///   [`resume`] meanwhile.
///
/// The clock is this loop's. Other loops, other threads, std's clocks, the kernel and the ages in a
/// [`Dump`](crate::runtime::Dump) keep their own time. An operation's own
/// [timeout](crate::op::Submit::timeout) follows the loop's clock if it was submitted while that
/// stood still.
///
/// # Panics
///
/// Outside a loop, and when the clock stands still already.
#[track_caller]
pub fn pause() {
    let clock = CLOCK.get();
    require_loop("pause");
    assert!(clock.paused_at.is_none(), "`time::pause` was called while the clock stands still");
    CLOCK.set(LoopClock { paused_at: Some(clock.now_ns()), ..clock });
}

/// Lets the clock of this loop run again, from the time at which it stands (feature `test-util`).
///
/// ```
/// use annulus::time::{Duration, Instant, pause, resume, sleep};
///
/// annulus::run(async {
///     pause();
///     sleep(Duration::from_secs(60)).await; // takes no time
///     resume();
///     let started = Instant::now();
///     sleep(Duration::from_millis(2)).await; // takes two milliseconds
///     assert!(started.elapsed() >= Duration::from_millis(2));
/// })?;
/// # std::io::Result::Ok(())
/// ```
///
/// # Panics
///
/// Outside a loop, and when the clock runs.
#[track_caller]
pub fn resume() {
    require_loop("resume");
    let clock = CLOCK.get();
    let Some(paused_at) = clock.paused_at else {
        panic!("`time::resume` was called while the clock runs: call `time::pause` before");
    };
    let ahead_ns = paused_at.wrapping_sub(clock::monotonic_ns()) as i64;
    CLOCK.set(LoopClock { ahead_ns, ..LoopClock::REAL });
}

/// Moves the clock of this loop on by `duration` (feature `test-util`).
///
/// Whatever is due on the way becomes so in its order and at its time: the clock goes from one
/// deadline to the next, and at each of them the tasks that it wakes run until none is ready. It
/// does not wait for operations in flight nor for the blocking pool. Dropped before its end, the
/// clock stands where it was.
///
/// ```
/// use annulus::spawn;
/// use annulus::time::{Duration, Instant, advance, interval, pause};
///
/// annulus::run(async {
///     pause();
///     let ticks = spawn(async {
///         let mut interval = interval(Duration::from_secs(1));
///         let mut count = 0;
///         loop {
///             interval.tick().await; // the first at once
///             count += 1;
///             if count == 11 { return Instant::now() }
///         }
///     });
///     let started = Instant::now();
///     advance(Duration::from_secs(60)).await;
///     assert_eq!(ticks.await.unwrap() - started, Duration::from_secs(10));
///     assert_eq!(started.elapsed(), Duration::from_secs(60));
/// })?;
/// # std::io::Result::Ok(())
/// ```
///
/// # Panics
///
/// Outside a loop, and when the clock runs.
pub async fn advance(duration: Duration) {
    require_loop("advance");
    let mut clock = CLOCK.get();
    assert!(
        clock.paused_at.is_some(),
        "`time::advance` was called while the clock runs: call `time::pause` before"
    );
    // A new sleep suspends, however short: what is ready now runs before the time moves.
    let sleep = sleep(duration);
    clock.hurry_until = clock.hurry_until.max(sleep.deadline().as_nanos());
    CLOCK.set(clock);
    let _calm = Calm;
    sleep.await;
}

/// Ends the hurry of an [`advance`], also of one that is dropped.
struct Calm;

impl Drop for Calm {
    fn drop(&mut self) {
        let mut clock = CLOCK.get();
        clock.hurry_until = 0;
        CLOCK.set(clock);
    }
}

#[track_caller]
fn require_loop(what: &str) {
    assert!(
        timers::is_installed(),
        "`time::{what}` was called outside an annulus loop: each loop has a clock of its own, so \
         call it in `annulus::run` or `Runtime::block_on`"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_stands_has_no_time_for_the_kernel() {
        let paused = LoopClock { paused_at: Some(1000), ..LoopClock::REAL };
        assert_eq!((paused.now_ns(), paused.kernel_ns(1500)), (1000, u64::MAX));
    }

    #[test]
    fn the_kernel_is_told_its_own_time() {
        let ahead = LoopClock { ahead_ns: 500, ..LoopClock::REAL };
        assert_eq!(ahead.kernel_ns(1500), 1000);
        let behind = LoopClock { ahead_ns: -500, ..LoopClock::REAL };
        assert_eq!(behind.kernel_ns(1500), 2000);
        assert_eq!(LoopClock::REAL.kernel_ns(1500), 1500);
    }
}
