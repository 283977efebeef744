//! Real descriptors that stand for simulated ones.
//!
//! What the simulator opens must be a number of the process, so that an `OwnedFd` may own it, and
//! its close must be noticed, for most descriptors are closed by a destructor and not through the
//! ring. So each is the writing end of a pipe whose reading end the simulator keeps and watches:
//! when the last copy of the number is closed, the pipe hangs up.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Watches the placeholders of one simulator.
#[derive(Debug)]
pub(super) struct Watch {
    epoll: OwnedFd,
}

/// What the simulator keeps of a placeholder.
#[derive(Debug)]
pub(super) struct Placeholder {
    reader: OwnedFd,
}

/// What happened to a placeholder behind the simulator's back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Noticed {
    /// Its last number was closed.
    Closed(u64),
    /// A thread without this simulator wrote to it: a kick.
    Written(u64),
}

impl Watch {
    pub(super) fn new() -> io::Result<Watch> {
        // SAFETY: the call takes an integer and has no preconditions.
        let epoll = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the call succeeded, so this is a fresh descriptor that nobody else owns.
        Ok(Watch { epoll: unsafe { OwnedFd::from_raw_fd(epoll) } })
    }

    /// Makes a placeholder whose events carry `token`; the number is the caller's to own.
    pub(super) fn open(&self, token: u64) -> io::Result<(OwnedFd, Placeholder)> {
        let mut ends = [0; 2];
        // SAFETY: `ends` has room for the two numbers.
        check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) })?;
        // SAFETY: the call succeeded, so these are fresh descriptors that nobody else owns.
        let [reader, writer] = ends.map(|end| unsafe { OwnedFd::from_raw_fd(end) });
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token };
        let (epoll, watched) = (self.epoll.as_raw_fd(), reader.as_raw_fd());
        // SAFETY: both descriptors are open and `event` outlives the call.
        check(unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, watched, &mut event) })?;
        Ok((writer, Placeholder { reader }))
    }

    /// What has happened since the last look, the closes of the oldest first.
    pub(super) fn look(&self, found: &mut Vec<Noticed>) {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 64];
        let epoll = self.epoll.as_raw_fd();
        // SAFETY: `events` has room for as many as the call is told.
        let count = unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), 64, 0) };
        for event in &events[..count.max(0) as usize] {
            let (bits, token) = (event.events, event.u64);
            if bits & libc::EPOLLIN as u32 != 0 {
                found.push(Noticed::Written(token));
            } else if bits & libc::EPOLLHUP as u32 != 0 {
                found.push(Noticed::Closed(token));
            }
        }
        found.sort_unstable();
    }
}

impl Placeholder {
    /// Takes in what was written, so that it is noticed once.
    pub(super) fn drain(&self) {
        let mut bytes = [0_u8; 64];
        let (fd, place) = (self.reader.as_raw_fd(), bytes.as_mut_ptr().cast());
        // SAFETY: `bytes` has room for as many as the call is told; it does not block.
        while unsafe { libc::read(fd, place, bytes.len()) } > 0 {}
    }
}

/// Closes a placeholder's number as `close(2)` would.
pub(super) fn close(number: RawFd) {
    // SAFETY: an entry that closes a descriptor has been given it.
    drop(unsafe { OwnedFd::from_raw_fd(number) });
}

fn check(answer: libc::c_int) -> io::Result<libc::c_int> {
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_anywhere_is_noticed_once_and_a_write_as_a_kick() {
        let watch = Watch::new().unwrap();
        let (first, kept) = watch.open(1).unwrap();
        let (second, other) = watch.open(2).unwrap();
        let look = || {
            let mut found = Vec::new();
            watch.look(&mut found);
            found
        };
        assert_eq!(look(), []);
        drop(first);
        // SAFETY: the one byte is readable and the descriptor is open.
        assert_eq!(unsafe { libc::write(second.as_raw_fd(), [1_u8].as_ptr().cast(), 1) }, 1);
        assert_eq!(look(), [Noticed::Closed(1), Noticed::Written(2)]);
        drop(kept);
        other.drain();
        assert_eq!(look(), []);
        close(std::os::fd::IntoRawFd::into_raw_fd(second));
        assert_eq!(look(), [Noticed::Closed(2)]);
    }
}
