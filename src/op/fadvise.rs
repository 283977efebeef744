//! `IORING_OP_FADVISE`

use std::io;

use crate::driver::{FdRef, Op, SharedFd, Submit};
use crate::sys::{Advice, Sqe};

/// Tells the kernel how a range of a file is going to be used.
#[derive(Debug)]
pub struct Fadvise {
    file: FdRef,
    offset: u64,
    len: u32,
    advice: Advice,
}

/// A `len` of zero goes to the end of the file.
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn fadvise(file: &SharedFd, offset: u64, len: u32, advice: Advice) -> Submit<Fadvise> {
    Submit::new(Fadvise { file: file.name(), offset, len, advice })
}

impl Op for Fadvise {
    type Completed = ();
    type Output = io::Result<()>;
    const NAME: &'static str = "fadvise";
    const HAS_LINKED_TIMEOUT: bool = false;

    fn prepare(&mut self) -> Sqe<'_, ()> {
        Sqe::fadvise(self.file.descriptor(), self.offset, self.len, self.advice)
    }

    fn complete(self, result: io::Result<()>) -> Self::Output {
        result
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.file)
    }
}
