//! `IORING_OP_FALLOCATE`

use std::io;

use crate::driver::{FdRef, Op, SharedFd, Submit};
use crate::sys::{Allocation, Sqe};

/// Reserves the room of a range of a file, or gives it back.
#[derive(Debug)]
pub struct Fallocate {
    file: FdRef,
    offset: u64,
    len: u64,
    how: Allocation,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn fallocate(
    file: &SharedFd,
    offset: u64,
    len: u64,
    how: Allocation,
) -> Submit<Fallocate> {
    Submit::new(Fallocate { file: file.name(), offset, len, how })
}

impl Op for Fallocate {
    type Completed = ();
    type Output = io::Result<()>;
    const NAME: &'static str = "fallocate";
    const HAS_LINKED_TIMEOUT: bool = false;

    fn prepare(&mut self) -> Sqe<'_, ()> {
        Sqe::fallocate(self.file.descriptor(), self.offset, self.len, self.how)
    }

    fn complete(self, result: io::Result<()>) -> Self::Output {
        result
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.file)
    }
}
