//! `IORING_OP_READ_FIXED`

use std::io;

use super::position;
use crate::buf::{self, BufResult, FixedBuf};
use crate::driver::{FdRef, Op, SharedFd, Submit};
use crate::sys::{Filled, Sqe};

/// Reads from a place in a file into a registered buffer.
#[derive(Debug)]
pub struct ReadFixedAt {
    file: FdRef,
    buf: FixedBuf,
    offset: u64,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn read_fixed_at(file: &SharedFd, buf: FixedBuf, offset: u64) -> Submit<ReadFixedAt> {
    Submit::new(ReadFixedAt { file: file.name(), buf, offset: position::in_file(offset) })
}

impl Op for ReadFixedAt {
    type Completed = Filled;
    type Output = BufResult<usize, FixedBuf>;
    const NAME: &'static str = "read_fixed";
    const HAS_LINKED_TIMEOUT: bool = false;

    fn prepare(&mut self) -> Sqe<'_, Filled> {
        let (file, number) = (self.file.descriptor(), self.buf.number(self.file.runtime()));
        let room = buf::lend_mut(&mut self.buf);
        match number {
            Some(number) => Sqe::read_fixed(file, room, number, self.offset),
            None => Sqe::read(file, room, self.offset),
        }
    }

    fn complete(self, filled: io::Result<Filled>) -> Self::Output {
        buf::reclaim(self.buf, filled.map(|filled| filled.0))
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.file)
    }
}
