//! The blocking pool's behaviour, with real threads and without sleeps.

mod cancel;
mod handle;
mod limits;
mod model;
mod refusal;
mod reserve;
mod shutdown;
mod speed;
mod threads;

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::{BlockingHandle, BlockingPool, PoolConfig};
use crate::task::JoinError;

/// Far longer than anything here takes; only a hang reaches it.
const HANG: Duration = Duration::from_secs(60);

fn pool(max_threads: usize, queue: usize) -> BlockingPool {
    BlockingPool::new(PoolConfig {
        max_threads,
        queue,
        keep_alive: Duration::MAX,
        ..PoolConfig::default()
    })
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[track_caller]
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    let start = Instant::now();
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park_timeout(HANG),
        }
        assert!(start.elapsed() < HANG, "never woken");
    }
}

/// Counts wakes.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

impl Wakes {
    fn new() -> (Arc<Self>, Waker) {
        let wakes = Arc::new(Wakes::default());
        (wakes.clone(), Waker::from(wakes))
    }

    fn count(&self) -> usize {
        self.0.load(SeqCst)
    }
}

fn poll_once<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// What jobs wait for. It opens when the test is over, however that ends.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let is_open = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(is_open, |open| !*open).unwrap());
    }
}

struct OpenAtEnd(Gate);

impl Drop for OpenAtEnd {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// Occupies one thread of the pool until the gate is opened, or dropped; running when it returns.
fn occupy(pool: &BlockingPool) -> (OpenAtEnd, BlockingHandle<()>) {
    let gate = Gate::default();
    let entered = Gate::default();
    let handle = pool.spawn({
        let (gate, entered) = (gate.clone(), entered.clone());
        move || {
            entered.open();
            gate.pass();
        }
    });
    entered.pass();
    (OpenAtEnd(gate), handle)
}

/// Looks again and again until it is so, and fails after what can only be a hang.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < HANG, "never came true: {what}");
        thread::yield_now();
    }
}

/// Calls the closure when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[track_caller]
fn assert_cancelled<T>(outcome: Result<T, JoinError>) {
    match outcome {
        Ok(_) => panic!("the job ran"),
        Err(error) => assert!(error.is_cancelled(), "{error}"),
    }
}
