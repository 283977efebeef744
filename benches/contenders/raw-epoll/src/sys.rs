//! The five system calls, counted.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use annulus_bench_kit::note_syscall;

fn check(outcome: isize) -> io::Result<usize> {
    note_syscall();
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(outcome as usize) }
}

pub(crate) fn epoll() -> io::Result<OwnedFd> {
    // SAFETY: a plain number.
    let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) } as isize)?;
    // SAFETY: the descriptor is new and ours.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Has `epoll` tell of `events` of `fd` as `token`.
pub(crate) fn watch(
    epoll: &OwnedFd,
    operation: libc::c_int,
    fd: RawFd,
    events: libc::c_int,
    token: u64,
) -> io::Result<()> {
    let mut event = libc::epoll_event { events: events as u32, u64: token };
    // SAFETY: `event` is valid for the call.
    check(unsafe { libc::epoll_ctl(epoll.as_raw_fd(), operation, fd, &mut event) } as isize)?;
    Ok(())
}

/// Waits for events; their number.
pub(crate) fn wait(epoll: &OwnedFd, events: &mut [libc::epoll_event]) -> io::Result<usize> {
    // SAFETY: `events` has room for as many as are asked for.
    let outcome = unsafe {
        libc::epoll_wait(epoll.as_raw_fd(), events.as_mut_ptr(), events.len() as libc::c_int, -1)
    };
    check(outcome as isize)
}

pub(crate) fn accept(listener: RawFd, flags: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: null pointers: the peer's address is not asked for.
    let fd = check(unsafe {
        libc::accept4(
            listener,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            flags | libc::SOCK_CLOEXEC,
        )
    } as isize)?;
    // SAFETY: the descriptor is new and ours.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

pub(crate) fn recv(fd: RawFd, buf: &mut [u8]) -> io::Result<usize> {
    // SAFETY: `buf` is valid for writes of its length.
    check(unsafe { libc::recv(fd, buf.as_mut_ptr().cast(), buf.len(), 0) })
}

pub(crate) fn send(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: `bytes` is valid for reads of its length.
    check(unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) })
}
