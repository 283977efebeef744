//! Counts the instructions and allocations of a round, and compares them with what they were.

pub(crate) mod allocator;
pub(crate) mod baseline;
pub(crate) mod callgrind;
pub(crate) mod compare;
pub(crate) mod count;

pub(crate) use baseline::Baseline;
