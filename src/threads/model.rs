//! The model checker's locks, atomics and threads, and stand-ins for what it lacks.

pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};

/// As `std::thread_local`, for one slot with a constant beginning.
macro_rules! per_thread {
    (static $name:ident: $type:ty = const $init:block;) => {
        loom::thread_local! { static $name: $type = $init; }
    };
}
pub(crate) use per_thread;

/// Runs a model in all interleavings, or in those with so many forced switches at the most: races
/// that need more than two are rare, and three threads have too many orders to see them all.
pub(crate) fn check(preemptions: Option<usize>, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(preemptions);
    builder.max_branches = 10_000;
    builder.check(model);
}

/// As `std::thread`.
pub(crate) mod thread {
    use std::sync::Arc;
    use std::time::Duration;

    pub(crate) use loom::thread::{Builder, JoinHandle, spawn};

    pub(crate) use crate::threads::parked::block_on;

    use super::{Condvar, Mutex};

    /// A thread as those see it who unpark it.
    ///
    /// The model checker's own `unpark` also ends a wait for a lock, which no thread expects.
    #[derive(Clone, Default)]
    pub(crate) struct Thread(Arc<Token>);

    #[derive(Default)]
    struct Token {
        is_given: Mutex<bool>,
        given: Condvar,
    }

    loom::thread_local! {
        static CURRENT: Thread = Thread::default();
    }

    impl Thread {
        pub(crate) fn unpark(&self) {
            *self.0.is_given.lock().unwrap() = true;
            self.0.given.notify_one();
        }
    }

    pub(crate) fn current() -> Thread {
        CURRENT.with(Thread::clone)
    }

    pub(crate) fn park() {
        let Thread(token) = current();
        let mut is_given = token.is_given.lock().unwrap();
        while !*is_given {
            is_given = token.given.wait(is_given).unwrap();
        }
        *is_given = false;
    }

    /// Its time is always up: nothing happens that could not while it lasted, for whatever comes
    /// between may as well come just before.
    pub(crate) fn park_timeout(_time: Duration) {
        let Thread(token) = current();
        *token.is_given.lock().unwrap() = false;
    }
}
