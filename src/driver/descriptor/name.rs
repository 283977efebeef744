//! What a descriptor is called: by handles and ops, and by who is counted on it.

use std::num::NonZeroU32;

use crate::sys::Descriptor;

/// Names a descriptor of a loop without being counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FdRef {
    pub(in crate::driver) runtime: u32,
    pub(in crate::driver) index: u32,
    pub(in crate::driver) generation: u32,
    pub(in crate::driver) descriptor: Descriptor,
}

impl FdRef {
    /// The name of none.
    pub(in crate::driver) const NONE: FdRef =
        FdRef { runtime: 0, index: u32::MAX, generation: 0, descriptor: Descriptor::NONE };

    /// The loop that the descriptor is of.
    pub(crate) fn runtime(self) -> u32 {
        self.runtime
    }

    /// Its place in the table.
    #[inline]
    pub(in crate::driver) fn place(self) -> FdIndex {
        FdIndex(NonZeroU32::MIN.saturating_add(self.index))
    }

    /// The number for an SQE, which the table keeps open while the op is counted.
    #[inline]
    pub(crate) fn descriptor(self) -> Descriptor {
        self.descriptor
    }
}

/// The place of a descriptor in the table. For who is counted on the descriptor that is its name,
/// since the place is nobody else's meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::driver) struct FdIndex(NonZeroU32);

impl FdIndex {
    #[inline]
    pub(super) fn get(self) -> usize {
        self.0.get() as usize - 1
    }
}
