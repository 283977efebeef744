//! One round of a loop that does not wait (feature `sim`): who simulates several hosts on one thread
//! gives each of their loops its turn.
//!
//! A loop that has nothing to do stays *parked* between two steps, exactly as it is while it waits in
//! the kernel: it has announced that it parks, and whoever sends it a message kicks it. So a wake
//! that the handshake loses is lost here, too.

use std::task::Poll;

use super::dump::Dump;
use super::{Runtime, fire_timers, simulated, take_messages, turn, wait};
use crate::driver;
use crate::remote::Remote;
use crate::scheduler::{self, Scheduler, TaskId};
use crate::sys::Wait;
use crate::time::timers;

/// How a step has left the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// With tasks to run.
    Ready,
    /// Parked, until there is a completion, or until this time, in nanoseconds.
    Parked(Option<u64>),
}

impl Runtime {
    /// Ends the wait of a loop that the last step has left parked, polls what is ready, and makes a
    /// turn whose wait the kernel ends at once.
    ///
    /// # Panics
    ///
    /// In a loop, and when the kernel refuses the enter for good.
    pub(crate) fn step(&self, last: Step) -> Step {
        let _entered = self.enter().unwrap_or_else(|error| panic!("{error}"));
        let scratch = &mut *self.scratch.borrow_mut();
        let remote = Remote::of(self.number);
        let refused = "io_uring_enter failed and no retry mends it";
        if last != Step::Ready {
            turn(Wait::Until(0), scratch).expect(refused);
            remote.unpark();
            simulated::between_turns();
            take_messages(remote, scratch);
            fire_timers(scratch);
        }
        let _no_root: Option<()> = self.tick(TaskId::NOBODY, || Poll::Pending);
        let wait = wait(remote, u64::MAX);
        let before = driver::with(|driver| driver.completions());
        turn(wait, scratch).expect(refused);
        let is_idle = scheduler::with(|scheduler| scheduler.queued()) == Some(0)
            && driver::with(|driver| driver.completions()) == before
            && driver::with(|driver| driver.has_kept_back()) == Some(false);
        if wait != Wait::Zero && is_idle {
            return Step::Parked(timers::kernel_deadline());
        }
        if wait != Wait::Zero {
            remote.unpark();
        }
        simulated::between_turns();
        take_messages(remote, scratch);
        fire_timers(scratch);
        Step::Ready
    }

    /// Whether a message waits for the loop.
    pub(crate) fn has_messages(&self) -> bool {
        Remote::of(self.number).has_messages()
    }

    /// How often tasks were woken, as a measure of what the loop has done.
    pub(crate) fn wakes(&self) -> u64 {
        let _entered = self.enter().unwrap_or_else(|error| panic!("{error}"));
        scheduler::with(|scheduler| Scheduler::woken(scheduler)).unwrap_or(0)
    }

    /// What every task waits for, of a loop that does not run.
    pub(crate) fn dump_at_rest(&self) -> Dump {
        let _entered = self.enter().unwrap_or_else(|error| panic!("{error}"));
        Dump::take().unwrap_or_default()
    }
}
