//! `IORING_OP_FTRUNCATE`

use std::io;

use crate::driver::{FdRef, Op, SharedFd, Submit};
use crate::sys::Sqe;

/// Sets the length of a file.
#[derive(Debug)]
pub struct Ftruncate {
    file: FdRef,
    len: u64,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn ftruncate(file: &SharedFd, len: u64) -> Submit<Ftruncate> {
    Submit::new(Ftruncate { file: file.name(), len })
}

impl Op for Ftruncate {
    type Completed = ();
    type Output = io::Result<()>;
    const NAME: &'static str = "ftruncate";
    const HAS_LINKED_TIMEOUT: bool = false;

    fn prepare(&mut self) -> Sqe<'_, ()> {
        Sqe::ftruncate(self.file.descriptor(), self.len)
    }

    fn complete(self, result: io::Result<()>) -> Self::Output {
        result
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.file)
    }
}
