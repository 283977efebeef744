//! What a loop does when it has nothing to do and its clock stands still (feature `test-util`).

use std::io;
use std::time::Duration;

use super::builder::Builder;
use super::parts::Scratch;
use super::{Runtime, fire_timers, take_messages, turn};
use crate::remote::Remote;
use crate::sys::{Wait, clock};
use crate::time::paused::{self, Standstill};
use crate::{driver, scheduler};

/// For how long the kernel may stay silent before the clock goes on, though operations are in
/// flight: what is not waited for by intent completes in far less.
const SILENCE: Duration = Duration::from_millis(5);

impl Runtime {
    /// A turn of a loop that would wait for a timer which will not come by itself: looks whether
    /// something else comes, and else moves the clock on to the timer.
    ///
    /// The loop has announced that it parks.
    #[cold]
    pub(super) fn turn_standing_still(&self, scratch: &mut Scratch) -> io::Result<()> {
        let remote = Remote::of(self.number);
        let Some(standstill) = paused::standstill() else { return Ok(()) };
        let has_ops = driver::with(|driver| driver.gauges().in_flight) != Some(0);
        let silence_ns = clock::monotonic_ns().saturating_add(SILENCE.as_nanos() as u64);
        let (wait, until) = match standstill {
            Standstill::Hurried(until) => (Wait::Zero, Some(until)),
            // The end of a job that nobody awaits comes without a message, so it is looked for.
            Standstill::Sleeping(_) if self.handle.has_blocking_jobs() => {
                (Wait::Until(silence_ns), None)
            }
            Standstill::Sleeping(until) if has_ops => (Wait::Until(silence_ns), Some(until)),
            Standstill::Sleeping(until) => (Wait::Zero, Some(until)),
        };
        let turned = turn(wait, scratch);
        remote.unpark();
        #[cfg(feature = "sim")]
        super::simulated::between_turns();
        take_messages(remote, scratch);
        let is_silent = !matches!(wait, Wait::Until(end) if clock::monotonic_ns() < end);
        if let Some(until) = until {
            if is_silent && scheduler::with(|scheduler| scheduler.queued()) == Some(0) {
                paused::jump(until);
            }
        }
        fire_timers(scratch);
        turned
    }
}

/// A clock that stands still.
impl Builder {
    /// Whether the loop's clock stands still from the beginning, as after
    /// [`time::pause`](crate::time::pause) (feature `test-util`). Off by default.
    ///
    /// ```
    /// use annulus::time::{Duration, Instant, sleep};
    ///
    /// let runtime = annulus::Builder::new().start_paused(true).build()?;
    /// runtime.block_on(async {
    ///     let started = Instant::now();
    ///     sleep(Duration::from_secs(24 * 3600)).await; // at once
    ///     assert_eq!(started.elapsed(), Duration::from_secs(24 * 3600));
    /// });
    /// # std::io::Result::Ok(())
    /// ```
    pub fn start_paused(mut self, on: bool) -> Self {
        self.starts_paused = on;
        self
    }
}
