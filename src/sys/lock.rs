//! Locks on whole files: `flock(2)`, without waiting.

#![expect(unsafe_code, reason = "flock is a libc call")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Locks the open file for its handles alone, or shared with other readers; `false` when another
/// open file has it. A lock that the file has already is changed to this one.
///
/// # Errors
///
/// `ENOLCK`; of a network file system, what its server says.
pub(crate) fn try_lock(file: BorrowedFd<'_>, shared: bool) -> io::Result<bool> {
    let how = if shared { libc::LOCK_SH } else { libc::LOCK_EX };
    match flock(file, how | libc::LOCK_NB) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

/// Gives the lock back; without one, nothing happens.
///
/// # Errors
///
/// As for [`try_lock`].
pub(crate) fn unlock(file: BorrowedFd<'_>) -> io::Result<()> {
    flock(file, libc::LOCK_UN)
}

fn flock(file: BorrowedFd<'_>, how: libc::c_int) -> io::Result<()> {
    #[cfg(feature = "sim")]
    if let Some(answer) = super::sim::lock(file, how) {
        return answer;
    }
    loop {
        // SAFETY: the call takes integers and has no preconditions.
        if unsafe { libc::flock(file.as_raw_fd(), how) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
