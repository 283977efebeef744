//! What threads share: locks, condition variables, atomics, and the thread that parks.
//!
//! They are std's. The rooms that other threads come into (`remote`, `blocking`, `sync::cross`) take
//! them from here, so that `ci/loom.sh` can put a model checker's in their place: built with
//! `--cfg loom`, the tests named `models` run that very code in every order in which its threads
//! could take turns, and with every value that a relaxed load could see. Under Miri they run with std's,
//! in some orders that are drawn by lot, and Miri looks at their memory (`ci/miri.sh`).

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, any(loom, miri)))]
mod parked;
#[cfg(all(test, miri))]
mod rounds;

#[cfg(not(all(test, loom)))]
pub(crate) use real::*;

#[cfg(all(test, loom))]
pub(crate) use self::model::*;

#[cfg(not(all(test, loom)))]
mod real {
    #[cfg(all(test, miri))]
    pub(crate) use super::rounds::{check, thread};
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
    pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
    #[cfg(not(all(test, miri)))]
    pub(crate) use std::thread;
    pub(crate) use std::thread_local as per_thread;
}
