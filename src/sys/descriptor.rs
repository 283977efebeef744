//! Descriptor numbers, told apart from other numbers.

use std::os::fd::{AsRawFd, RawFd};

/// The number of an open descriptor, as an SQE names it.
///
/// It owns nothing and keeps nothing open: the driver's table owns the descriptor and counts who
/// uses the number, from an op's push to its final completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Descriptor(RawFd);

impl Descriptor {
    /// No descriptor.
    pub(crate) const NONE: Descriptor = Descriptor(-1);

    pub(crate) fn of(owner: &impl AsRawFd) -> Self {
        Descriptor(owner.as_raw_fd())
    }

    #[inline]
    pub(crate) fn number(self) -> RawFd {
        self.0
    }
}
