//! Waiting for a point in time.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::timers::{self, Look, Registration};
use super::{Duration, Instant};

/// Waits until `duration` from now has passed.
///
/// The time counts from this call, not from the first poll. It is exact to what the loop's
/// wait can do: never early, and late only by the time it takes to wake the thread and to run what
/// was woken before. A sleep of zero still lets every other task that is ready run once. A duration
/// too long for the clock (some 580 years) never ends.
///
/// # Panics
///
/// The returned future panics when it is polled outside a loop. It may be made anywhere.
///
/// ```
/// use annulus::time::{Duration, Instant, sleep};
///
/// # fn main() -> std::io::Result<()> {
/// let start = Instant::now();
/// annulus::run(sleep(Duration::from_millis(2)))?;
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// # Ok(())
/// # }
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    Sleep { deadline: Instant::now() + duration, state: State::New }
}

/// Waits until `deadline`; one that has passed already is ready at the first poll.
///
/// Sleeps with the same deadline on one loop are woken in the order in which they were first
/// awaited.
///
/// # Panics
///
/// The returned future panics when it is polled outside a loop. It may be made anywhere.
///
/// ```
/// use annulus::time::{Duration, Instant, sleep_until};
///
/// # fn main() -> std::io::Result<()> {
/// let deadline = Instant::now() + Duration::from_millis(2);
/// annulus::run(sleep_until(deadline))?;
/// assert!(Instant::now() >= deadline);
/// # Ok(())
/// # }
/// ```
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { deadline, state: State::Idle }
}

/// The future of [`sleep`] and [`sleep_until`].
///
/// It is plain data and may be made, moved and dropped on any thread. It is armed by its first poll
/// on the loop that polls it. Dropping it there takes it out of the loop's timers at once; dropped
/// elsewhere it leaves an entry behind that wakes nobody when it is due.
#[must_use = "a sleep does nothing until it is awaited"]
#[derive(Debug)]
pub struct Sleep {
    deadline: Instant,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// The deadline was computed from the present, and nobody has waited yet: the first poll arms
    /// without reading the clock again, so it always suspends.
    New,
    /// Not armed.
    Idle,
    Armed(Registration),
    /// The deadline was seen to have come.
    Done,
}

impl Sleep {
    /// The instant that this sleep waits for.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether the deadline has come.
    pub fn is_elapsed(&self) -> bool {
        matches!(self.state, State::Done) || self.deadline.has_come()
    }

    /// Makes the sleep wait for `deadline` instead, whether it has ended or not.
    ///
    /// A task that waits for it is woken at the new deadline and not at the old one; it need not
    /// poll in between.
    ///
    /// ```
    /// use annulus::time::{Duration, Instant, sleep};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// annulus::run(async {
    ///     let mut sleep = sleep(Duration::from_secs(3600));
    ///     sleep.reset(Instant::now() + Duration::from_millis(2));
    ///     sleep.await;
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn reset(&mut self, deadline: Instant) {
        self.deadline = deadline;
        self.state = match self.state {
            State::Armed(registration) => match timers::rearm(registration, deadline) {
                Some(registration) => State::Armed(registration),
                None => State::Idle,
            },
            State::New | State::Idle | State::Done => State::Idle,
        };
    }

    /// Takes the entry out of the wheel, if there is one, until the next poll.
    #[inline]
    pub(super) fn disarm(&mut self) {
        if let State::Armed(registration) = self.state {
            timers::cancel(registration);
            self.state = State::Idle;
        }
    }

    /// Polls an armed sleep; `None` when it has to be armed here, being armed elsewhere. The clock
    /// is asked as well as the wheel, so that a task which polls again and again without letting
    /// the loop turn still gets past the deadline.
    fn poll_armed(&mut self, registration: Registration, waker: &Waker) -> Option<Poll<()>> {
        let look = timers::look(registration, waker);
        if look == Look::Fired || self.deadline.has_come() {
            self.disarm();
            self.state = State::Done;
            return Some(Poll::Ready(()));
        }
        match look {
            Look::OtherWaker => timers::set_waker(registration, waker),
            Look::Elsewhere => return None,
            Look::Fired | Look::Standing => {}
        }
        Some(Poll::Pending)
    }
}

impl Future for Sleep {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.state {
            State::New => {}
            State::Armed(registration) => {
                if let Some(polled) = self.poll_armed(registration, cx.waker()) {
                    return polled;
                }
            }
            State::Idle => {
                timers::require_loop();
                if self.deadline.has_come() {
                    self.state = State::Done;
                    return Poll::Ready(());
                }
            }
            State::Done => return Poll::Ready(()),
        }
        // The one place where it is armed, so that the compiler puts it there: what it writes
        // through memory is waited for when it is read.
        self.state = State::Armed(timers::register(self.deadline, cx.waker()));
        Poll::Pending
    }
}

impl Drop for Sleep {
    #[inline]
    fn drop(&mut self) {
        self.disarm();
    }
}

#[cfg(test)]
mod tests;
