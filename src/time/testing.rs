//! A loop driven by hand, for the tests of this room: time is what the test says it is.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use super::timers::{self, TimerCounters, Timers};
use super::{Duration, Instant};
use crate::scheduler;

/// Far enough ahead that the real clock does not get there while a test runs.
pub(super) const HOUR: Duration = Duration::from_secs(3600);
pub(super) const SECOND: Duration = Duration::from_secs(1);

/// A loop's timers, installed on this thread until it is dropped.
pub(super) struct HandLoop(());

impl HandLoop {
    pub(super) fn new() -> Self {
        static RUNTIMES: AtomicUsize = AtomicUsize::new(1);
        let runtime_id = RUNTIMES.fetch_add(1, Ordering::Relaxed) as u32;
        assert!(timers::install(Some(Timers::new(runtime_id))).is_none(), "a loop inside a loop");
        HandLoop(())
    }

    /// Fires what is due at `now`, wakes it, and says how many.
    pub(super) fn turn(&self, now: Instant) -> usize {
        let mut due = Vec::new();
        timers::fire_due(now.as_nanos(), &mut due);
        let fired = due.len();
        due.into_iter().for_each(scheduler::Wake::wake);
        fired
    }

    pub(super) fn counters(&self) -> TimerCounters {
        timers::counters().unwrap()
    }
}

impl Drop for HandLoop {
    fn drop(&mut self) {
        drop(timers::install(None));
    }
}

/// Writes down who was woken, in order.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<usize>>>);

struct Named {
    name: usize,
    log: Log,
}

impl Wake for Named {
    fn wake(self: Arc<Self>) {
        self.log.0.lock().unwrap().push(self.name);
    }
}

impl Log {
    /// A waker that goes by `name`.
    pub(super) fn waker(&self, name: usize) -> Waker {
        Waker::from(Arc::new(Named { name, log: self.clone() }))
    }

    /// As [`waker`](Self::waker), as a wheel keeps it.
    pub(super) fn wake(&self, name: usize) -> scheduler::Wake {
        scheduler::Wake::Other(self.waker(name))
    }

    /// The names of those woken since the last call.
    pub(super) fn take(&self) -> Vec<usize> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A waker that runs a closure.
pub(super) fn waker_fn(f: impl Fn() + Send + Sync + 'static) -> Waker {
    struct Call<F>(F);
    impl<F: Fn()> Wake for Call<F>
    where
        F: Send + Sync + 'static,
    {
        fn wake(self: Arc<Self>) {
            (self.0)();
        }
    }
    Waker::from(Arc::new(Call(f)))
}

/// Polls once with a waker that does nothing.
pub(super) fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_with(future, Waker::noop())
}

pub(super) fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// Waits on the real clock without sleeping; for moments of a few microseconds.
pub(super) fn wait_until(instant: Instant) {
    while !instant.has_come() {}
}
