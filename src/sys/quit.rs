//! `SIGQUIT`: the key `Ctrl-\`, or `kill -QUIT`, as a question to the program.
//!
//! While anybody listens the signal does not end the process: its handler counts it and raises an
//! eventfd, on which a thread waits. That descriptor is made once and never closed, so that a
//! handler which is just running cannot meet another descriptor of the same number. A forked child
//! that has not execed shares it and must not raise it: there the signal does what it did before.

#![expect(unsafe_code, reason = "poll is a libc call, and a handler borrows a descriptor")]

use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};

use super::eventfd::{eventfd, eventfd_signal};
use super::fork;
use super::owned::Owned;
use super::signal::{Chain, keeping_errno};

static CHAIN: Chain = Chain::new(libc::SIGQUIT, on_quit);
static EVENTFD: OnceLock<Owned> = OnceLock::new();
/// The eventfd's number, where a handler may read it.
static RAISED: AtomicI32 = AtomicI32::new(-1);
/// How often the process that listens had been forked.
static GENERATION: AtomicU32 = AtomicU32::new(0);
static COUNT: AtomicU64 = AtomicU64::new(0);

/// Listens to the signal as long as it lives.
#[derive(Debug)]
pub(crate) struct Listener {
    eventfd: BorrowedFd<'static>,
}

impl Listener {
    /// Takes the signal; several may.
    ///
    /// # Errors
    ///
    /// For want of a descriptor.
    pub(crate) fn new() -> io::Result<Listener> {
        let eventfd = match EVENTFD.get() {
            Some(eventfd) => eventfd,
            None => {
                let made = eventfd()?;
                EVENTFD.get_or_init(|| made)
            }
        };
        RAISED.store(eventfd.as_raw_fd(), Ordering::Relaxed);
        GENERATION.store(fork::watched_generation(), Ordering::Relaxed);
        CHAIN.ask()?;
        Ok(Listener { eventfd: eventfd.as_fd() })
    }

    /// Ends one [`wait`].
    pub(crate) fn nudge(&self) {
        let _raised_already = eventfd_signal(self.eventfd);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        CHAIN.leave();
    }
}

/// How often the signal has come while somebody listened.
pub(crate) fn count() -> u64 {
    COUNT.load(Ordering::Acquire)
}

/// Waits until the signal comes, or somebody [nudges](Listener::nudge); at once when nobody
/// listens, nor has.
pub(crate) fn wait() {
    let Some(eventfd) = EVENTFD.get() else { return };
    let mut question = libc::pollfd { fd: eventfd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd is lent for the time of the call.
    unsafe { libc::poll(&mut question, 1, -1) };
    let mut count = 0_u64;
    let place: *mut u64 = &mut count;
    // SAFETY: eight bytes are lent for the time of the call. It does not wait, so a raise that
    // somebody else took is no more than a wait that ended early.
    unsafe { libc::read(eventfd.as_raw_fd(), place.cast(), size_of::<u64>()) };
}

extern "C" fn on_quit(_: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    keeping_errno(|| {
        let is_meant = GENERATION.load(Ordering::Relaxed) == fork::generation();
        if is_meant && CHAIN.is_asked() {
            COUNT.fetch_add(1, Ordering::Release);
            // SAFETY: a handler is in place only after the eventfd was made, which is never closed.
            let eventfd = unsafe { BorrowedFd::borrow_raw(RAISED.load(Ordering::Relaxed)) };
            let _raised_already = eventfd_signal(eventfd);
        } else if CHAIN.is_default_behind() {
            CHAIN.raise_default();
        }
        CHAIN.hand_on(info, context);
    });
}
