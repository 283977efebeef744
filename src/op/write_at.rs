//! `IORING_OP_WRITE`

use std::io;

use super::position;
use crate::buf::{self, BufResult, IoBuf};
use crate::driver::{FdRef, Op, SharedFd, Submit};
use crate::sys::{Sqe, Taken};

/// Writes to a place in a file.
#[derive(Debug)]
pub struct WriteAt<B> {
    file: FdRef,
    buf: B,
    offset: u64,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn write_at<B: IoBuf>(file: &SharedFd, buf: B, offset: u64) -> Submit<WriteAt<B>> {
    Submit::new(WriteAt { file: file.name(), buf, offset: position::in_file(offset) })
}

impl<B: IoBuf> Op for WriteAt<B> {
    type Completed = Taken;
    type Output = BufResult<usize, B>;
    const NAME: &'static str = "write";
    const HAS_LINKED_TIMEOUT: bool = false;

    fn prepare(&mut self) -> Sqe<'_, Taken> {
        Sqe::write(self.file.descriptor(), buf::lend(&self.buf), self.offset)
    }

    fn complete(self, taken: io::Result<Taken>) -> Self::Output {
        BufResult(taken.map(|taken| taken.0), self.buf)
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.file)
    }
}
