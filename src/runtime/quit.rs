//! `SIGQUIT` prints what the loops that asked for it are at.
//!
//! A thread waits for the signal, not a loop: a loop that does not come back is what one wants to
//! know of. There is one for all loops, as long as there are any.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::dump::Dump;
use super::handle;
use crate::sys::{clock, quit};
use crate::task::Beat;

static WATCHED: Mutex<Watched> = Mutex::new(Watched { loops: Vec::new(), has_thread: false });

struct Watched {
    loops: Vec<Loop>,
    has_thread: bool,
}

#[derive(Debug, Clone)]
struct Loop {
    number: u32,
    beat: Option<Arc<Beat>>,
}

/// Has a loop print its dump at a `SIGQUIT` as long as it lives.
#[derive(Debug)]
pub(super) struct QuitDump {
    number: u32,
    listener: quit::Listener,
}

impl QuitDump {
    /// # Errors
    ///
    /// When the system has no descriptor or no thread for it.
    pub(super) fn start(number: u32, beat: Option<Arc<Beat>>) -> io::Result<QuitDump> {
        let listener = quit::Listener::new()?;
        let mut watched = watched();
        if !watched.has_thread {
            let seen = quit::count();
            let thread = thread::Builder::new().name("annulus-sigquit".into());
            thread.spawn(move || run(seen))?;
            watched.has_thread = true;
        }
        watched.loops.push(Loop { number, beat });
        Ok(QuitDump { number, listener })
    }
}

impl Drop for QuitDump {
    fn drop(&mut self) {
        let mut watched = watched();
        watched.loops.retain(|other| other.number != self.number);
        if watched.loops.is_empty() {
            self.listener.nudge();
        }
    }
}

/// The thread's life: until no loop is left.
fn run(mut seen: u64) {
    loop {
        quit::wait();
        let mut watched = watched();
        if watched.loops.is_empty() {
            watched.has_thread = false;
            return;
        }
        let loops = watched.loops.clone();
        drop(watched);
        let count = quit::count();
        if count != seen {
            seen = count;
            loops.iter().for_each(print);
        }
    }
}

/// Prints one loop's dump, or that it does not answer.
fn print(one: &Loop) {
    let number = one.number;
    let text = match handle::ask(number, Dump::take) {
        Some(dump) => dump.to_string(),
        None => match one.beat.as_ref().and_then(|beat| beat.current()) {
            Some(current) => {
                let subject = &current.subject;
                let for_ns = clock::monotonic_ns().saturating_sub(current.since_ns);
                format!(
                    "loop {number} does not answer: for {:?} it has been in one poll of task {}{}, \
                     spawned at {}\n",
                    Duration::from_nanos(for_ns),
                    subject.display_id(),
                    subject.name.as_ref().map(|name| format!(" \"{name}\"")).unwrap_or_default(),
                    subject.spawned_at,
                )
            }
            None => format!("loop {number} does not answer\n"),
        },
    };
    // Nobody is there to be told that nobody can be told.
    let _unprinted = io::stderr().lock().write_all(text.as_bytes());
}

fn watched() -> MutexGuard<'static, Watched> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}
