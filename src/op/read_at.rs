//! `IORING_OP_READ`

use std::io;

use super::position;
use crate::buf::{self, BufResult, IoBufMut};
use crate::driver::{FdRef, Op, SharedFd, Submit};
use crate::sys::{Filled, Sqe};

/// Reads from a place in a file.
#[derive(Debug)]
pub struct ReadAt<B> {
    file: FdRef,
    buf: B,
    offset: u64,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn read_at<B: IoBufMut>(file: &SharedFd, buf: B, offset: u64) -> Submit<ReadAt<B>> {
    Submit::new(ReadAt { file: file.name(), buf, offset: position::in_file(offset) })
}

impl<B: IoBufMut> Op for ReadAt<B> {
    type Completed = Filled;
    type Output = BufResult<usize, B>;
    const NAME: &'static str = "read";
    const HAS_LINKED_TIMEOUT: bool = false;

    fn prepare(&mut self) -> Sqe<'_, Filled> {
        Sqe::read(self.file.descriptor(), buf::lend_mut(&mut self.buf), self.offset)
    }

    fn complete(self, filled: io::Result<Filled>) -> Self::Output {
        buf::reclaim(self.buf, filled.map(|filled| filled.0))
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.file)
    }
}
