//! The pool in a simulation: no threads, the jobs run on the loop's own between two turns.

use std::sync::Arc;

use super::shared::Shared;
use crate::sys::sim;

/// Lets the simulator say when the oldest job of the queue is run.
pub(super) fn hand_over(shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    sim::defer_job(Box::new(move || shared.run_one()));
}
