//! A descriptor that the crate owns.
//!
//! It is std's, but where the kernel may be a simulated one: that has to hear of a close, also of
//! one that a destructor does, and for std's descriptors nobody would tell it.

#[cfg(not(feature = "sim"))]
pub(crate) use std::os::fd::OwnedFd as Owned;

#[cfg(feature = "sim")]
pub(crate) use super::sim::Owned;

use std::os::fd::OwnedFd;

/// Takes a descriptor of the user's.
pub(crate) fn own(fd: OwnedFd) -> Owned {
    #[cfg(feature = "sim")]
    return Owned::from(fd);
    #[cfg(not(feature = "sim"))]
    fd
}

/// Gives a descriptor to the user, who closes it as he likes.
pub(crate) fn disown(fd: Owned) -> OwnedFd {
    #[cfg(feature = "sim")]
    return fd.let_go();
    #[cfg(not(feature = "sim"))]
    fd
}
