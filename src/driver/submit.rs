//! The future of one op.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::ending::{Cancel, CancelOn};
use super::op::Op;
use super::{Driver, End, Finished, OpKey, Start, unpolled};
use crate::sys::{self, Prepared};
use crate::task::{CancellationToken, WaitForCancellationFuture};
use crate::time::{Instant, Sleep, sleep_until, timers};

/// An operation: submitted at its first poll, finished by its completion.
///
/// Every I/O method of the crate returns one.
///
/// # Cancellation
///
/// Dropping it before its first poll does nothing at all. Dropping it later asks the kernel to
/// cancel the operation and loses nothing: a connection that was accepted all the same goes to the
/// listener's next `accept`, bytes that arrived go to the stream's next `read`, a descriptor that
/// nobody wants is closed, and the buffer is freed when the kernel is done with it. To know the
/// exact outcome and to have the buffer back, [`cancel`](Self::cancel) it and await that.
///
/// # Panics
///
/// When polled outside the loop that its handle belongs to.
#[must_use = "an operation does nothing unless it is awaited"]
pub struct Submit<T: Op> {
    state: State<T>,
    time: Time,
    has_expired: bool,
    /// Whether its end was asked for: then it is not submitted again, whatever it ended with.
    pub(super) is_unwanted: bool,
    /// The loop it was submitted on; zero until it is polled.
    runtime: u32,
    #[cfg(debug_assertions)]
    made_at: &'static Location<'static>,
}

/// Where an op is.
pub(super) enum State<T> {
    /// Here: not submitted yet, or to be submitted again.
    Idle(T),
    /// In the cell of its slot.
    InFlight(OpKey),
    /// It has given its result.
    Done,
}

impl<T> State<T> {
    /// Takes the op that is here; it is nowhere then.
    #[inline(always)]
    pub(super) fn take(&mut self) -> Option<T> {
        match std::mem::replace(self, State::Done) {
            State::Idle(op) => Some(op),
            State::InFlight(_) | State::Done => None,
        }
    }
}

/// How long an op may take.
enum Time {
    Unlimited,
    /// Counted from the first poll.
    After(Duration),
    At(Instant),
    /// The loop keeps the time, for the kernel would not.
    Kept(Box<Sleep>),
}

impl<T: Op> Submit<T> {
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn new(op: T) -> Self {
        Submit {
            state: State::Idle(op),
            time: Time::Unlimited,
            has_expired: false,
            is_unwanted: false,
            runtime: 0,
            #[cfg(debug_assertions)]
            made_at: Location::caller(),
        }
    }

    /// Ends the operation with [`TimedOut`](std::io::ErrorKind::TimedOut) when it takes longer than
    /// `limit`, counted from its first poll.
    ///
    /// The kernel keeps the time, in an entry linked to the operation's. What the operation had
    /// done is never lost: one that won against its timeout succeeds, and one that was ended in
    /// the middle returns the bytes it has. Since kernel 5.5.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.time = Time::After(limit);
        self
    }

    /// As [`timeout`](Self::timeout), at a point in time.
    pub fn deadline(mut self, at: Instant) -> Self {
        self.time = Time::At(at);
        self
    }

    /// Asks for the operation's end; the future that comes back gives its exact outcome.
    ///
    /// That is the operation's success if it could not be stopped any more, an error for which
    /// [`is_cancelled`](crate::op::is_cancelled) is true if it was, and the buffer in any case. An
    /// operation that was never polled is not submitted at all. In order to cancel one that is in
    /// flight, poll it through a `&mut` reference, for instance in `select!`.
    pub fn cancel(self) -> Cancel<T> {
        Cancel::new(self)
    }

    /// Ends the operation when `signal` is done, for instance a token's `cancelled()`; the future
    /// that comes back gives the exact outcome as [`cancel`](Self::cancel) does.
    pub fn cancel_on<S: Future<Output = ()> + Unpin>(self, signal: S) -> CancelOn<T, S> {
        CancelOn::new(self, signal)
    }

    /// Ends the operation when `token` is cancelled; the future that comes back gives the exact
    /// outcome as [`cancel`](Self::cancel) does.
    ///
    /// With a token that is cancelled already, the operation is not submitted. The future borrows
    /// the token; for one that does not, there is `cancel_on(token.cancelled_owned())`.
    ///
    /// ```
    /// use annulus::BufResult;
    /// use annulus::task::CancellationToken;
    ///
    /// # annulus::run(async {
    /// let listener = annulus::net::TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = annulus::net::TcpStream::connect(listener.local_addr()?).await?;
    /// let token = CancellationToken::new();
    /// let stop = token.clone();
    /// annulus::spawn(async move { stop.cancel() }).detach();
    /// let BufResult(read, buf) = stream.read(Vec::with_capacity(64)).cancel_with(&token).await;
    /// assert!(annulus::op::is_cancelled(&read.unwrap_err()));
    /// assert_eq!(buf.capacity(), 64); // the buffer is back
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn cancel_with(
        self,
        token: &CancellationToken,
    ) -> CancelOn<T, WaitForCancellationFuture<'_>> {
        self.cancel_on(token.cancelled())
    }

    /// Dropped before its outcome was taken.
    #[inline(never)]
    fn drop_undone(&mut self) {
        match self.state {
            State::InFlight(key) => super::abandon(self.runtime, key),
            State::Idle(_) if self.runtime == 0 => unpolled::note(T::NAME, self.made_at()),
            State::Idle(_) | State::Done => {}
        }
    }

    #[cfg(debug_assertions)]
    fn made_at(&self) -> Option<&'static Location<'static>> {
        Some(self.made_at)
    }

    #[cfg(not(debug_assertions))]
    fn made_at(&self) -> Option<&'static Location<'static>> {
        None
    }

    /// The op, before it is submitted.
    pub(super) fn idle(&self) -> Option<&T> {
        match &self.state {
            State::Idle(op) if !self.is_unwanted => Some(op),
            _ => None,
        }
    }

    /// Has the loop keep the time of a timeout.
    pub(super) fn keep_time(&mut self) {
        if let Some(at) = self.fix_deadline() {
            self.time = Time::Kept(Box::new(sleep_until(at)));
        }
    }

    /// Puts the op in flight as one of a chain; its entry is to be pushed with the others.
    pub(super) fn prepare_linked(&mut self, driver: &mut Driver, waker: &Waker) -> Prepared {
        let (key, entry) = driver.prepare_linked(self.take_idle(), waker);
        self.runtime = driver.runtime();
        self.state = State::InFlight(key);
        entry
    }

    pub(super) fn ask_to_cancel(&mut self) {
        self.is_unwanted = true;
        if let State::InFlight(key) = self.state {
            let _elsewhere = super::with(|driver| driver.request_cancel(key));
        }
    }

    /// The time of the timeout, counted from the first poll on, unless the loop keeps it.
    fn fix_deadline(&mut self) -> Option<Instant> {
        let at = match self.time {
            Time::At(at) => at,
            Time::After(limit) => Instant::now() + limit,
            Time::Unlimited | Time::Kept(_) => return None,
        };
        self.time = Time::At(at);
        Some(at)
    }

    /// The time of the linked timeout, if there is to be one; the loop's own timer is made where
    /// the kernel keeps no time.
    #[inline(never)]
    fn limit(&mut self) -> Option<u64> {
        let at = self.fix_deadline()?;
        if T::HAS_LINKED_TIMEOUT && !timers::differ_from_kernel() {
            return Some(at.as_nanos());
        }
        self.time = Time::Kept(Box::new(sleep_until(at)));
        None
    }

    #[inline]
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<T::Output> {
        if !self.is_unwanted && matches!(self.time, Time::Unlimited) {
            let Submit { state, runtime, .. } = self;
            let is_started = super::here(T::NAME, |driver| {
                *runtime = driver.runtime();
                driver.start_plain(state, cx.waker())
            });
            if is_started {
                return Poll::Pending;
            }
        }
        self.poll_rarely_idle(cx)
    }

    #[inline(never)]
    fn poll_rarely_idle(&mut self, cx: &mut Context<'_>) -> Poll<T::Output> {
        if self.is_unwanted || !matches!(self.state, State::Idle(_)) {
            return Poll::Ready(self.give_up());
        }
        let linked_ns = self.limit();
        let Submit { state, runtime, .. } = self;
        let started = super::here(T::NAME, |driver| {
            *runtime = driver.runtime();
            driver.start(state, linked_ns, cx.waker())
        });
        let result = match started {
            Start::InFlight => {
                self.poll_timer(cx);
                return Poll::Pending;
            }
            Start::Served(result) => result,
            Start::Refused(error) => Err(error),
            Start::Foreign => super::foreign_handle(),
            Start::Gated => return Poll::Pending,
        };
        Poll::Ready(self.take_idle().complete(result))
    }

    /// Takes the op that is not in flight.
    pub(super) fn take_idle(&mut self) -> T {
        self.state.take().expect("an operation was polled after it had given its result")
    }

    /// Ends an op that is not in flight as what was asked for.
    #[cold]
    fn give_up(&mut self) -> T::Output {
        let error = if self.has_expired { sys::timed_out() } else { sys::cancelled() };
        self.take_idle().complete(Err(error))
    }

    /// Asks for the op's end when the loop keeps its time and that has come.
    fn poll_timer(&mut self, cx: &mut Context<'_>) {
        let Time::Kept(timer) = &mut self.time else { return };
        if !self.has_expired && Pin::new(&mut **timer).poll(cx).is_ready() {
            self.has_expired = true;
            self.ask_to_cancel();
        }
    }

    #[inline]
    fn poll_in_flight(&mut self, key: OpKey, cx: &mut Context<'_>) -> Poll<T::Output> {
        let runtime = self.runtime;
        let done = super::here(T::NAME, |driver| {
            super::check_runtime(runtime, driver.runtime());
            driver.take_success::<T>(key)
        });
        let Some((mut op, outcome)) = done else { return self.poll_rarely_in_flight(key, cx) };
        self.state = State::Done;
        if op.goes_on(outcome.res) {
            return self.start_again(op, cx);
        }
        Poll::Ready(op.complete(outcome.into_result()))
    }

    /// Polls an op that has not ended, or not as most do.
    #[inline(never)]
    fn poll_rarely_in_flight(&mut self, key: OpKey, cx: &mut Context<'_>) -> Poll<T::Output> {
        let Some(finished) = super::here(T::NAME, |driver| driver.poll::<T>(key, cx.waker()))
        else {
            self.poll_timer(cx);
            return Poll::Pending;
        };
        self.state = State::Done;
        self.finish(finished, cx)
    }

    /// Says how an op has ended, or submits it again.
    fn finish(&mut self, finished: Finished<T>, cx: &mut Context<'_>) -> Poll<T::Output> {
        let Finished { mut op, outcome, end } = finished;
        if outcome.res >= 0 && op.goes_on(outcome.res) {
            return self.start_again(op, cx);
        }
        let result = match end {
            _ if outcome.is_interrupted() && !T::IS_REPEATABLE => outcome.into_result(),
            End::Again => {
                mark!("op submitted again");
                return self.start_again(op, cx);
            }
            End::Own => outcome.into_result(),
            End::Cancelled if self.has_expired => Err(sys::timed_out()),
            End::Cancelled => Err(sys::cancelled()),
            End::Closed => Err(sys::closed()),
            End::TimedOut => Err(sys::timed_out()),
        };
        if let Err(error) = &result {
            if end == End::Own && op.retries(error) {
                return self.start_again(op, cx);
            }
        }
        Poll::Ready(op.complete(result))
    }

    #[inline(never)]
    fn start_again(&mut self, op: T, cx: &mut Context<'_>) -> Poll<T::Output> {
        self.state = State::Idle(op);
        self.poll_idle(cx)
    }
}

impl<T: Op> Future for Submit<T> {
    type Output = T::Output;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T::Output> {
        let this = self.get_mut();
        match this.state {
            State::InFlight(key) => this.poll_in_flight(key, cx),
            _ => this.poll_idle(cx),
        }
    }
}

impl<T: Op> Drop for Submit<T> {
    fn drop(&mut self) {
        if !matches!(self.state, State::Done) {
            self.drop_undone();
        }
    }
}

impl<T: Op> std::fmt::Debug for Submit<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match self.state {
            State::Idle(_) => "idle",
            State::InFlight(_) => "in flight",
            State::Done => "done",
        };
        f.debug_struct("Submit").field("op", &T::NAME).field("state", &state).finish()
    }
}
