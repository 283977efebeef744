//! Wires the rooms and runs the loop; owns no mechanism.
//!
//! [`Runtime::block_on`] is the only loop of the crate. Each round polls the tasks that are ready,
//! at most a budget of them, fires the timers that are due, decides how long it may wait, and
//! turns the driver: one system call that submits, waits and reaps. Then it wakes and drops what
//! the turn brought, when no part of the loop is borrowed any more.

mod builder;
mod debug;
mod dump;
mod handle;
mod metrics;
#[cfg(all(test, any(loom, miri)))]
mod models;
mod oversleep;
mod parts;
mod prometheus;
mod quit;
mod shutdown;
#[cfg(feature = "sim")]
mod simulated;
mod spin;
#[cfg(feature = "test-util")]
mod standstill;
#[cfg(feature = "sim")]
mod step;
mod watchdog;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

pub use self::builder::Builder;
use self::debug::Watchers;
pub use self::dump::{Dump, OpDump, TaskDump, TaskState};
pub use self::handle::{Handle, RemoteHandle};
pub use self::metrics::{MetricKind, Metrics};
use self::parts::{Parts, Scratch};
#[cfg(feature = "sim")]
pub(crate) use self::step::Step;
use crate::driver;
pub use crate::histogram::Histogram;
use crate::remote::{Message, Remote};
use crate::scheduler::{self, TaskId};
use crate::sys::{Features, SetupError, Wait};
pub use crate::task::watch::TaskMeta;
use crate::task::{self, JoinHandle, Root};
use crate::time::timers;

/// A loop: one ring, one thread.
///
/// It stays on the thread that made it (it is neither `Send` nor `Sync`); a [`Handle`] reaches it
/// from others. Dropping it ends it as [`shutdown_timeout`](Self::shutdown_timeout) does, with the
/// grace time of [`Builder::shutdown_grace`], a second by default.
///
/// ```
/// let runtime = annulus::Runtime::new()?;
/// let answer = runtime.block_on(async {
///     let task = annulus::spawn(async { 6 * 7 });
///     task.await.unwrap()
/// });
/// assert_eq!(answer, 42);
/// # Ok::<(), annulus::SetupError>(())
/// ```
///
/// ```compile_fail,E0277
/// let runtime = annulus::Runtime::new().unwrap();
/// std::thread::spawn(move || runtime.block_on(async {})); // error: it cannot be sent
/// ```
pub struct Runtime {
    /// Empty while the loop runs.
    parts: Cell<Option<Parts>>,
    scratch: RefCell<Scratch>,
    number: u32,
    task_budget: u32,
    spin_ns: u64,
    wakes_ahead: bool,
    handle: Handle,
    features: Features,
    shutdown_grace: Duration,
    watchers: Watchers,
}

impl Runtime {
    /// A loop with the default settings.
    ///
    /// # Errors
    ///
    /// What the kernel refuses, why, and what to do about it.
    pub fn new() -> Result<Runtime, SetupError> {
        Builder::new().build()
    }

    /// Runs `future` and the tasks that it spawns until `future` is done.
    ///
    /// Other tasks stay where they are; they go on when `block_on` is called again and end when the
    /// runtime does.
    ///
    /// # Panics
    ///
    /// In a loop: there is one loop to a thread, and waiting in it would stop it. When `future`
    /// panics; the runtime can be used again then. When the kernel refuses to be entered any more,
    /// as in a sandbox that is closed late.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let _entered = self.enter().unwrap_or_else(|error| panic!("{error}"));
        let root = Root::new(Location::caller());
        let output = self.run_loop(&root, pin!(future));
        if let Some(cleanup) = root.cleanup() {
            self.run_loop(&root, pin!(cleanup));
        }
        output
    }

    /// Spawns a task before the loop runs, or beside it.
    ///
    /// # Panics
    ///
    /// In another runtime's loop.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        if driver::with(|driver| driver.runtime()) == Some(self.number) {
            return task::spawn(future);
        }
        let _entered = self.enter().unwrap_or_else(|error| panic!("{error}"));
        task::spawn(future)
    }

    /// A way to reach the loop from other threads.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// What the loop has counted; only while it does not run, else ask its [`Handle`].
    ///
    /// # Panics
    ///
    /// In a loop.
    pub fn metrics(&self) -> Metrics {
        let _entered = self.enter().unwrap_or_else(|error| panic!("{error}"));
        Metrics::take().unwrap_or_default()
    }

    /// What the kernel gives this loop, and what it does not.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// Ends the loop within `grace`: every task is cancelled and cleans up, then what is left is
    /// dropped, every operation is cancelled, and what the kernel still has is waited for.
    ///
    /// What it has not given back by then is leaked, never freed: the number of such operations is
    /// the answer, zero as a rule. Blocking jobs that run are waited for within the same time.
    ///
    /// # Panics
    ///
    /// In a loop.
    pub fn shutdown_timeout(self, grace: Duration) -> usize {
        self.end(grace)
    }

    fn enter(&self) -> Result<Entered<'_>, SetupError> {
        if parts::is_running() {
            return Err(SetupError::already_running());
        }
        let parts = self.parts.take().ok_or_else(SetupError::already_running)?;
        parts::install(parts);
        Ok(Entered { runtime: self })
    }

    fn run_loop<F: Future>(&self, root: &Root, mut future: Pin<&mut F>) -> F::Output {
        let scratch = &mut *self.scratch.borrow_mut();
        scheduler::wake(root.id());
        loop {
            let done = self.tick(root.id(), || root.poll(future.as_mut()));
            if let Some(output) = done {
                return output;
            }
            if let Err(error) = self.turn(u64::MAX, scratch) {
                panic!("io_uring_enter failed and no retry mends it: {error}");
            }
        }
    }

    /// Polls what is ready, at most a budget of it; `root` polls the one task that the table does
    /// not hold, and its output ends the tick.
    #[inline]
    fn tick<T>(&self, root_id: TaskId, mut root: impl FnMut() -> Poll<T>) -> Option<T> {
        scheduler::with(scheduler::Scheduler::begin_tick);
        let is_watched = self.is_watched();
        if is_watched {
            debug::report_slow_enters();
        }
        let _pass = task::pass();
        for _ in 0..self.task_budget {
            let id = scheduler::with(scheduler::Scheduler::next)??;
            if id != root_id {
                if is_watched {
                    task::run_watched(id);
                } else {
                    task::run(id);
                }
                continue;
            }
            // The one place where it is polled, so that the compiler puts it there.
            let _watched = is_watched.then(|| task::watch_poll(id));
            if let Poll::Ready(output) = root() {
                return Some(output);
            }
        }
        None
    }

    /// One turn of the driver, which the kernel is asked to end early where it is known to be late.
    #[inline]
    fn sleep(&self, wait: Wait, scratch: &mut Scratch) -> io::Result<()> {
        match wait {
            Wait::Until(deadline_ns) if self.wakes_ahead => turn_ahead_of(deadline_ns, scratch),
            _ => turn(wait, scratch),
        }
    }

    /// One turn of the driver, which waits until `limit_ns` at most, then messages and timers.
    ///
    /// # Errors
    ///
    /// The kernel refuses the enter for good: the loop cannot go on.
    #[inline]
    fn turn(&self, limit_ns: u64, scratch: &mut Scratch) -> io::Result<()> {
        let remote = Remote::of(self.number);
        let wait = wait(remote, limit_ns);
        #[cfg(feature = "test-util")]
        if wait != Wait::Zero && crate::time::paused::standstill().is_some() {
            return self.turn_standing_still(scratch);
        }
        let turned = match wait {
            Wait::Until(_) | Wait::Forever if self.spin_ns > 0 => self.spin(wait, scratch),
            _ => self.sleep(wait, scratch),
        };
        awake(remote, wait, scratch.reaped.completions);
        #[cfg(feature = "sim")]
        simulated::between_turns();
        take_messages(remote, scratch);
        // A wait without end was one without timers: what has been armed since is for the next turn.
        if wait != Wait::Forever {
            fire_timers(scratch);
        }
        turned
    }
}

/// From how many completions on a loop takes back that it parks.
const MANY: u32 = 8;

/// How long the loop may wait: not at all while something is ready, else until the next timer,
/// and only after the park handshake found no message.
#[inline]
fn wait(remote: &Remote, limit_ns: u64) -> Wait {
    let ready = scheduler::with(|scheduler| scheduler.queued()).unwrap_or(0);
    if ready > 0 || remote.has_messages() || !remote.park() {
        return Wait::Zero;
    }
    #[cfg(feature = "sim")]
    simulated::before_sleep();
    match timers::kernel_deadline().unwrap_or(u64::MAX).min(limit_ns) {
        u64::MAX => Wait::Forever,
        deadline_ns => Wait::Until(deadline_ns),
    }
}

/// The loop is awake again, after a turn with so many completions: it takes back that it parks.
///
/// But not if it has little to do until it parks again, for that costs as much as a poll of a task.
/// Then who sends a message meanwhile kicks a loop that is awake, once: a system call of its own and
/// a completion of the loop's.
#[inline]
fn awake(remote: &Remote, wait: Wait, completions: u32) {
    if wait != Wait::Zero && completions >= MANY {
        remote.unpark();
    }
}

/// Wakes who sleeps until now; without sleepers the clock is not even read.
#[inline]
fn fire_timers(scratch: &mut Scratch) {
    if timers::next_deadline().is_some() {
        timers::fire_due_now(&mut scratch.due);
        scratch.due.drain(..).for_each(scheduler::Wake::wake);
    }
}

/// Turns the driver, then wakes and drops what the turn brought.
#[inline]
fn turn(wait: Wait, scratch: &mut Scratch) -> io::Result<()> {
    let reaped = &mut scratch.reaped;
    let turned = driver::with(|driver| driver.turn(wait, reaped)).expect("the loop is installed");
    driver::finish_turn(reaped);
    turned
}

/// As [`turn`], waiting for a deadline; it may end before, and notes how late it ends.
fn turn_ahead_of(deadline_ns: u64, scratch: &mut Scratch) -> io::Result<()> {
    let Scratch { reaped, oversleep, .. } = scratch;
    let turned = driver::with(|driver| {
        let end_ns = oversleep.end_of(deadline_ns, driver.now_before(deadline_ns));
        let turned = driver.turn(Wait::Until(end_ns.unwrap_or(deadline_ns)), reaped);
        if let Some(end_ns) = end_ns {
            oversleep.note(end_ns, driver.last_now());
        }
        turned
    });
    driver::finish_turn(reaped);
    turned.expect("the loop is installed")
}

/// Does what other threads have asked for.
#[inline]
fn take_messages(remote: &Remote, scratch: &mut Scratch) {
    if remote.has_messages() {
        take_all_messages(remote, scratch);
    }
}

#[inline(never)]
fn take_all_messages(remote: &Remote, scratch: &mut Scratch) {
    remote.take(&mut scratch.messages);
    for message in scratch.messages.drain(..) {
        match message {
            Message::Wake(task) => scheduler::wake(TaskId::from_bits(task)),
            Message::Run(run) => run(),
        }
    }
}

/// Takes the parts back into the runtime, also when the root future panics.
struct Entered<'a> {
    runtime: &'a Runtime,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.runtime.parts.set(parts::uninstall());
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").field("number", &self.number).finish_non_exhaustive()
    }
}

/// Runs `future` on a loop of its own, with the default settings, and ends the loop afterwards.
///
/// # Errors
///
/// What the kernel refuses ([`SetupError`]); inside a loop, a sentence that says so.
///
/// ```
/// # use std::io;
/// fn main() -> io::Result<()> {
///     let sum = annulus::run(async {
///         let task = annulus::spawn(async { 2 });
///         1 + task.await.unwrap()
///     })?;
///     assert_eq!(sum, 3);
///     Ok(())
/// }
/// ```
#[track_caller]
pub fn run<F: Future>(future: F) -> io::Result<F::Output> {
    if parts::is_running() {
        return Err(SetupError::already_running().into());
    }
    let runtime = Runtime::new()?;
    Ok(runtime.block_on(future))
}
