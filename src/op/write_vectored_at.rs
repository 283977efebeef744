//! `IORING_OP_WRITEV`

use std::io;

use super::position;
use crate::buf::{self, BufResult, IoVectoredBuf, LentSlices};
use crate::driver::{FdRef, Op, SharedFd, Submit};
use crate::sys::{Sqe, Taken};

/// Writes several buffers, one after another, to a place in a file.
#[derive(Debug)]
pub struct WriteVectoredAt<B> {
    file: FdRef,
    bufs: B,
    slices: LentSlices,
    offset: u64,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn write_vectored_at<B>(
    file: &SharedFd,
    bufs: B,
    offset: u64,
) -> Submit<WriteVectoredAt<B>>
where
    B: IoVectoredBuf,
{
    let offset = position::in_file(offset);
    Submit::new(WriteVectoredAt { file: file.name(), bufs, slices: LentSlices::new(), offset })
}

impl<B: IoVectoredBuf> Op for WriteVectoredAt<B> {
    type Completed = Taken;
    type Output = BufResult<usize, B>;
    const NAME: &'static str = "writev";
    const HAS_LINKED_TIMEOUT: bool = false;

    fn prepare(&mut self) -> Sqe<'_, Taken> {
        buf::lend_all(&self.bufs, &mut self.slices);
        Sqe::writev(self.file.descriptor(), &self.slices, self.offset)
    }

    fn complete(self, taken: io::Result<Taken>) -> Self::Output {
        BufResult(taken.map(|taken| taken.0), self.bufs)
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.file)
    }
}
