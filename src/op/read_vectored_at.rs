//! `IORING_OP_READV`

use std::io;

use super::position;
use crate::buf::{self, BufResult, IoVectoredBufMut, LentSlices};
use crate::driver::{FdRef, Op, SharedFd, Submit};
use crate::sys::{Filled, Sqe};

/// Reads from a place in a file into several buffers, one after another.
#[derive(Debug)]
pub struct ReadVectoredAt<B> {
    file: FdRef,
    bufs: B,
    slices: LentSlices,
    offset: u64,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn read_vectored_at<B>(
    file: &SharedFd,
    bufs: B,
    offset: u64,
) -> Submit<ReadVectoredAt<B>>
where
    B: IoVectoredBufMut,
{
    let offset = position::in_file(offset);
    Submit::new(ReadVectoredAt { file: file.name(), bufs, slices: LentSlices::new(), offset })
}

impl<B: IoVectoredBufMut> Op for ReadVectoredAt<B> {
    type Completed = Filled;
    type Output = BufResult<usize, B>;
    const NAME: &'static str = "readv";
    const HAS_LINKED_TIMEOUT: bool = false;

    fn prepare(&mut self) -> Sqe<'_, Filled> {
        buf::lend_all_mut(&mut self.bufs, &mut self.slices);
        Sqe::readv(self.file.descriptor(), &self.slices, self.offset)
    }

    fn complete(self, filled: io::Result<Filled>) -> Self::Output {
        buf::reclaim_all(self.bufs, filled.map(|filled| filled.0))
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.file)
    }
}
