//! Handlers of the crate's own, in front of those that the program had.
//!
//! A [`Chain`] is asked for by those who need a signal. The first one puts the crate's handler in
//! place and keeps the one that was there, to which the crate's hands on what is not meant for it;
//! the last one puts that back, unless somebody has put a third in front meanwhile. Then the
//! crate's stays below it and only hands on.

#![expect(unsafe_code, reason = "sigaction is a libc call, and handlers are called by address")]

use std::ffi::{c_int, c_void};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A handler as `SA_SIGINFO` has it.
pub(super) type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);

/// One signal, the crate's handler for it, and the one behind.
pub(super) struct Chain {
    signal: c_int,
    ours: Handler,
    /// Whether anybody wants the signal.
    is_asked: AtomicBool,
    /// The handler behind, as `sa_sigaction` and `sa_flags` say it, where a handler may read it.
    behind: AtomicUsize,
    behind_flags: AtomicI32,
    state: Mutex<State>,
}

struct State {
    users: u32,
    /// What was there before; empty while the crate's handler is not in place.
    before: Option<libc::sigaction>,
}

impl Chain {
    /// `ours` must do nothing that a signal handler may not.
    pub(super) const fn new(signal: c_int, ours: Handler) -> Self {
        Chain {
            signal,
            ours,
            is_asked: AtomicBool::new(false),
            behind: AtomicUsize::new(libc::SIG_DFL),
            behind_flags: AtomicI32::new(0),
            state: Mutex::new(State { users: 0, before: None }),
        }
    }

    /// One more user of the signal.
    ///
    /// # Errors
    ///
    /// What `sigaction` says, of a signal that cannot be handled.
    pub(super) fn ask(&self) -> io::Result<()> {
        let mut state = self.lock();
        if state.before.is_none() {
            // What is behind has to be known before the first signal can come.
            self.keep(&self.action(None)?);
            let before = self.action(Some(&self.own_action()))?;
            self.keep(&before);
            state.before = Some(before);
        }
        state.users += 1;
        self.is_asked.store(true, Ordering::Release);
        Ok(())
    }

    /// One user less.
    pub(super) fn leave(&self) {
        let mut state = self.lock();
        state.users -= 1;
        if state.users > 0 {
            return;
        }
        self.is_asked.store(false, Ordering::Release);
        let is_on_top =
            self.action(None).is_ok_and(|now| now.sa_sigaction == self.own_action().sa_sigaction);
        if is_on_top {
            if let Some(before) = state.before.take() {
                let _known_signal = self.action(Some(&before));
            }
        }
    }

    /// Whether anybody wants the signal. For handlers.
    pub(super) fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::Acquire)
    }

    /// Whether the program had left the signal to its default action. For handlers.
    pub(super) fn is_default_behind(&self) -> bool {
        self.behind.load(Ordering::Relaxed) == libc::SIG_DFL
    }

    /// Calls the handler behind, if there is one. For handlers.
    pub(super) fn hand_on(&self, info: *mut libc::siginfo_t, context: *mut c_void) {
        let behind = self.behind.load(Ordering::Relaxed);
        if behind == libc::SIG_DFL || behind == libc::SIG_IGN {
            return;
        }
        if self.behind_flags.load(Ordering::Relaxed) & libc::SA_SIGINFO != 0 {
            // SAFETY: `sigaction` said that this is the address of a handler with three arguments.
            let handler = unsafe { std::mem::transmute::<usize, Handler>(behind) };
            return handler(self.signal, info, context);
        }
        // SAFETY: `sigaction` said that this is the address of a handler with one argument.
        let handler = unsafe { std::mem::transmute::<usize, extern "C" fn(c_int)>(behind) };
        handler(self.signal);
    }

    /// Lets the default action happen as soon as the handler that calls has returned.
    pub(super) fn raise_default(&self) {
        let default = action(libc::SIG_DFL, 0);
        // SAFETY: the action is complete; both calls are allowed in a handler.
        unsafe { libc::sigaction(self.signal, &default, std::ptr::null_mut()) };
        // SAFETY: as above.
        unsafe { libc::raise(self.signal) };
    }

    fn own_action(&self) -> libc::sigaction {
        action(self.ours as usize, libc::SA_SIGINFO | libc::SA_RESTART)
    }

    fn keep(&self, before: &libc::sigaction) {
        self.behind.store(before.sa_sigaction, Ordering::Relaxed);
        self.behind_flags.store(before.sa_flags, Ordering::Relaxed);
    }

    /// Sets the signal's action, or only reads it.
    fn action(&self, new: Option<&libc::sigaction>) -> io::Result<libc::sigaction> {
        let mut old = action(libc::SIG_DFL, 0);
        let new = new.map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: `new` is null or a complete action whose handler keeps to what is allowed in
        // one, and `old` is writable.
        let answer = unsafe { libc::sigaction(self.signal, new, &mut old) };
        if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(old) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn action(handler: usize, flags: c_int) -> libc::sigaction {
    // SAFETY: zero is a value of every field: no handler, no flags, an empty mask, no restorer.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    action
}

/// Runs `body` so that the code which the signal has interrupted finds its errno as it was.
pub(super) fn keeping_errno(body: impl FnOnce()) {
    // SAFETY: the call gives the address of this thread's errno and is allowed in a handler.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: the address is valid as long as the thread runs.
    let before = unsafe { *errno };
    body();
    // SAFETY: as above.
    unsafe { *errno = before };
}

#[cfg(test)]
mod tests {
    use super::*;

    static OURS: AtomicUsize = AtomicUsize::new(0);
    static THEIRS: AtomicUsize = AtomicUsize::new(0);
    static CHAIN: Chain = Chain::new(libc::SIGWINCH, ours);

    extern "C" fn ours(_: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
        OURS.fetch_add(usize::from(CHAIN.is_asked()), Ordering::SeqCst);
        CHAIN.hand_on(info, context);
    }

    extern "C" fn theirs(_: c_int) {
        THEIRS.fetch_add(1, Ordering::SeqCst);
    }

    fn raise() -> (usize, usize) {
        // SAFETY: the signal is handled, or ignored by default; the handlers count only.
        unsafe { libc::raise(libc::SIGWINCH) };
        (OURS.load(Ordering::SeqCst), THEIRS.load(Ordering::SeqCst))
    }

    #[test]
    fn a_handler_stands_in_front_of_the_programs_and_goes_as_it_came() {
        CHAIN
            .action(Some(&action(theirs as *const () as usize, 0)))
            .expect("a signal to be handled");
        assert_eq!(raise(), (0, 1));
        CHAIN.ask().expect("asked");
        CHAIN.ask().expect("asked again");
        assert_eq!(raise(), (1, 2));
        CHAIN.leave();
        assert_eq!(raise(), (2, 3));
        CHAIN.leave();
        assert_eq!(raise(), (2, 4));
        let now = CHAIN.action(None).expect("the action");
        assert_eq!(now.sa_sigaction, theirs as *const () as usize);
        assert!(!CHAIN.is_default_behind());
    }
}
