//! The eventfd: how a thread without a ring ends another thread's wait in one.

#![expect(unsafe_code, reason = "eventfd and write are libc calls")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::owned::{Owned, own};

/// Makes an eventfd with a count of zero, closed on exec.
///
/// It does not block, so that a signal never waits. A read of it through a ring waits for the
/// count to rise all the same, for the ring polls what it can poll.
///
/// # Errors
///
/// `EMFILE` and `ENFILE` for want of descriptors, `ENOMEM`.
pub(crate) fn eventfd() -> io::Result<Owned> {
    #[cfg(feature = "sim")]
    if let Some(answer) = super::sim::eventfd() {
        return answer.map(Owned::from);
    }
    real().map(own)
}

/// One of the real kernel's.
pub(super) fn real() -> io::Result<OwnedFd> {
    // SAFETY: the call takes two integers and has no preconditions.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if fd == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so this is a fresh descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Adds one to the count, which completes a read of it.
///
/// A count at its maximum is as good as one that was raised: the reader is owed a wake either way.
///
/// # Errors
///
/// What `write` says, but for `EINTR`, which is tried again.
pub(crate) fn eventfd_signal(eventfd: BorrowedFd<'_>) -> io::Result<()> {
    #[cfg(feature = "sim")]
    if super::sim::signal(eventfd) {
        return Ok(());
    }
    let one: u64 = 1;
    let one: *const u64 = &one;
    loop {
        // SAFETY: the eight bytes at `one` are readable and outlive the call.
        let written = unsafe { libc::write(eventfd.as_raw_fd(), one.cast(), size_of::<u64>()) };
        if written != -1 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        match error.kind() {
            io::ErrorKind::Interrupted => continue,
            io::ErrorKind::WouldBlock => return Ok(()),
            _ => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;

    use io_uring::{IoUring, opcode, types};

    use super::*;
    use crate::sys::disown;

    #[test]
    fn signals_add_up_until_they_are_read() {
        let mut file = File::from(disown(eventfd().unwrap()));
        eventfd_signal(file.as_fd()).unwrap();
        eventfd_signal(file.as_fd()).unwrap();
        let mut count = [0; 8];
        file.read_exact(&mut count).unwrap();
        assert_eq!(u64::from_ne_bytes(count), 2);
        let error = file.read_exact(&mut count).expect_err("nothing is left to read");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_full_count_is_a_signal_given() {
        let mut file = File::from(disown(eventfd().unwrap()));
        file.write_all(&(u64::MAX - 1).to_ne_bytes()).unwrap();
        // SAFETY: F_GETFL takes no argument.
        let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) };
        assert_ne!(flags & libc::O_NONBLOCK, 0, "the signal below would wait for ever");
        eventfd_signal(file.as_fd()).expect("the reader is owed a wake already");
    }

    #[test]
    fn a_descriptor_that_cannot_be_written_is_an_error() {
        let file = File::open("/dev/null").unwrap();
        let error = eventfd_signal(file.as_fd()).expect_err("opened for reading");
        assert_eq!(error.raw_os_error(), Some(libc::EBADF));
    }

    #[test]
    fn a_read_through_a_ring_waits_for_the_signal() {
        let eventfd = eventfd().unwrap();
        let mut ring = IoUring::new(4).unwrap();
        let mut count = [0_u8; 8];
        let fd = types::Fd(eventfd.as_raw_fd());
        let read = opcode::Read::new(fd, count.as_mut_ptr(), 8).build();
        // SAFETY: `count` outlives the op, whose completion is awaited below.
        unsafe { ring.submission().push(&read) }.unwrap();
        ring.submit().unwrap();
        assert!(ring.completion().is_empty());
        eventfd_signal(eventfd.as_fd()).unwrap();
        ring.submit_and_wait(1).unwrap();
        let completion = ring.completion().next().expect("the read's completion");
        assert_eq!((completion.result(), u64::from_ne_bytes(count)), (8, 1));
    }
}
