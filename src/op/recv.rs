//! `IORING_OP_RECV`

use std::io;

use crate::buf::{self, BufResult, IoBufMut};
use crate::driver::{self, FdRef, Lane, Op, SharedFd, Stash, Submit};
use crate::sys::{Filled, Sqe};

/// Receives into a buffer.
#[derive(Debug)]
pub struct Recv<B> {
    socket: FdRef,
    buf: B,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn recv<B: IoBufMut>(socket: &SharedFd, buf: B) -> Submit<Recv<B>> {
    Submit::new(Recv { socket: socket.name(), buf })
}

impl<B: IoBufMut> Op for Recv<B> {
    type Completed = Filled;
    type Output = BufResult<usize, B>;
    const NAME: &'static str = "recv";
    const LANE: Option<Lane> = Some(Lane::Read);

    /// Without room the kernel would wait for bytes that it then leaves, where recv(2) returns at
    /// once.
    fn is_void(&mut self) -> bool {
        self.buf.as_uninit().len() == 0
    }

    fn prepare(&mut self) -> Sqe<'_, Filled> {
        Sqe::recv(self.socket.descriptor(), buf::lend_mut(&mut self.buf), 0)
    }

    fn complete(self, result: io::Result<Filled>) -> Self::Output {
        buf::reclaim(self.buf, result.map(|filled| filled.0))
    }

    fn salvage(mut self, result: io::Result<Filled>) {
        let socket = self.socket;
        let has_room = self.buf.as_uninit().len() > 0;
        let BufResult(result, buf) = self.complete(result);
        driver::keep_received(socket, result.map(|count| &buf.as_init()[..count]), has_room);
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.socket)
    }

    fn serve(&mut self, stash: &mut Stash) -> Option<io::Result<Filled>> {
        match stash.take_bytes(self.buf.as_uninit()) {
            Some(count) => Some(Ok(Filled(count))),
            None => stash.take_end().map(|end| end.map(Filled)),
        }
    }
}
