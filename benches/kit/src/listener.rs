//! The listening socket, the same for every contender.

use std::io;
use std::net::TcpListener;
use std::os::fd::FromRawFd;

/// Connections that may wait to be accepted: storms must measure accepting, not refusals.
const BACKLOG: libc::c_int = 4096;

/// A listener on a free port of the loopback address. std's would have a backlog of 128.
pub(crate) fn listen() -> io::Result<TcpListener> {
    // SAFETY: plain numbers go in and a new descriptor, which nobody else has, comes out.
    let fd =
        check(unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) })?;
    // SAFETY: the descriptor is ours alone.
    let listener = unsafe { TcpListener::from_raw_fd(fd) };
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: 0,
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes([127, 0, 0, 1]) },
        sin_zero: [0; 8],
    };
    let length = size_of_val(&address) as libc::socklen_t;
    // SAFETY: `address` is a valid IPv4 address of `length` bytes.
    check(unsafe { libc::bind(fd, (&raw const address).cast(), length) })?;
    set_nodelay(fd)?;
    // SAFETY: plain numbers.
    check(unsafe { libc::listen(fd, BACKLOG) })?;
    Ok(listener)
}

/// Small answers leave at once. Accepted sockets inherit it, so no contender pays for setting it.
fn set_nodelay(fd: libc::c_int) -> io::Result<()> {
    let on: libc::c_int = 1;
    let length = size_of_val(&on) as libc::socklen_t;
    // SAFETY: `on` is valid for the call and of the length given.
    check(unsafe {
        libc::setsockopt(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, (&raw const on).cast(), length)
    })?;
    Ok(())
}

fn check(outcome: libc::c_int) -> io::Result<libc::c_int> {
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(outcome) }
}

/// Keeps this process, and the threads that it will start, on one core.
pub fn pin(core: usize) -> io::Result<()> {
    // SAFETY: all zeroes is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is ours.
    unsafe { libc::CPU_SET(core, &mut set) };
    // SAFETY: `set` is a valid set of its own size.
    check(unsafe { libc::sched_setaffinity(0, size_of_val(&set), &set) })?;
    Ok(())
}

/// Ends this process when the one that started it ends, however that comes about.
pub(crate) fn end_with_parent() {
    // SAFETY: plain numbers.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

/// Allows as many descriptors as the system lets this process have.
pub fn raise_descriptor_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for the answer.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } == 0 {
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: `limit` is valid.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
    }
}
