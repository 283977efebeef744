//! `IORING_OP_WRITE_FIXED`

use std::io;

use super::position;
use crate::buf::{self, BufResult, FixedBuf};
use crate::driver::{FdRef, Op, SharedFd, Submit};
use crate::sys::{Sqe, Taken};

/// Writes a registered buffer to a place in a file.
#[derive(Debug)]
pub struct WriteFixedAt {
    file: FdRef,
    buf: FixedBuf,
    offset: u64,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn write_fixed_at(file: &SharedFd, buf: FixedBuf, offset: u64) -> Submit<WriteFixedAt> {
    Submit::new(WriteFixedAt { file: file.name(), buf, offset: position::in_file(offset) })
}

impl Op for WriteFixedAt {
    type Completed = Taken;
    type Output = BufResult<usize, FixedBuf>;
    const NAME: &'static str = "write_fixed";
    const HAS_LINKED_TIMEOUT: bool = false;

    fn prepare(&mut self) -> Sqe<'_, Taken> {
        let (file, number) = (self.file.descriptor(), self.buf.number(self.file.runtime()));
        let bytes = buf::lend(&self.buf);
        match number {
            Some(number) => Sqe::write_fixed(file, bytes, number, self.offset),
            None => Sqe::write(file, bytes, self.offset),
        }
    }

    fn complete(self, taken: io::Result<Taken>) -> Self::Output {
        BufResult(taken.map(|taken| taken.0), self.buf)
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.file)
    }
}
