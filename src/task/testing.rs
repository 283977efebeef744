//! A loop without a ring, for this room's own tests, and for Miri, which knows no ring.

use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::task::Poll;

use super::{Root, Tasks, cancel_all, close, install, leave_context, pass, run};
use crate::remote::{Message, Remote};
use crate::scheduler::{self, Scheduler, TaskId, Wake};
use crate::time::timers::{self, Timers};

/// The parts of a loop but for its driver, this thread's until they are dropped.
struct Parts {
    runtime: u32,
}

impl Parts {
    fn install() -> Parts {
        let runtime = Remote::open().expect("a place");
        scheduler::install(Some(Box::new(Scheduler::new(runtime))));
        install(Some(Box::new(Tasks::new(runtime))));
        timers::install(Some(Timers::new(runtime)));
        Parts { runtime }
    }

    /// What other threads have sent, the timers that are due, and every task that is ready.
    fn round(&self, mut root: impl FnMut(TaskId) -> bool) {
        let mut messages = Vec::new();
        Remote::of(self.runtime).take(&mut messages);
        for message in messages {
            match message {
                Message::Wake(task) => scheduler::wake(TaskId::from_bits(task)),
                Message::Run(run) => run(),
            }
        }
        let mut due = Vec::new();
        timers::fire_due_now(&mut due);
        due.into_iter().for_each(Wake::wake);
        scheduler::with(Scheduler::begin_tick);
        let _pass = pass();
        while let Some(task) = scheduler::with(Scheduler::next).flatten() {
            if !root(task) {
                run(task);
            }
        }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        drop((timers::install(None), install(None), scheduler::install(None)));
        drop(Remote::of(self.runtime).close());
    }
}

/// Runs `future` and what it spawns, then ends what is left as a runtime does.
pub(super) fn run_alone<F: Future>(future: F) -> F::Output {
    let parts = Parts::install();
    let mut future = pin!(future);
    let root = Root::new(Location::caller());
    scheduler::wake(root.id());
    let mut output = None;
    while output.is_none() {
        parts.round(|task| {
            if task == root.id() && output.is_none() {
                if let Poll::Ready(value) = root.poll(future.as_mut()) {
                    output = Some(value);
                }
            }
            task == root.id()
        });
        std::thread::yield_now();
    }
    drop(root);
    let no_context = leave_context();
    let mut ending = cancel_all();
    while ending.is_pending() {
        parts.round(|_| false);
    }
    close();
    drop(no_context);
    output.expect("see above")
}
