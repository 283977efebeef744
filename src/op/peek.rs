//! `IORING_OP_RECV` with `MSG_PEEK`

use std::io;

use crate::buf::{self, BufResult, IoBufMut};
use crate::driver::{self, FdRef, Lane, Op, SharedFd, Stash, Submit};
use crate::sys::{Filled, Sqe};

/// Copies what the next receive would give, and leaves it.
#[derive(Debug)]
pub struct Peek<B> {
    socket: FdRef,
    buf: B,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn peek<B: IoBufMut>(socket: &SharedFd, buf: B) -> Submit<Peek<B>> {
    Submit::new(Peek { socket: socket.name(), buf })
}

impl<B: IoBufMut> Op for Peek<B> {
    type Completed = Filled;
    type Output = BufResult<usize, B>;
    const NAME: &'static str = "peek";
    const LANE: Option<Lane> = Some(Lane::Read);

    fn is_void(&mut self) -> bool {
        self.buf.as_uninit().len() == 0
    }

    fn prepare(&mut self) -> Sqe<'_, Filled> {
        Sqe::peek(self.socket.descriptor(), buf::lend_mut(&mut self.buf))
    }

    fn complete(self, result: io::Result<Filled>) -> Self::Output {
        buf::reclaim(self.buf, result.map(|filled| filled.0))
    }

    /// The bytes are still there; an error is told by the kernel once.
    fn salvage(self, result: io::Result<Filled>) {
        if let Err(error) = result {
            driver::keep_failure(self.socket, &error);
        }
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.socket)
    }

    fn serve(&mut self, stash: &mut Stash) -> Option<io::Result<Filled>> {
        match stash.copy_bytes(self.buf.as_uninit()) {
            Some(count) => Some(Ok(Filled(count))),
            None => stash.take_end().map(|end| end.map(Filled)),
        }
    }
}
