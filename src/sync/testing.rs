//! Polling by hand: what the tests of this room run futures with.
//!
//! A [`Probe`] is a task without an executor. The test says when it is polled and when it is
//! dropped, and sees whether it was woken. A [`Crowd`] is many of them under random orders.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// A future, and how often it was woken.
pub(crate) struct Probe<'a, T> {
    future: Pin<Box<dyn Future<Output = T> + 'a>>,
    wakes: Arc<Count>,
    wakes_at_poll: usize,
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl<'a, T> Probe<'a, T> {
    pub(crate) fn new(future: impl Future<Output = T> + 'a) -> Self {
        Probe { future: Box::pin(future), wakes: Arc::default(), wakes_at_poll: 0 }
    }

    /// A probe that was polled once and is pending.
    #[track_caller]
    pub(crate) fn waiting(future: impl Future<Output = T> + 'a) -> Self {
        let mut probe = Probe::new(future);
        probe.assert_pending();
        probe
    }

    pub(crate) fn poll(&mut self) -> Poll<T> {
        self.wakes_at_poll = self.wakes();
        let waker = Waker::from(Arc::clone(&self.wakes));
        self.poll_with(&waker)
    }

    pub(crate) fn poll_with(&mut self, waker: &Waker) -> Poll<T> {
        self.future.as_mut().poll(&mut Context::from_waker(waker))
    }

    /// Polls as a task that has moved: under a waker that no earlier poll has seen.
    pub(crate) fn poll_elsewhere(&mut self) -> Poll<T> {
        self.wakes = Arc::default();
        self.poll()
    }

    #[track_caller]
    pub(crate) fn assert_pending(&mut self) {
        assert!(self.poll().is_pending(), "expected the future to wait");
    }

    #[track_caller]
    pub(crate) fn assert_ready(&mut self) -> T {
        match self.poll() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("expected the future to be ready"),
        }
    }

    /// The output of a future that was woken and is then ready.
    #[track_caller]
    pub(crate) fn assert_woken(&mut self) -> T {
        assert!(self.is_woken(), "expected the future to be woken");
        self.assert_ready()
    }

    /// Whether it was woken since it was last polled.
    pub(crate) fn is_woken(&self) -> bool {
        self.wakes() > self.wakes_at_poll
    }

    pub(crate) fn wakes(&self) -> usize {
        self.wakes.0.load(Ordering::Relaxed)
    }
}

/// The output of a future that is ready at once.
#[track_caller]
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    Probe::new(future).assert_ready()
}

/// Tells a story for `polls` = 0, 1, 2, … until its subject is not pending any more after so many
/// polls. The story returns whether it still is.
pub(crate) fn at_every_await_point(mut story: impl FnMut(usize) -> bool) {
    for polls in 0.. {
        assert!(polls < 100, "the subject of the story never ends");
        if !story(polls) {
            return;
        }
    }
}

/// Polls `probe` so many times, doing `between` after each; whether it still waits then.
pub(crate) fn poll_times<T>(
    probe: &mut Probe<'_, T>,
    polls: usize,
    mut between: impl FnMut(usize),
) -> bool {
    for poll in 0..polls {
        if probe.poll().is_ready() {
            return false;
        }
        between(poll);
    }
    true
}

thread_local! {
    static HOOKS: RefCell<Vec<Rc<dyn Fn()>>> = const { RefCell::new(Vec::new()) };
}

struct Hook(usize);

impl Wake for Hook {
    fn wake(self: Arc<Self>) {
        let hook = HOOKS.with_borrow(|hooks| Rc::clone(&hooks[self.0]));
        hook();
    }
}

/// A waker that runs `hook`, on the thread that made it.
pub(crate) fn hooked_waker(hook: impl Fn() + 'static) -> Waker {
    let index = HOOKS.with_borrow_mut(|hooks| {
        hooks.push(Rc::new(hook));
        hooks.len() - 1
    });
    Waker::from(Arc::new(Hook(index)))
}

/// A waker that panics when it is called.
pub(crate) fn panicking_waker() -> Waker {
    hooked_waker(|| panic!("{WAKER_PANIC}"))
}

pub(crate) const WAKER_PANIC: &str = "this waker panics";

/// Runs `f`, which must panic, and returns the message.
#[track_caller]
pub(crate) fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).map(drop);
    let payload = outcome.expect_err("expected a panic, and there was none");
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => {
            payload.downcast::<&str>().map_or_else(|_| String::new(), |s| s.to_string())
        }
    }
}

/// Runs a closure when it is dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// How often something is repeated: under Miri, where everything takes a thousand times as long, a
/// twentieth of what is asked for.
pub(crate) const fn rounds(count: usize) -> usize {
    if cfg!(miri) { count / 20 } else { count }
}

/// Runs `test` with so many seeds, and names the one that fails.
pub(crate) fn for_each_seed(count: u64, mut test: impl FnMut(&mut fastrand::Rng)) {
    struct Seed(u64);
    impl Drop for Seed {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("failed with seed {}", self.0);
            }
        }
    }
    for seed in 0..if cfg!(miri) { count.min(2) } else { count } {
        let seed = Seed(seed);
        test(&mut fastrand::Rng::with_seed(seed.0));
    }
}

/// Futures that are polled and dropped in any order.
pub(crate) struct Crowd<'a, T> {
    probes: Vec<Probe<'a, T>>,
}

impl<'a, T> Crowd<'a, T> {
    pub(crate) fn new() -> Self {
        Crowd { probes: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.probes.len()
    }

    /// Polls a new future once; it joins the crowd if it has to wait.
    pub(crate) fn start(&mut self, future: impl Future<Output = T> + 'a) -> Option<T> {
        let mut probe = Probe::new(future);
        match probe.poll() {
            Poll::Ready(output) => Some(output),
            Poll::Pending => {
                self.probes.push(probe);
                None
            }
        }
    }

    /// Drops one of the crowd.
    pub(crate) fn cancel_one(&mut self, rng: &mut fastrand::Rng) {
        if !self.probes.is_empty() {
            drop(self.probes.remove(rng.usize(..self.len())));
        }
    }

    /// Polls one of the crowd, woken or not, perhaps under another waker.
    pub(crate) fn poll_one(&mut self, rng: &mut fastrand::Rng) -> Option<T> {
        if self.probes.is_empty() {
            return None;
        }
        let index = rng.usize(..self.len());
        let moved = rng.bool() && !self.probes[index].is_woken();
        let polled =
            if moved { self.probes[index].poll_elsewhere() } else { self.probes[index].poll() };
        self.take_if_ready(index, polled)
    }

    /// Polls one that was woken, if any was.
    pub(crate) fn poll_woken(&mut self) -> Option<T> {
        let index = self.probes.iter().position(Probe::is_woken)?;
        let polled = self.probes[index].poll();
        match self.take_if_ready(index, polled) {
            None => self.poll_woken(),
            output => output,
        }
    }

    /// Fails if one of the crowd could go on and was not told so. To be called when nobody is
    /// woken.
    #[track_caller]
    pub(crate) fn assert_nobody_sleeps_in(&mut self) {
        for probe in &mut self.probes {
            assert!(!probe.is_woken(), "somebody was woken and not polled");
            assert!(probe.poll().is_pending(), "a waiter could go on and was not woken");
        }
    }

    fn take_if_ready(&mut self, index: usize, polled: Poll<T>) -> Option<T> {
        match polled {
            Poll::Ready(output) => {
                drop(self.probes.remove(index));
                Some(output)
            }
            Poll::Pending => None,
        }
    }
}
