//! How much a task may do in one poll before it gives way.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::table::{Tasks, with};

/// Units in one poll.
const UNITS: u32 = 128;

/// What is left of the poll that runs.
#[derive(Debug, Default)]
pub(super) struct Budget {
    used: u32,
    /// Which poll it was used in, by the count of polls: so a poll that uses none costs nothing.
    poll: u64,
    /// How many futures that may do as much as they like are being polled.
    unconstrained: u32,
}

impl Budget {
    /// A poll that is not counted begins: that of a loop's root future.
    pub(super) fn refill(&mut self) {
        self.used = 0;
    }
}

impl Tasks {
    /// Uses a unit; whether there was one.
    fn use_unit(&mut self) -> bool {
        let poll = self.counters.polls;
        let budget = &mut self.budget;
        if budget.unconstrained > 0 {
            return true;
        }
        if budget.poll != poll {
            (budget.poll, budget.used) = (poll, 0);
        }
        budget.used += 1;
        budget.used <= UNITS
    }
}

/// Goes on at once, but for every so many times in one poll of the task, when it lets the others
/// and I/O run first, as [`yield_now`](crate::yield_now) does.
///
/// For loops that may go round for long without having to wait: of items that are there already,
/// or that compute. One in 128 awaits of it suspends.
///
/// ```
/// # annulus::run(async {
/// let mut sum = 0_u64;
/// for n in 0..100_000 {
///     sum += n;
///     annulus::task::consume_budget().await; // timers and I/O go on meanwhile
/// }
/// assert_eq!(sum, 4_999_950_000);
/// # }).unwrap();
/// ```
///
/// The primitives of this crate that tasks of one loop share use no budget: a task that takes what
/// another has put runs out of it by itself. Receivers of [`sync::cross`](crate::sync::cross) use
/// it, for another thread may be faster than the loop.
pub fn consume_budget() -> ConsumeBudget {
    ConsumeBudget(())
}

/// Gives way now and then; made by [`consume_budget`].
#[must_use = "futures do nothing unless they are awaited"]
#[derive(Debug)]
pub struct ConsumeBudget(());

impl Future for ConsumeBudget {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        poll_proceed(cx)
    }
}

/// Uses a unit of the budget; without one, the task is woken to be polled again later.
#[inline]
pub(crate) fn poll_proceed(cx: &mut Context<'_>) -> Poll<()> {
    if with(Tasks::use_unit) != Some(false) {
        return Poll::Ready(());
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// Lets `future` do as much as it likes: [`consume_budget`] does not suspend in it.
///
/// For work that is known to be short, and whose latency matters more than that of the others.
pub fn unconstrained<F: Future>(future: F) -> Unconstrained<F> {
    Unconstrained { future: Box::pin(future) }
}

/// Runs a future without a budget; made by [`unconstrained`].
#[must_use = "futures do nothing unless they are awaited"]
#[derive(Debug)]
pub struct Unconstrained<F> {
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Unconstrained<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _free = Free::begin();
        self.future.as_mut().poll(cx)
    }
}

/// An unconstrained future is being polled; also a panic ends that.
struct Free;

impl Free {
    fn begin() -> Self {
        with(|tasks| tasks.budget.unconstrained += 1);
        Free
    }
}

impl Drop for Free {
    fn drop(&mut self) {
        with(|tasks| {
            let unconstrained = &mut tasks.budget.unconstrained;
            *unconstrained = unconstrained.saturating_sub(1);
        });
    }
}
