//! What the modules share: wakers that keep a record, values that say when they are dropped.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// Runs a test's program on a loop of its own: on a simulated kernel where the environment says so
/// (`ANNULUS_WORLD=SEED`, feature `sim`), else on the real one.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    #[cfg(feature = "sim")]
    if let Some(seed) = std::env::var("ANNULUS_WORLD").ok().and_then(|seed| seed.parse().ok()) {
        return annulus::sim::run(seed, future).expect("a loop");
    }
    run_really(future)
}

/// As [`run`], and always on the real kernel: for tests that talk to std's sockets or to threads.
pub(crate) fn run_really<F: Future>(future: F) -> F::Output {
    annulus::run(future).expect("a loop")
}

/// Counts its wakes.
#[derive(Default)]
pub(crate) struct CountWaker(AtomicUsize);

impl CountWaker {
    pub(crate) fn new() -> (Arc<CountWaker>, Waker) {
        let count = Arc::new(CountWaker::default());
        (Arc::clone(&count), Waker::from(count))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for CountWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The names of the wakers that were woken, in order.
#[derive(Clone, Default)]
pub(crate) struct WakeLog(Arc<Mutex<Vec<u32>>>);

struct Named(u32, WakeLog);

impl WakeLog {
    pub(crate) fn waker(&self, name: u32) -> Waker {
        Waker::from(Arc::new(Named(name, self.clone())))
    }

    pub(crate) fn take(&self) -> Vec<u32> {
        std::mem::take(&mut self.0.lock().expect("no panic while it is locked"))
    }
}

impl Wake for Named {
    fn wake(self: Arc<Self>) {
        self.1.0.lock().expect("no panic while it is locked").push(self.0);
    }
}

pub(crate) fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

pub(crate) fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_with(future, Waker::noop())
}

/// Adds one to a count when it is dropped.
pub(crate) struct OnDrop(pub(crate) Rc<Cell<usize>>);

impl OnDrop {
    pub(crate) fn new() -> (Rc<Cell<usize>>, OnDrop) {
        let count = Rc::new(Cell::new(0));
        (Rc::clone(&count), OnDrop(count))
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// What happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<&'static str>>>);

impl Log {
    pub(crate) fn push(&self, what: &'static str) {
        self.0.borrow_mut().push(what);
    }

    pub(crate) fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.borrow_mut())
    }
}

/// Suspends `count` times.
pub(crate) async fn yields(count: usize) {
    for _ in 0..count {
        annulus::yield_now().await;
    }
}

/// Awaits `future` and catches its panic.
pub(crate) async fn poll_catching<F: Future>(
    future: AssertUnwindSafe<F>,
) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future.0);
    std::future::poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        match polled {
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(payload) => Poll::Ready(Err(payload)),
        }
    })
    .await
}
