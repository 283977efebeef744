//! The life of one thread of the pool.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use super::job::quietly;
use super::shared::Shared;
use crate::threads::AtomicBool;
use crate::threads::thread::{self, Builder, Thread};

/// Where a thread sleeps between jobs.
pub(super) struct Seat {
    thread: Thread,
    /// Set under the pool's lock by who takes the seat off the list of idle ones, cleared under
    /// it by the thread. A park may end for no reason, and a closure may leave a permit to
    /// unpark behind: only this tells that the thread was meant.
    called: AtomicBool,
}

impl Seat {
    fn of_this_thread() -> Self {
        Seat { thread: thread::current(), called: AtomicBool::new(false) }
    }

    /// Comes under the pool's lock; [`unpark`](Seat::unpark) follows after it.
    pub(super) fn call(&self) {
        self.called.store(true, Relaxed);
    }

    /// Comes under the pool's lock, from the thread itself.
    pub(super) fn take_call(&self) -> bool {
        self.called.swap(false, Relaxed)
    }

    /// Without the lock: a hint that the thread need not go to sleep.
    pub(super) fn seems_called(&self) -> bool {
        self.called.load(Relaxed)
    }

    pub(super) fn unpark(&self) {
        self.thread.unpark();
    }
}

/// Starts the thread with this number; it finds its work by itself.
pub(super) fn start(shared: &Arc<Shared>, number: u64) -> io::Result<()> {
    let name = format!("{}-blocking-{number}", shared.config.thread_name);
    let shared = Arc::clone(shared);
    Builder::new().name(name).spawn(move || work(&shared)).map(drop)
}

/// Sleeps until called, or until `deadline`; may also return early.
pub(super) fn park(deadline: Option<Instant>, now: Instant) {
    match deadline {
        Some(deadline) => thread::park_timeout(deadline.saturating_duration_since(now)),
        None => thread::park(),
    }
}

fn work(shared: &Arc<Shared>) {
    if let Some(hook) = &shared.config.on_thread_start {
        quietly(|| hook());
    }
    let seat = Arc::new(Seat::of_this_thread());
    // A new thread was called by who started it.
    seat.call();
    let mut now = Instant::now();
    let mut joiner = None;
    while let Some(job) = shared.next_job(&seat, &mut now, joiner.take()) {
        (now, joiner) = job.run(&shared.counters, now);
        if joiner.is_none() {
            shared.counters.count_told();
        }
    }
}
