//! Whether a file system can do what a test is about.

#![expect(unsafe_code, reason = "fallocate is a libc call")]

use std::os::fd::AsRawFd;
use std::path::Path;

/// Whether a range of this file can be given back, asked without the crate.
pub(crate) fn punches_holes(path: &Path) -> bool {
    try_fallocate(path, libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE)
}

/// Whether room can be reserved for this file, asked without the crate.
pub(crate) fn allocates(path: &Path) -> bool {
    try_fallocate(path, libc::FALLOC_FL_KEEP_SIZE)
}

fn try_fallocate(path: &Path, mode: i32) -> bool {
    let file = std::fs::File::options().write(true).open(path).expect("the file");
    // SAFETY: the call takes integers; what it may do to the file is the test's to expect.
    unsafe { libc::fallocate(file.as_raw_fd(), mode, 1 << 30, 1) == 0 }
}
