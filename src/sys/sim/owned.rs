//! A descriptor that the crate owns, in a build that can be simulated.

use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use super::{is_installed, with};

/// A descriptor whose close the thread's simulator hears of, if it has one.
#[derive(Debug)]
pub struct Owned(ManuallyDrop<OwnedFd>);

impl Owned {
    /// Gives it to the user; the simulator watches it from now on.
    pub(in crate::sys) fn let_go(self) -> OwnedFd {
        let fd = self.take();
        if is_installed() {
            with(|machine| machine.let_go(&fd));
        }
        fd
    }

    fn take(self) -> OwnedFd {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: it is taken once: `this` is not used or dropped any more.
        unsafe { ManuallyDrop::take(&mut this.0) }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: it is taken once, here.
        let fd = unsafe { ManuallyDrop::take(&mut self.0) };
        if is_installed() {
            with(|machine| machine.close_owned(fd));
        }
    }
}

impl From<OwnedFd> for Owned {
    fn from(fd: OwnedFd) -> Self {
        if is_installed() {
            with(|machine| machine.take_in(fd.as_raw_fd()));
        }
        Owned(ManuallyDrop::new(fd))
    }
}

impl FromRawFd for Owned {
    unsafe fn from_raw_fd(fd: RawFd) -> Self {
        // SAFETY: promised by the caller.
        Owned::from(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

impl IntoRawFd for Owned {
    fn into_raw_fd(self) -> RawFd {
        self.take().into_raw_fd()
    }
}

impl AsFd for Owned {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Owned {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
