//! Named pipes.

#![expect(unsafe_code, reason = "mkfifo is a libc call")]

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::temp::TempDir;

/// Makes a named pipe in the directory.
///
/// Not by the program `mkfifo`: a process that is being started holds a copy of every descriptor,
/// and no test could say that one is closed.
pub(crate) fn make_fifo(dir: &TempDir) -> PathBuf {
    let path = dir.join("fifo");
    let name = CString::new(path.as_os_str().as_bytes()).expect("a path without NUL");
    // SAFETY: the name is a string ended by a NUL that outlives the call.
    let made = unsafe { libc::mkfifo(name.as_ptr(), 0o600) };
    assert_eq!(made, 0, "{}", std::io::Error::last_os_error());
    path
}
