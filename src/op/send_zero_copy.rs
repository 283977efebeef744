//! `IORING_OP_SEND_ZC`

use std::io;

use crate::buf::{self, BufResult, IoBuf};
use crate::driver::{FdRef, Lane, Op, SharedFd, Submit};
use crate::sys::{self, Sqe, Taken};

/// Below this a copy is cheaper than letting the kernel hold the memory.
const LEN_MIN: usize = 16 * 1024;

/// Sends a buffer, or the first part of it, without copying it into the kernel.
///
/// It completes when the kernel has let go of the buffer. What is short, and what a kernel or a
/// socket cannot send so, goes by an ordinary send.
#[derive(Debug)]
pub struct SendZeroCopy<B> {
    socket: FdRef,
    buf: B,
    copies: bool,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn send_zero_copy<B: IoBuf>(socket: &SharedFd, buf: B) -> Submit<SendZeroCopy<B>> {
    let copies = buf.init_len() < LEN_MIN;
    Submit::new(SendZeroCopy { socket: socket.name(), buf, copies })
}

impl<B: IoBuf> Op for SendZeroCopy<B> {
    type Completed = Taken;
    type Output = BufResult<usize, B>;
    const NAME: &'static str = "send_zc";
    const LANE: Option<Lane> = Some(Lane::Write);

    fn prepare(&mut self) -> Sqe<'_, Taken> {
        let (socket, bytes) = (self.socket.descriptor(), buf::lend(&self.buf));
        if self.copies { Sqe::send(socket, bytes, 0) } else { Sqe::send_zero_copy(socket, bytes) }
    }

    fn complete(self, result: io::Result<Taken>) -> Self::Output {
        BufResult(result.map(|taken| taken.0), self.buf)
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.socket)
    }

    fn retries(&mut self, error: &io::Error) -> bool {
        !std::mem::replace(&mut self.copies, true) && sys::is_unsupported(error)
    }
}
