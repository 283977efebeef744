//! Keeps deadlines in user space: a wheel for each loop and one argument to its wait, no request
//! to the kernel per sleep.
//!
//! What is here:
//! - [`sleep`] and [`sleep_until`] wait for a point in time;
//! - [`timeout`] and [`timeout_at`] put a deadline around any future;
//! - [`interval`] and [`interval_at`] tick;
//! - [`Instant`] is a point of the monotonic clock, [`Duration`] is std's;
//! - with the feature `test-util`, `pause`, `advance` and `resume` stop and move a loop's clock, for
//!   tests that shall not wait.
//!
//! Time is counted in nanoseconds. Nothing fires before the nanosecond that was asked for, and what
//! is due at the same one fires in the order in which it was first awaited. Durations too long for
//! the clock mean "never"; they do not wrap.

mod elapsed;
mod instant;
mod interval;
#[cfg(feature = "test-util")]
pub(crate) mod paused;
mod sleep;
mod timeout;
pub(crate) mod timers;
mod wheel;

pub use std::time::Duration;

pub use elapsed::Elapsed;
pub use instant::Instant;
pub use interval::{Interval, MissedTickBehavior, interval, interval_at};
#[cfg(feature = "test-util")]
pub use paused::{advance, pause, resume};
pub use sleep::{Sleep, sleep, sleep_until};
pub use timeout::{Timeout, timeout, timeout_at};

#[cfg(test)]
mod measure;
#[cfg(test)]
mod testing;
