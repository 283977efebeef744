//! A deadline around any future.

#![expect(unsafe_code, reason = "the projection of a pin to the future inside a `Timeout`")]

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Duration, Elapsed, Instant, Sleep, sleep, sleep_until};

/// No first poll of a future is expected to take this long. A timeout of this length or more is
/// armed without reading the clock a second time, which is what most of it costs; should the first
/// poll outlast it after all, the next turn of the loop finds out.
const LONG: Duration = Duration::from_secs(1);

/// Gives `future` until `duration` from now to be done, and ends with [`Elapsed`] if it is not.
///
/// The time counts from this call. See [`timeout_at`] for the rest.
///
/// # Errors
///
/// [`Elapsed`] when the time is over first.
///
/// ```
/// use annulus::time::{Duration, sleep, timeout};
///
/// # fn main() -> std::io::Result<()> {
/// annulus::run(async {
///     let quick = timeout(Duration::from_secs(5), async { 7 }).await;
///     assert_eq!(quick, Ok(7));
///     let slow = timeout(Duration::from_millis(2), sleep(Duration::from_secs(3600))).await;
///     assert!(slow.is_err());
/// })?;
/// # Ok(())
/// # }
/// ```
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    let sleep =
        if duration >= LONG { sleep(duration) } else { sleep_until(Instant::now() + duration) };
    Timeout { future: future.into_future(), sleep }
}

/// Gives `future` until `deadline` to be done, and ends with [`Elapsed`] if it is not.
///
/// The future is polled first, always: its value wins when both are ready, and a deadline that has
/// passed already ends it at its first suspension, not before it has begun. The clock is read at
/// each of its suspensions, so a future that never lets the loop turn cannot outrun its deadline.
/// Only a future that does not suspend at all can.
///
/// The future is not dropped by the deadline but with the `Timeout`, which `.await` does at once;
/// [`into_inner`](Timeout::into_inner) has it back. An operation that was in flight keeps what it
/// received, as with every drop. Timeouts nest: that of the inner is a value to the outer.
///
/// # Errors
///
/// [`Elapsed`] when the deadline comes first.
///
/// # Panics
///
/// The returned future panics when it is polled outside a loop and the future inside is not ready
/// at once. It may be made anywhere.
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    Timeout { future: future.into_future(), sleep: sleep_until(deadline) }
}

/// The future of [`timeout`] and [`timeout_at`].
#[must_use = "a timeout does nothing until it is awaited"]
pub struct Timeout<F> {
    /// Pinned when the `Timeout` is.
    future: F,
    sleep: Sleep,
}

impl<F> Timeout<F> {
    /// The instant at which the time is over.
    pub fn deadline(&self) -> Instant {
        self.sleep.deadline()
    }

    /// Moves the deadline, nearer or farther, also after it has passed.
    ///
    /// A task that waits for this is woken at the new deadline; it need not poll in between.
    ///
    /// ```
    /// use std::future::pending;
    /// use std::pin::pin;
    /// use annulus::time::{Duration, Instant, timeout};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// annulus::run(async {
    ///     let mut timeout = pin!(timeout(Duration::from_secs(3600), pending::<()>()));
    ///     timeout.as_mut().reschedule(Instant::now() + Duration::from_millis(2));
    ///     assert!(timeout.await.is_err());
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn reschedule(self: Pin<&mut Self>, deadline: Instant) {
        self.project().1.reset(deadline);
    }

    /// The future inside.
    pub fn get_ref(&self) -> &F {
        &self.future
    }

    /// The future inside.
    pub fn get_mut(&mut self) -> &mut F {
        &mut self.future
    }

    /// The future inside, pinned as the `Timeout` is.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut F> {
        self.project().0
    }

    /// Gives up the deadline and hands back the future.
    pub fn into_inner(self) -> F {
        self.future
    }

    /// The future, pinned, and the sleep, which never is.
    #[inline]
    fn project(self: Pin<&mut Self>) -> (Pin<&mut F>, &mut Sleep) {
        // SAFETY: nothing is moved out of the reference: `future` is pinned again below before
        // anyone sees it, and `sleep` is `Unpin`.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: `future` is structurally pinned. `Timeout` has no `Drop` and no explicit `Unpin`,
        // so it is `Unpin` only if `F` is; it is dropped in place; and no method gives out an
        // unpinned `&mut F` or the `F` itself from a pinned `Timeout`.
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        (future, &mut this.sleep)
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (future, sleep) = self.project();
        if let Poll::Ready(value) = future.poll(cx) {
            sleep.disarm();
            return Poll::Ready(Ok(value));
        }
        Pin::new(sleep).poll(cx).map(|()| Err(Elapsed::new()))
    }
}

impl<F> fmt::Debug for Timeout<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout").field("deadline", &self.deadline()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, poll_fn, ready};
    use std::marker::PhantomPinned;
    use std::pin::pin;
    use std::rc::Rc;
    use std::task::Waker;

    use super::super::testing::{HOUR, HandLoop, Log, SECOND, poll, poll_with, wait_until};
    use super::*;
    use crate::time::timers;

    const PAST: Instant = Instant::from_nanos(1);

    fn poll_pinned<F: Future>(future: &mut Pin<&mut F>) -> Poll<F::Output> {
        future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_value_wins_when_both_are_ready() {
        let hand = HandLoop::new();
        assert_eq!(poll(&mut timeout_at(PAST, ready(5))), Poll::Ready(Ok(5)));
        let done = Cell::new(false);
        let future = poll_fn(|_| if done.get() { Poll::Ready(6) } else { Poll::Pending });
        let mut timeout = timeout(HOUR, future);
        assert!(poll(&mut timeout).is_pending());
        assert_eq!(hand.turn(timeout.deadline()), 1);
        done.set(true);
        assert_eq!(poll(&mut timeout), Poll::Ready(Ok(6)));
    }

    #[test]
    fn a_value_in_time_takes_the_entry_out_at_once() {
        let hand = HandLoop::new();
        let polls = Cell::new(0);
        let future = poll_fn(|_| {
            polls.set(polls.get() + 1);
            if polls.get() == 2 { Poll::Ready(()) } else { Poll::Pending }
        });
        let mut timeout = timeout(HOUR, future);
        assert!(poll(&mut timeout).is_pending());
        assert_eq!(hand.counters().standing, 1);
        assert_eq!(poll(&mut timeout), Poll::Ready(Ok(())));
        assert_eq!(hand.counters().standing, 0);
    }

    #[test]
    fn fails_at_the_deadline_and_not_before() {
        let (hand, log) = (HandLoop::new(), Log::default());
        let mut timeout = timeout(HOUR, pending::<()>());
        assert!(poll_with(&mut timeout, &log.waker(1)).is_pending());
        assert_eq!(hand.turn(timeout.deadline() - Duration::from_nanos(1)), 0);
        assert!(poll_with(&mut timeout, &log.waker(1)).is_pending());
        assert_eq!(hand.turn(timeout.deadline()), 1);
        assert_eq!(log.take(), [1]);
        assert_eq!(poll(&mut timeout), Poll::Ready(Err(Elapsed::new())));
    }

    #[test]
    fn a_deadline_in_the_past_fails_at_the_first_suspension_and_not_before_the_start() {
        let hand = HandLoop::new();
        for deadline in [PAST, Instant::now(), Instant::now() + Duration::ZERO] {
            let started = Cell::new(false);
            let mut timeout = pin!(timeout_at(deadline, async {
                started.set(true);
                pending::<()>().await;
            }));
            assert!(!started.get());
            assert_eq!(poll_pinned(&mut timeout), Poll::Ready(Err(Elapsed::new())));
            assert!(started.get());
        }
        assert!(poll(&mut timeout(Duration::ZERO, pending::<()>())).is_ready());
        assert_eq!(hand.counters().registered, 0);
    }

    #[test]
    fn a_future_that_never_lets_the_loop_turn_cannot_outrun_its_deadline() {
        let _hand = HandLoop::new();
        let mut busy = timeout(
            Duration::from_micros(30),
            poll_fn(|cx| {
                cx.waker().wake_by_ref();
                Poll::<()>::Pending
            }),
        );
        while !busy.deadline().has_come() {
            let _ = poll(&mut busy);
        }
        assert_eq!(poll(&mut busy), Poll::Ready(Err(Elapsed::new())));

        let deadline = Instant::now() + Duration::from_micros(30);
        let mut long_poll = timeout_at(
            deadline,
            poll_fn(|_| {
                wait_until(deadline);
                Poll::<()>::Pending
            }),
        );
        assert_eq!(poll(&mut long_poll), Poll::Ready(Err(Elapsed::new())));
    }

    #[test]
    fn the_expiry_of_the_inner_is_not_that_of_the_outer() {
        let hand = HandLoop::new();
        let now = Instant::now();
        let mut nested = timeout_at(now + 2 * HOUR, timeout_at(now + HOUR, pending::<()>()));
        assert!(poll(&mut nested).is_pending());
        assert_eq!(hand.turn(now + HOUR), 1);
        assert_eq!(poll(&mut nested), Poll::Ready(Ok(Err(Elapsed::new()))));
        assert_eq!(hand.counters().standing, 0);

        let mut nested = timeout_at(now + HOUR, timeout_at(now + 2 * HOUR, pending::<()>()));
        assert!(poll(&mut nested).is_pending());
        assert_eq!(hand.turn(now + HOUR), 1);
        assert_eq!(poll(&mut nested), Poll::Ready(Err(Elapsed::new())));
        drop(nested);
        assert_eq!(hand.counters().standing, 0);
    }

    #[test]
    fn when_both_have_expired_the_outer_is_reported_once_and_the_inner_cleaned_up() {
        let hand = HandLoop::new();
        let (inner_errors, dropped) = (Cell::new(0), Rc::new(Cell::new(0)));
        let local = Rc::clone(&dropped);
        let now = Instant::now();
        let mut nested = pin!(timeout_at(now + HOUR, async {
            let guard = CountDrop(local);
            let inner = timeout_at(now + HOUR, async move {
                let _guard = guard;
                pending::<()>().await
            });
            inner_errors.set(inner_errors.get() + u32::from(inner.await.is_err()));
            pending::<()>().await;
        }));
        assert!(poll_pinned(&mut nested).is_pending());
        assert_eq!(hand.turn(now + HOUR), 2);
        assert_eq!(poll_pinned(&mut nested), Poll::Ready(Err(Elapsed::new())));
        assert_eq!((inner_errors.get(), dropped.get()), (1, 1));
        assert_eq!(hand.counters().standing, 0);
    }

    #[test]
    fn a_timeout_may_be_used_after_a_timeout() {
        let hand = HandLoop::new();
        let now = Instant::now();
        let mut body = pin!(async {
            let first = timeout_at(now + HOUR, pending::<()>()).await;
            let second = timeout_at(now + 2 * HOUR, pending::<()>()).await;
            (first.is_err(), second.is_err())
        });
        assert!(poll_pinned(&mut body).is_pending());
        assert_eq!(hand.turn(now + HOUR), 1);
        assert!(poll_pinned(&mut body).is_pending());
        assert_eq!(hand.turn(now + 2 * HOUR), 1);
        assert_eq!(poll_pinned(&mut body), Poll::Ready((true, true)));
    }

    #[test]
    fn a_drop_from_outside_is_no_expiry_and_drops_the_future_at_once() {
        let (hand, log) = (HandLoop::new(), Log::default());
        let dropped = Rc::new(Cell::new(0));
        let guard = CountDrop(Rc::clone(&dropped));
        let mut timeout = Box::pin(timeout(HOUR, async move {
            let _guard = guard;
            pending::<()>().await
        }));
        let deadline = timeout.deadline();
        assert!(poll_with(&mut timeout, &log.waker(1)).is_pending());
        drop(timeout);
        assert_eq!((dropped.get(), hand.turn(deadline)), (1, 0));
        assert_eq!(log.take(), []);
    }

    #[test]
    fn reschedule_moves_the_deadline_both_ways_and_after_it_passed() {
        let (hand, log) = (HandLoop::new(), Log::default());
        let mut timeout = timeout(HOUR, pending::<()>());
        let first = timeout.deadline();
        assert!(poll_with(&mut timeout, &log.waker(1)).is_pending());
        Pin::new(&mut timeout).reschedule(first + HOUR);
        assert_eq!(hand.turn(first + SECOND), 0);
        Pin::new(&mut timeout).reschedule(first + 2 * SECOND);
        assert_eq!(timeout.deadline(), first + 2 * SECOND);
        assert_eq!(hand.turn(first + 2 * SECOND), 1);
        assert_eq!(log.take(), [1]);
        assert!(poll(&mut timeout).is_ready());
        Pin::new(&mut timeout).reschedule(first + HOUR);
        assert!(poll(&mut timeout).is_pending());
        assert_eq!(hand.turn(first + HOUR), 1);
        assert!(poll(&mut timeout).is_ready());
    }

    #[test]
    fn the_future_can_be_had_back_and_finished_later() {
        let hand = HandLoop::new();
        let done = Cell::new(false);
        let future = poll_fn(|_| if done.get() { Poll::Ready(9) } else { Poll::Pending });
        let mut timeout = timeout(HOUR, future);
        assert!(poll(&mut timeout).is_pending());
        assert!(poll(timeout.get_mut()).is_pending());
        let mut future = timeout.into_inner();
        assert_eq!(hand.counters().standing, 0);
        done.set(true);
        assert_eq!(poll(&mut future), Poll::Ready(9));
    }

    #[test]
    fn a_pinned_future_does_not_move() {
        struct Still(Option<*const Still>, PhantomPinned);
        impl Future for Still {
            type Output = ();
            fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
                let here: *const Still = &*self;
                assert_eq!(*self.as_ref().get_ref().0.as_ref().unwrap_or(&here), here);
                Poll::Pending
            }
        }
        let _hand = HandLoop::new();
        let mut timeout = pin!(timeout(HOUR, Still(None, PhantomPinned)));
        let here: *const Still = timeout.get_ref();
        assert_eq!(&*timeout.as_mut().get_pin_mut() as *const Still, here);
        assert!(poll_pinned(&mut timeout).is_pending());
        timeout.as_mut().reschedule(Instant::NEVER);
        assert!(std::ptr::eq(timeout.get_ref(), here));
    }

    #[test]
    fn debug_needs_nothing_of_the_future() {
        let timeout = timeout_at(Instant::from_nanos(1_000_000_000), pending::<()>());
        assert_eq!(format!("{timeout:?}"), "Timeout { deadline: Instant(1s), .. }");
        assert!(timers::counters().is_none());
    }

    struct CountDrop(Rc<Cell<u32>>);

    impl Drop for CountDrop {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
}
