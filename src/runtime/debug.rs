//! Debug mode and what else watches a loop: its settings, and how the rooms are told.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::Runtime;
use super::builder::Builder;
use super::parts::Parts;
use super::quit::QuitDump;
use super::watchdog::Watchdog;
use crate::driver::{self, Driver, Meter};
use crate::histogram::Histogram;
use crate::report::heard;
use crate::task::watch::TaskMeta;
use crate::task::{self, Beat, Hook, Hooks, Watch};

/// The variable that turns debug mode on where the program does not say.
const VARIABLE: &str = "ANNULUS_DEBUG";

/// How a loop is watched.
#[derive(Debug, Clone)]
pub(super) struct DebugConfig {
    /// Else the environment says.
    is_on: Option<bool>,
    slow_poll: Duration,
    slow_enter: Duration,
    keeps_histograms: bool,
    interrupts: bool,
    dumps_on_sigquit: bool,
    hooks: Hooks,
}

impl Default for DebugConfig {
    fn default() -> Self {
        DebugConfig {
            is_on: None,
            slow_poll: Duration::from_millis(100),
            slow_enter: Duration::from_millis(100),
            keeps_histograms: false,
            interrupts: true,
            dumps_on_sigquit: false,
            hooks: Hooks::default(),
        }
    }
}

/// What watches a loop, until it is dropped.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    /// Whether the loop itself watches its polls and system calls.
    is_watched: bool,
    _watchdog: Option<Watchdog>,
    _quit: Option<QuitDump>,
}

impl DebugConfig {
    /// Tells the rooms of the loop with this number, and starts what watches it.
    pub(super) fn apply(&self, parts: &mut Parts, number: u32) -> Watchers {
        let is_debug = self.is_on.unwrap_or_else(is_on_by_environment);
        let keeps_times = is_debug || self.keeps_histograms;
        let mut watchers = Watchers::default();
        let beat = is_debug.then(|| Arc::new(Beat::default()));
        if keeps_times || self.hooks.are_set() {
            watchers.is_watched = true;
            let mut watch = Watch::new();
            watch.hooks = self.hooks.clone();
            watch.slow_ns = is_debug.then(|| nanoseconds(self.slow_poll));
            watch.times = keeps_times.then(Histogram::new);
            watch.beat = beat.clone();
            parts.tasks.set_watch(watch);
        }
        if keeps_times {
            let slow_ns = is_debug.then(|| nanoseconds(self.slow_enter));
            parts.driver.set_meter(Meter::new(slow_ns, true));
        }
        if is_debug {
            parts.driver.report_unpolled();
        }
        if let Some(beat) = &beat {
            let started = Watchdog::start(Arc::clone(beat), self.slow_poll, self.interrupts);
            watchers._watchdog = or_warn(started, "the watchdog of a loop could not be started");
        }
        if self.dumps_on_sigquit {
            let started = QuitDump::start(number, beat);
            watchers._quit = or_warn(started, "SIGQUIT will not print a dump");
        }
        watchers
    }
}

impl Runtime {
    #[inline]
    pub(super) fn is_watched(&self) -> bool {
        !cfg!(annulus_unwatched) && self.watchers.is_watched
    }
}

/// Reports the system calls that took long, now that the driver is not borrowed any more.
#[cold]
#[inline(never)]
pub(super) fn report_slow_enters() {
    for slow in driver::with(Driver::take_slow_enters).unwrap_or_default() {
        heard(|| {
            tracing::warn!(
                took_ms = task::milliseconds(slow.took_ns),
                threshold_ms = task::milliseconds(slow.threshold_ns),
                submitted = slow.submitted,
                waited = slow.waited,
                "a system call of the loop was slow",
            );
        });
    }
}

fn or_warn<T>(started: io::Result<T>, what: &str) -> Option<T> {
    started.inspect_err(|error| tracing::warn!(%error, "{what}")).ok()
}

/// Set, and not to nothing or zero.
fn is_on_by_environment() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|value| !value.is_empty() && value != "0")
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Debug mode, hooks and histograms.
impl Builder {
    /// Whether the loop reports what harms it, through [`tracing`], or on the standard error stream
    /// in a program that has no subscriber. Where this is not called, the environment variable
    /// `ANNULUS_DEBUG=1` turns it on; else it is off.
    ///
    /// What is reported, all as warnings:
    /// - polls and system calls of the loop that take long: see
    ///   [`slow_poll_threshold`](Self::slow_poll_threshold) and
    ///   [`slow_enter_threshold`](Self::slow_enter_threshold);
    /// - a poll that takes long, *while* it does: a watchdog thread says which task it is, what the
    ///   kernel says of the thread, and where in the code it is (see
    ///   [`watchdog_interrupts`](Self::watchdog_interrupts)); when the threshold is passed, and
    ///   again each time that the poll has taken twice as long. The thread's events go to the
    ///   subscriber that is the building thread's when the loop is built, if there is one;
    /// - operations dropped without ever having been polled, with the place that made them where
    ///   the crate is built with debug assertions, once for each place. A branch of a `select!`
    ///   that was not reached looks the same.
    ///
    /// Besides, a [`dump`](crate::Handle::dump) knows the age of tasks and how often they were
    /// polled, and [histograms](Self::histograms) are kept. It costs a few readings of the clock
    /// for each poll and system call, and a lock that is never contended.
    pub fn debug(mut self, on: bool) -> Self {
        self.debug.is_on = Some(on);
        self
    }

    /// From which length on a poll of a task, or of the future given to `block_on`, is reported in
    /// [debug mode](Self::debug). 100 ms by default.
    pub fn slow_poll_threshold(mut self, threshold: Duration) -> Self {
        self.debug.slow_poll = threshold;
        self
    }

    /// From which length on a system call of the loop is reported in [debug mode](Self::debug).
    /// 100 ms by default.
    ///
    /// A call that waits is not slow for it. Of a call that does not wait all of its time counts;
    /// of one that waits, the processor time it takes, or how much later than asked it ends, if
    /// that is more.
    pub fn slow_enter_threshold(mut self, threshold: Duration) -> Self {
        self.debug.slow_enter = threshold;
        self
    }

    /// Whether the watchdog of [debug mode](Self::debug) interrupts a thread that is stuck, with a
    /// `SIGURG`, to see where it is. On by default.
    ///
    /// The signal's handler walks the stack, which is sound where the unwinder needs no lock: with
    /// glibc from 2.35 on. Elsewhere, and where this is off, only what the kernel says of the
    /// thread is reported: whether it runs, or which system call it waits in. The trace shows
    /// functions of files with a symbol table, neither lines nor what was inlined. System calls
    /// that are never restarted (`poll`, `nanosleep`) end with `EINTR`, as they do in a debugger. A
    /// handler for `SIGURG` that the program has set before is put back when the loop has ended.
    pub fn watchdog_interrupts(mut self, on: bool) -> Self {
        self.debug.interrupts = on;
        self
    }

    /// Whether to count how long polls and system calls take, into
    /// [`Metrics::poll_times`](super::Metrics::poll_times) and
    /// [`enter_times`](super::Metrics::enter_times). Off by default, and on in
    /// [debug mode](Self::debug); it costs two readings of the clock for each.
    pub fn histograms(mut self, on: bool) -> Self {
        self.debug.keeps_histograms = on;
        self
    }

    /// Whether `SIGQUIT` (the key `Ctrl-\\`) prints a [`Dump`](super::Dump) of the loop to the
    /// standard error instead of ending the process. Off by default.
    ///
    /// Several loops print one after another. Of a loop that does not answer within a second it is
    /// said that it does not, and in [debug mode](Self::debug) what it is polling. The signal is
    /// the process's again when the last such loop has ended; a handler that was there before is
    /// called after the crate's. In a forked child the signal does what it did before.
    pub fn dump_on_sigquit(mut self, on: bool) -> Self {
        self.debug.dumps_on_sigquit = on;
        self
    }

    /// Has `hook` called when a task was spawned, before it is polled first.
    ///
    /// Hooks run on the loop's thread and may do anything but wait; one that panics is reported and
    /// changes nothing. The future given to `block_on` is not a task for them.
    ///
    /// ```
    /// use std::{cell::Cell, rc::Rc};
    ///
    /// let spawned = Rc::new(Cell::new(0));
    /// let count = Rc::clone(&spawned);
    /// let runtime = annulus::Builder::new()
    ///     .on_task_spawn(move |task| {
    ///         count.set(count.get() + 1);
    ///         println!("task {} of {}", task.id(), task.spawned_at());
    ///     })
    ///     .build()?;
    /// runtime.block_on(async { annulus::spawn(async {}).await.unwrap() });
    /// assert_eq!(spawned.get(), 1);
    /// # Ok::<(), annulus::SetupError>(())
    /// ```
    pub fn on_task_spawn(mut self, hook: impl Fn(&TaskMeta<'_>) + 'static) -> Self {
        self.debug.hooks.spawn = Some(Hook::new(hook));
        self
    }

    /// Has `hook` called when a task has ended in whatever way, before who awaits it is woken; see
    /// [`on_task_spawn`](Self::on_task_spawn).
    pub fn on_task_terminate(mut self, hook: impl Fn(&TaskMeta<'_>) + 'static) -> Self {
        self.debug.hooks.terminate = Some(Hook::new(hook));
        self
    }

    /// Has `hook` called before each poll of a task; see [`on_task_spawn`](Self::on_task_spawn).
    /// That a task is ended by a cancel counts as a poll.
    pub fn on_before_task_poll(mut self, hook: impl Fn(&TaskMeta<'_>) + 'static) -> Self {
        self.debug.hooks.before_poll = Some(Hook::new(hook));
        self
    }

    /// Has `hook` called after each poll of a task, also one that panicked; see
    /// [`on_task_spawn`](Self::on_task_spawn).
    pub fn on_after_task_poll(mut self, hook: impl Fn(&TaskMeta<'_>) + 'static) -> Self {
        self.debug.hooks.after_poll = Some(Hook::new(hook));
        self
    }
}
