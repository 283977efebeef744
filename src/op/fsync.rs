//! `IORING_OP_FSYNC`

use std::io;

use crate::driver::{FdRef, Op, SharedFd, Submit};
use crate::sys::Sqe;

/// Waits until a file's content, or its metadata too, is on its device.
#[derive(Debug)]
pub struct Fsync {
    file: FdRef,
    data_only: bool,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn fsync(file: &SharedFd, data_only: bool) -> Submit<Fsync> {
    Submit::new(Fsync { file: file.name(), data_only })
}

impl Op for Fsync {
    type Completed = ();
    type Output = io::Result<()>;
    const NAME: &'static str = "fsync";
    const HAS_LINKED_TIMEOUT: bool = false;

    fn prepare(&mut self) -> Sqe<'_, ()> {
        Sqe::fsync(self.file.descriptor(), self.data_only)
    }

    fn complete(self, result: io::Result<()>) -> Self::Output {
        result
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.file)
    }
}
