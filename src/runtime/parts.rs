//! The parts of a loop, and how they come to be the thread's.

use super::oversleep::Oversleep;
use crate::blocking;
use crate::driver::{self, Driver};
use crate::remote::Message;
use crate::scheduler::{self, Scheduler, Wake};
use crate::task::{self, Tasks};
use crate::time::timers::{self, Timers};

/// What each room keeps of one loop, while the loop does not run.
pub(super) struct Parts {
    pub(super) driver: Box<Driver>,
    pub(super) scheduler: Box<Scheduler>,
    pub(super) tasks: Box<Tasks>,
    pub(super) timers: Box<Timers>,
    pub(super) pool: Box<blocking::Current>,
}

/// Buffers of the loop itself, kept so that a turn allocates nothing.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) reaped: driver::Reaped,
    pub(super) due: Vec<Wake>,
    pub(super) messages: Vec<Message>,
    pub(super) oversleep: Oversleep,
}

/// Whether a loop is installed on this thread.
pub(super) fn is_running() -> bool {
    driver::with(|_| ()).is_some()
}

/// Makes the parts this thread's.
///
/// # Panics
///
/// When a loop is installed already: the caller has checked.
pub(super) fn install(parts: Parts) {
    let before = driver::install(Some(parts.driver));
    assert!(before.is_none(), "a loop is installed on this thread already");
    scheduler::install(Some(parts.scheduler));
    task::install(Some(parts.tasks));
    timers::install(Some(parts.timers));
    blocking::install(Some(parts.pool));
}

/// Takes the parts back.
pub(super) fn uninstall() -> Option<Parts> {
    Some(Parts {
        driver: driver::install(None)?,
        scheduler: scheduler::install(None)?,
        tasks: task::install(None)?,
        timers: timers::install(None)?,
        pool: blocking::install(None)?,
    })
}
