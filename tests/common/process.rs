//! What a process may do, changed for good: for tests in a process of their own.

#![expect(unsafe_code, reason = "limits, users and numbers of descriptors are libc calls")]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// The soft limit on how many descriptors are open, which is one on their numbers.
pub(crate) fn limit_descriptors(limit: u64) {
    set_soft_limit(libc::RLIMIT_NOFILE, limit);
}

/// The limit on locked memory, soft and hard.
pub(crate) fn limit_locked_memory(bytes: u64) {
    let limits = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    // SAFETY: the limits are valid and outlive the call.
    check(unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &limits) }).expect("setrlimit");
}

fn set_soft_limit(resource: libc::__rlimit_resource_t, limit: u64) {
    let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limits are ours to fill.
    check(unsafe { libc::getrlimit(resource, &mut limits) }).expect("getrlimit");
    limits.rlim_cur = limit;
    // SAFETY: the limits are valid and outlive the call.
    check(unsafe { libc::setrlimit(resource, &limits) }).expect("setrlimit");
}

/// Becomes a user that owns nothing, if this is root; every thread does.
pub(crate) fn drop_privileges() {
    // SAFETY: no pointer is passed.
    if unsafe { libc::geteuid() } == 0 {
        let user = 500_000 + std::process::id();
        // SAFETY: no pointer is passed.
        check(unsafe { libc::setresuid(user, user, user) }).expect("setresuid");
    }
}

/// The same open file under a number that is not below `least`.
pub(crate) fn moved_above(fd: impl Into<OwnedFd>, least: i32) -> OwnedFd {
    let fd = fd.into();
    // SAFETY: no pointer is passed.
    let number = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, least) };
    check(number).expect("a descriptor");
    // SAFETY: the number is a fresh descriptor's, which nobody else owns.
    unsafe { OwnedFd::from_raw_fd(number) }
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
