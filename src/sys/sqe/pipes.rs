//! What moves bytes between descriptors without memory of ours.

use io_uring::opcode;

use super::{Sqe, fd};
use crate::sys::cqe::Number;
use crate::sys::descriptor::Descriptor;

/// The offset of what has none, and of a file whose own position is meant.
const NONE: i64 = -1;

fn offset(at: Option<u64>) -> i64 {
    // Past all files: the kernel refuses it.
    at.map_or(NONE, |at| i64::try_from(at).unwrap_or(i64::MAX))
}

impl Sqe<'_, Number> {
    /// `IORING_OP_SPLICE`: bytes from one to the other, of which one at least is a pipe. Since 5.7.
    pub(crate) fn splice(
        (from, from_offset): (Descriptor, Option<u64>),
        (to, to_offset): (Descriptor, Option<u64>),
        len: u32,
    ) -> Self {
        let (from_offset, to_offset) = (offset(from_offset), offset(to_offset));
        Sqe::new(opcode::Splice::new(fd(from), from_offset, fd(to), to_offset, len).build())
    }

    /// `IORING_OP_TEE`: bytes of one pipe to another, which stay where they were. Since 5.8.
    pub(crate) fn tee(from: Descriptor, to: Descriptor, len: u32) -> Self {
        Sqe::new(opcode::Tee::new(fd(from), fd(to), len).build())
    }

    /// Instead of an op that is refused before the kernel has seen it.
    pub(crate) fn nothing_moved() -> Self {
        Sqe::new(opcode::Nop::new().build())
    }
}
