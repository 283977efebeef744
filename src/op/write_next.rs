//! `IORING_OP_WRITE` of what comes next: pipes, terminals, files at their own position

use std::io;

use super::position;
use crate::buf::{self, BufResult, IoBuf};
use crate::driver::{FdRef, Lane, Op, SharedFd, Submit};
use crate::sys::{Sqe, Taken};

/// Writes what comes next on a stream that is no socket.
#[derive(Debug)]
pub struct WriteNext<B> {
    stream: FdRef,
    buf: B,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn write_next<B: IoBuf>(stream: &SharedFd, buf: B) -> Submit<WriteNext<B>> {
    Submit::new(WriteNext { stream: stream.name(), buf })
}

impl<B: IoBuf> Op for WriteNext<B> {
    type Completed = Taken;
    type Output = BufResult<usize, B>;
    const NAME: &'static str = "write";
    const LANE: Option<Lane> = Some(Lane::Write);
    const HAS_LINKED_TIMEOUT: bool = false;

    fn prepare(&mut self) -> Sqe<'_, Taken> {
        Sqe::write(self.stream.descriptor(), buf::lend(&self.buf), position::NEXT)
    }

    fn complete(self, taken: io::Result<Taken>) -> Self::Output {
        BufResult(taken.map(|taken| taken.0), self.buf)
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.stream)
    }
}
