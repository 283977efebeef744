//! Speaks the kernel's ABI in types that cannot be misread.

pub(crate) mod abi;
pub(crate) mod clock;
pub(crate) mod door;
pub(crate) mod eventfd;
pub(crate) mod limits;
