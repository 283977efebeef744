//! How a loop ends: tasks first, then operations, then the descriptors.

use std::task::Poll;
use std::time::Duration;

use super::parts::{self, Parts};
use super::{Runtime, take_messages};
use crate::driver::{self, Driver, Reaped};
use crate::remote::Remote;
use crate::scheduler::TaskId;
use crate::sys::clock;
use crate::task;

impl Runtime {
    pub(super) fn end(&self, grace: Duration) -> usize {
        let Some(parts) = self.parts.take() else { return 0 };
        let grace_ns = u64::try_from(grace.as_nanos()).unwrap_or(u64::MAX);
        let deadline = clock::monotonic_ns().saturating_add(grace_ns);
        let outer = parts::uninstall();
        parts::install(parts);
        let outer = Outer(outer);
        // Task-locals that are set where the runtime ends are not its tasks'.
        let no_context = task::leave_context();
        let (in_flight, enters_before) = driver::with(Driver::effort).unwrap_or_default();
        self.clean_up(task::cancel_all(), deadline);
        task::close();
        self.drain(deadline);
        let (left, enters) = driver::with(Driver::effort).unwrap_or_default();
        drop(no_context);
        let parts = parts::uninstall().expect("the parts were installed above");
        drop(outer);
        let leaked = self.close(parts);
        let enters = enters - enters_before;
        tracing::debug!(in_flight, left, leaked, enters, "a loop has ended");
        let rest = deadline.saturating_sub(clock::monotonic_ns());
        let running = self.handle.shut_pool_down(Duration::from_nanos(rest));
        if running > 0 {
            tracing::warn!(running, "a runtime ended while blocking jobs were running");
        }
        leaked
    }

    /// Runs the loop until every cancelled task has cleaned up, or the time is up.
    fn clean_up(&self, mut ending: task::Ending, deadline_ns: u64) {
        let scratch = &mut *self.scratch.borrow_mut();
        while ending.is_pending() && clock::monotonic_ns() < deadline_ns {
            let _no_root: Option<()> = self.tick(TaskId::NOBODY, || Poll::Pending);
            if !ending.is_pending() {
                return;
            }
            if let Err(error) = self.turn(deadline_ns, scratch) {
                tracing::error!(%error, "the ring failed while tasks cleaned up");
                return;
            }
        }
    }

    /// Cancels every operation and reaps until the kernel has none, or the time is up.
    fn drain(&self, deadline_ns: u64) {
        let scratch = &mut *self.scratch.borrow_mut();
        let remote = Remote::of(self.number);
        let _begun = driver::with(Driver::begin_drain);
        loop {
            take_messages(remote, scratch);
            let reaped: &mut Reaped = &mut scratch.reaped;
            let more = driver::with(|driver| driver.drain_turn(deadline_ns, reaped));
            driver::finish_turn(reaped);
            match more {
                Some(Ok(true)) => {}
                Some(Err(error)) => {
                    tracing::error!(%error, "the ring failed while a runtime ended");
                    return;
                }
                Some(Ok(false)) | None => return,
            }
        }
    }

    fn close(&self, parts: Parts) -> usize {
        let Parts { driver, scheduler, tasks, timers, pool } = parts;
        let drained = driver.finish();
        drop((scheduler, tasks, timers, pool));
        // From here on foreign threads find the loop gone: dropped handles look for orphans.
        let (messages, kick) = Remote::of(self.number).close();
        drop(kick);
        for message in messages {
            // What a handle sent home in the last moment finds its orphan now; whoever wanted a
            // task spawned finds no loop.
            if let crate::remote::Message::Run(run) = message {
                run();
            }
        }
        drained.leaked
    }
}

/// The loop that is the thread's again when another has ended, also by a panic: a simulated kernel
/// panics where it finds a rule broken.
struct Outer(Option<Parts>);

impl Drop for Outer {
    fn drop(&mut self) {
        drop(parts::uninstall());
        if let Some(outer) = self.0.take() {
            parts::install(outer);
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.end(self.shutdown_grace);
    }
}
