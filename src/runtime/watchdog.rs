//! A thread that looks at a loop from outside, and reports a poll that does not end.
//!
//! The loop cannot do it: it is the poll that it is in. It only notes in a [`Beat`] what it polls
//! and since when.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::report::{self, heard};
use crate::sys::stack::{self, Interrupts};
use crate::sys::{self, clock};
use crate::task::{Beat, Current, milliseconds};

/// How long the stuck thread has to answer where it is.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);
const LOOK_MIN: Duration = Duration::from_millis(1);
const LOOK_MAX: Duration = Duration::from_secs(1);

/// The watchdog of one loop; dropping it ends its thread.
#[derive(Debug)]
pub(super) struct Watchdog {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    /// A forked child has no such thread.
    generation: u32,
}

impl Watchdog {
    /// Watches the loop of the thread that calls.
    ///
    /// # Errors
    ///
    /// When the system has no thread for it.
    pub(super) fn start(
        beat: Arc<Beat>,
        threshold: Duration,
        interrupts: bool,
    ) -> io::Result<Watchdog> {
        let is_over = Arc::new(AtomicBool::new(false));
        let watch = Watch {
            beat,
            threshold,
            loop_thread: sys::thread::current(),
            interrupts: interrupts.then(Interrupts::allow).and_then(Result::ok),
            is_over: Arc::clone(&is_over),
        };
        // Events go where those of the loop go, also when that is a matter of the thread; where
        // nobody listens yet, somebody may later.
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        let run = move || match report::is_none(&dispatch) {
            true => watch.run(),
            false => tracing::dispatcher::with_default(&dispatch, || watch.run()),
        };
        let thread = thread::Builder::new().name("annulus-watchdog".into()).spawn(run)?;
        let generation = sys::fork::watched_generation();
        Ok(Watchdog { is_over, thread: Some(thread), generation })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        let Some(thread) = self.thread.take() else { return };
        if self.generation == sys::fork::generation() {
            thread.thread().unpark();
            // A subscriber that panicked there has been reported.
            let _panicked = thread.join();
        }
    }
}

/// The watchdog's side.
struct Watch {
    beat: Arc<Beat>,
    threshold: Duration,
    loop_thread: i32,
    interrupts: Option<Interrupts>,
    is_over: Arc<AtomicBool>,
}

/// A poll that was reported: the task, since when it is polled, and when to report it again.
#[derive(Clone, Copy)]
struct Reported {
    task: crate::scheduler::TaskId,
    since_ns: u64,
    next_ns: u64,
}

impl Watch {
    fn run(&self) {
        let threshold_ns = u64::try_from(self.threshold.as_nanos()).unwrap_or(u64::MAX).max(1);
        let mut reported: Option<Reported> = None;
        while !self.is_over.load(Ordering::Acquire) {
            let Some(current) = self.beat.current() else {
                thread::park_timeout((self.threshold / 2).clamp(LOOK_MIN, LOOK_MAX));
                continue;
            };
            let (task, since_ns) = (current.subject.id, current.since_ns);
            let known = reported.filter(|it| it.task == task && it.since_ns == since_ns);
            let limit_ns = known.map_or(threshold_ns, |it| it.next_ns);
            let stuck_ns = clock::monotonic_ns().saturating_sub(since_ns);
            if stuck_ns < limit_ns {
                let rest = Duration::from_nanos(limit_ns - stuck_ns);
                thread::park_timeout(rest.clamp(LOOK_MIN, LOOK_MAX));
                continue;
            }
            if let Some(stuck_ns) = self.report(&current, threshold_ns) {
                let next_ns = stuck_ns.saturating_mul(2);
                reported = Some(Reported { task, since_ns, next_ns });
            }
        }
    }

    /// Reports a poll, if it has not ended while it was looked at; how long it has taken.
    fn report(&self, current: &Current, threshold_ns: u64) -> Option<u64> {
        let state = sys::thread::state_of(self.loop_thread);
        let stack = self.stack();
        let now = self.beat.current()?;
        if now.since_ns != current.since_ns || now.subject.id != current.subject.id {
            return None;
        }
        let stuck_ns = clock::monotonic_ns().saturating_sub(current.since_ns);
        let subject = &current.subject;
        heard(|| {
            tracing::warn!(
                task = %subject.display_id(),
                name = subject.name.as_deref(),
                spawned_at = %subject.spawned_at,
                stuck_ms = milliseconds(stuck_ns),
                threshold_ms = milliseconds(threshold_ns),
                thread_state = state,
                stack,
                "a loop is stuck in one poll of a task",
            );
        });
        Some(stuck_ns)
    }

    /// Where the loop's thread is, a line for each function, or why that is not known.
    fn stack(&self) -> String {
        if self.interrupts.is_none() {
            return "unknown: the thread is not interrupted".into();
        }
        match stack::of_thread(self.loop_thread, ANSWER_LIMIT) {
            Ok(frames) => sys::symbols::names(&frames).join("\n"),
            Err(error) => format!("unknown: {error}"),
        }
    }
}
