//! Speaks the kernel's ABI in types that cannot be misread.

pub(crate) mod clock;
