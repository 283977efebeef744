//! `IORING_OP_READ` of what comes next: pipes, terminals, files at their own position

use std::io;

use super::position;
use crate::buf::{self, BufResult, IoBufMut};
use crate::driver::{self, FdRef, Lane, Op, SharedFd, Stash, Submit};
use crate::sys::{Filled, Sqe};

/// Reads what comes next on a stream that is no socket.
#[derive(Debug)]
pub struct ReadNext<B> {
    stream: FdRef,
    buf: B,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn read_next<B: IoBufMut>(stream: &SharedFd, buf: B) -> Submit<ReadNext<B>> {
    Submit::new(ReadNext { stream: stream.name(), buf })
}

impl<B: IoBufMut> Op for ReadNext<B> {
    type Completed = Filled;
    type Output = BufResult<usize, B>;
    const NAME: &'static str = "read";
    const LANE: Option<Lane> = Some(Lane::Read);
    const HAS_LINKED_TIMEOUT: bool = false;

    fn is_void(&mut self) -> bool {
        self.buf.as_uninit().len() == 0
    }

    fn prepare(&mut self) -> Sqe<'_, Filled> {
        Sqe::read(self.stream.descriptor(), buf::lend_mut(&mut self.buf), position::NEXT)
    }

    fn complete(self, result: io::Result<Filled>) -> Self::Output {
        buf::reclaim(self.buf, result.map(|filled| filled.0))
    }

    fn salvage(mut self, result: io::Result<Filled>) {
        let stream = self.stream;
        let has_room = self.buf.as_uninit().len() > 0;
        let BufResult(result, buf) = self.complete(result);
        driver::keep_received(stream, result.map(|count| &buf.as_init()[..count]), has_room);
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.stream)
    }

    fn serve(&mut self, stash: &mut Stash) -> Option<io::Result<Filled>> {
        match stash.take_bytes(self.buf.as_uninit()) {
            Some(count) => Some(Ok(Filled(count))),
            None => stash.take_end().map(|end| end.map(Filled)),
        }
    }
}
