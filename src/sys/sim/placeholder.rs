//! Real descriptors that stand for simulated ones.
//!
//! What the simulator opens must be a number of the process, so that an `OwnedFd` may own it. As long
//! as the crate has it, an [`Owned`](super::owned::Owned) tells of its close, and any open file will
//! do: numbers are kept for the next that is opened, so most of them cost no system call.
//!
//! What a user has taken out of the crate is closed without a word. Such a number becomes the writing
//! end of a pipe whose reading end the simulator keeps and watches: when the last copy of the number
//! is closed, the pipe hangs up. And a counter that other threads may raise is a real one, which the
//! simulator looks at now and then.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::pipes;
use crate::sys::eventfd;

/// Numbers that a thread keeps at most.
const KEPT_MAX: usize = 64;

thread_local! {
    static KEPT: RefCell<Vec<OwnedFd>> = const { RefCell::new(Vec::new()) };
    static COUNTERS: RefCell<Vec<OwnedFd>> = const { RefCell::new(Vec::new()) };
}

/// How the simulator learns what becomes of a number.
#[derive(Debug)]
pub(super) enum Placeholder {
    /// The crate tells.
    Plain,
    /// Its pipe hangs up, or the crate tells, if it has it (again).
    Stray { _reader: OwnedFd, is_taken_in: bool },
    /// As plain; its count may rise.
    Counter,
}

/// A number for whatever is opened.
pub(super) fn number() -> io::Result<OwnedFd> {
    if let Some(kept) = KEPT.with_borrow_mut(Vec::pop) {
        return Ok(kept);
    }
    let path = c"/dev/null".as_ptr();
    // SAFETY: the path is a C string.
    let fd = check(unsafe { libc::open(path, libc::O_RDONLY | libc::O_CLOEXEC) })?;
    // SAFETY: the call succeeded, so this is a fresh descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Takes a plain number back.
pub(super) fn give_back(number: OwnedFd) {
    KEPT.with_borrow_mut(|kept| {
        if kept.len() < KEPT_MAX {
            kept.push(number);
        }
    });
}

/// A number that is an event counter.
pub(super) fn counter() -> io::Result<OwnedFd> {
    COUNTERS.with_borrow_mut(Vec::pop).map_or_else(eventfd::real, Ok)
}

/// Takes a counter back that no other thread has; its count is zero.
pub(super) fn give_back_counter(counter: OwnedFd) {
    COUNTERS.with_borrow_mut(|kept| {
        if kept.len() < KEPT_MAX {
            kept.push(counter);
        }
    });
}

/// Whether another thread has raised a counter; it is zero afterwards.
pub(super) fn was_raised(counter: RawFd) -> bool {
    let mut count = [0_u8; 8];
    // SAFETY: `count` has room for as many bytes as the call is told; it does not block.
    unsafe { libc::read(counter, count.as_mut_ptr().cast(), count.len()) == 8 }
}

/// Watches the numbers that users have, once there are any.
#[derive(Debug, Default)]
pub(super) struct Watch {
    epoll: Option<OwnedFd>,
}

impl Watch {
    /// Makes `number` one whose close is noticed, by `token`.
    pub(super) fn let_go(&mut self, number: &OwnedFd, token: u64) -> io::Result<Placeholder> {
        let epoll = match &self.epoll {
            Some(epoll) => epoll,
            None => {
                // SAFETY: the call takes an integer and has no preconditions.
                let epoll = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
                // SAFETY: the call succeeded, so this is a fresh descriptor that nobody else owns.
                self.epoll.insert(unsafe { OwnedFd::from_raw_fd(epoll) })
            }
        };
        let [reader, writer] = pipes::real(libc::O_NONBLOCK)?;
        let mut event = libc::epoll_event { events: 0, u64: token };
        let (epoll, watched) = (epoll.as_raw_fd(), reader.as_raw_fd());
        // SAFETY: both descriptors are open and `event` outlives the call.
        check(unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, watched, &mut event) })?;
        // SAFETY: both are open; what `number` named was nothing but a number.
        check(unsafe { libc::dup3(writer.as_raw_fd(), number.as_raw_fd(), libc::O_CLOEXEC) })?;
        Ok(Placeholder::Stray { _reader: reader, is_taken_in: false })
    }

    /// The tokens of those that were closed since the last look, the oldest first.
    pub(super) fn look(&self, found: &mut Vec<u64>) {
        let Some(epoll) = &self.epoll else { return };
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 64];
        // SAFETY: `events` has room for as many as the call is told.
        let count = unsafe { libc::epoll_wait(epoll.as_raw_fd(), events.as_mut_ptr(), 64, 0) };
        found.extend(events[..count.max(0) as usize].iter().map(|event| event.u64));
        found.sort_unstable();
    }
}

fn check(answer: libc::c_int) -> io::Result<libc::c_int> {
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_of_what_was_let_go_is_noticed() {
        let mut watch = Watch::default();
        let [first, second] = [1, 2].map(|token| {
            let number = number().unwrap();
            let kept = watch.let_go(&number, token).unwrap();
            (number, kept)
        });
        let mut found = Vec::new();
        watch.look(&mut found);
        assert_eq!(found, [0_u64; 0]);
        let copy = first.0.try_clone().unwrap();
        drop(first.0);
        watch.look(&mut found);
        assert_eq!(found, [0_u64; 0], "a copy keeps it open");
        drop(copy);
        watch.look(&mut found);
        assert_eq!(found, [1]);
        drop((first.1, second));
    }

    #[test]
    fn a_number_that_was_given_back_is_the_next() {
        let number = number().unwrap();
        let raw = number.as_raw_fd();
        give_back(number);
        assert_eq!(super::number().unwrap().as_raw_fd(), raw);
    }

    #[test]
    fn a_counter_tells_once_that_it_was_raised() {
        let counter = counter().unwrap();
        assert!(!was_raised(counter.as_raw_fd()));
        // SAFETY: the eight bytes are readable and the descriptor is open.
        let written =
            unsafe { libc::write(counter.as_raw_fd(), 1_u64.to_ne_bytes().as_ptr().cast(), 8) };
        assert_eq!(written, 8);
        assert!(was_raised(counter.as_raw_fd()));
        assert!(!was_raised(counter.as_raw_fd()));
    }
}
