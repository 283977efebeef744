//! What the ring does not do with extended attributes: list them, and take them away.

#![expect(unsafe_code, reason = "libc calls with paths and a buffer")]

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use super::path::path_to_c_string;

/// Whether there is no attribute of that name.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENODATA)
}

/// Whether a value is longer than the room for it.
pub(crate) fn is_too_long(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ERANGE)
}

/// `removexattr(2)`.
pub(crate) fn remove(path: &Path, name: &OsStr) -> io::Result<()> {
    #[cfg(feature = "sim")]
    if let Some(answer) = super::sim::remove_attribute(path, name.as_encoded_bytes()) {
        return answer;
    }
    let (path, name) = (path_to_c_string(path)?, path_to_c_string(Path::new(name))?);
    // SAFETY: both are strings ended by a NUL that outlive the call.
    let answer = unsafe { libc::removexattr(path.as_ptr(), name.as_ptr()) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// `listxattr(2)`.
pub(crate) fn list(path: &Path) -> io::Result<Vec<OsString>> {
    #[cfg(feature = "sim")]
    if let Some(answer) = super::sim::list_attributes(path) {
        return answer;
    }
    let path = path_to_c_string(path)?;
    let mut names = vec![0u8; 1024];
    loop {
        let (start, room) = (names.as_mut_ptr().cast(), names.len());
        // SAFETY: the path is ended by a NUL, and the names have `room` bytes from `start` on.
        let len = unsafe { libc::listxattr(path.as_ptr(), start, room) };
        if let Ok(len) = usize::try_from(len) {
            let each = names[..len].split(|byte| *byte == 0).filter(|name| !name.is_empty());
            return Ok(each.map(|name| OsString::from_vec(name.to_vec())).collect());
        }
        let error = io::Error::last_os_error();
        // The kernel's limit on the list is 64 KiB (`XATTR_LIST_MAX`).
        if !is_too_long(&error) || names.len() > 64 * 1024 {
            return Err(error);
        }
        names.resize(names.len() * 2, 0);
    }
}
