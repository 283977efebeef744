//! The models on std's threads, a few times each: Miri's scheduler is drawn by lot.

/// How often each model runs.
const ROUNDS: usize = 3;

/// Runs a model some times, in other orders each time.
pub(crate) fn check(_preemptions: Option<usize>, model: impl Fn() + Sync + Send + 'static) {
    (0..ROUNDS).for_each(|_| model());
}

/// As `std::thread`, with what the models need besides.
pub(crate) mod thread {
    pub(crate) use std::thread::*;

    pub(crate) use crate::threads::parked::block_on;
}
