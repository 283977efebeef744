//! A path as an op holds it for the kernel.

use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A path ended by a NUL, or why it cannot be one.
///
/// An op is made before it can fail. So a path with a NUL within is remembered together with its
/// error; the kernel, if it is asked at all, is asked for the empty path, which it refuses without
/// a look at anything.
#[derive(Debug)]
pub(crate) struct KernelPath {
    path: CString,
    refusal: Option<io::Error>,
}

impl KernelPath {
    pub(crate) fn new(path: &Path) -> Self {
        match path_to_c_string(path) {
            Ok(path) => KernelPath { path, refusal: None },
            Err(error) => KernelPath::refused(error),
        }
    }

    /// Stands for a path that is not to be used, because of `error`.
    pub(crate) fn refused(error: io::Error) -> Self {
        KernelPath { path: CString::default(), refusal: Some(error) }
    }

    pub(crate) fn as_c_str(&self) -> &CStr {
        &self.path
    }

    /// Puts the path's own error before what the kernel said of the empty path.
    pub(crate) fn explain<T>(self, result: io::Result<T>) -> io::Result<T> {
        match self.refusal {
            Some(refusal) => Err(refusal),
            None => result,
        }
    }
}

/// The path as the kernel takes it, ended by a NUL.
///
/// # Errors
///
/// `InvalidInput`, naming the path and the place, if there is a NUL within.
pub(super) fn path_to_c_string(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|nul| {
        let place = nul.nul_position();
        let message =
            format!("the path {path:?} has a NUL at byte {place}, where the kernel would end it");
        io::Error::new(io::ErrorKind::InvalidInput, message)
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn a_path_is_ended_by_a_nul_and_has_none_within() {
        let path = path_to_c_string(Path::new("/tmp/\u{e4}")).unwrap();
        assert_eq!(path.as_bytes_with_nul(), b"/tmp/\xc3\xa4\0");
        let bad = Path::new(OsStr::from_bytes(b"/tmp/a\0b"));
        let error = path_to_c_string(bad).expect_err("a NUL");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("NUL at byte 6"), "{error}");
    }

    #[test]
    fn a_path_with_a_nul_is_the_empty_path_with_an_error_of_its_own() {
        let path = KernelPath::new(Path::new("a\0b"));
        assert_eq!(path.as_c_str(), c"");
        let error = path.explain(Ok(())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("NUL"), "{error}");
    }

    #[test]
    fn a_usable_path_leaves_the_kernel_its_word() {
        let path = KernelPath::new(Path::new("/a"));
        assert_eq!(path.as_c_str(), c"/a");
        assert_eq!(path.explain(Ok(7)).unwrap(), 7);
    }
}
