//! A directory of the test's own.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

use crate::memory::Lent;
use crate::syscall;

/// A fresh directory, removed with all that is in it when dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("annulus-abi-{}-{number}", process::id()));
        fs::create_dir(&path).expect("a fresh directory");
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A named pipe; opening it blocks until the other side is opened too.
    pub(crate) fn fifo(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let name = CString::new(path.as_os_str().as_bytes()).expect("no NUL in a path");
        // SAFETY: `name` is a C string.
        syscall::check(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }).expect("mkfifo");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A path as the kernel reads it: NUL at its end, lent.
pub(crate) fn lent_path(path: &Path) -> Lent {
    let mut bytes = path.as_os_str().as_bytes().to_vec();
    bytes.push(0);
    Lent::from(bytes)
}
