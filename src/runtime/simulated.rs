//! What a loop does between two turns on a simulated kernel.

use super::parts;
use crate::scheduler::{self, Scheduler};
use crate::sys::sim;

/// Lets a little time pass, for a turn without an enter has passed none, and runs the blocking jobs
/// that are due.
///
/// They run as on a thread of the pool: without a loop.
pub(super) fn between_turns() {
    if !sim::is_installed() {
        return;
    }
    if let Some(broken) = scheduler::with(Scheduler::unfairness).flatten() {
        sim::complain(&broken);
    }
    sim::pass_turn();
    while let Some(job) = sim::take_job() {
        let loop_parts = parts::uninstall();
        job();
        if let Some(loop_parts) = loop_parts {
            parts::install(loop_parts);
        }
    }
}

/// Before a loop waits: time may not move while a task that was woken has not been polled.
pub(super) fn before_sleep() {
    if !sim::is_installed() {
        return;
    }
    if let Some(broken) = scheduler::with(Scheduler::unfairness_before_sleep).flatten() {
        sim::complain(&broken);
    }
}
