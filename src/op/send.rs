//! `IORING_OP_SEND`

use std::io;

use crate::buf::{self, BufResult, IoBuf};
use crate::driver::{FdRef, Lane, Op, SharedFd, Submit};
use crate::sys::{Sqe, Taken};

/// Sends a buffer, or the first part of it.
#[derive(Debug)]
pub struct Send<B> {
    socket: FdRef,
    buf: B,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn send<B: IoBuf>(socket: &SharedFd, buf: B) -> Submit<Send<B>> {
    Submit::new(Send { socket: socket.name(), buf })
}

impl<B: IoBuf> Op for Send<B> {
    type Completed = Taken;
    type Output = BufResult<usize, B>;
    const NAME: &'static str = "send";
    const LANE: Option<Lane> = Some(Lane::Write);

    fn prepare(&mut self) -> Sqe<'_, Taken> {
        Sqe::send(self.socket.descriptor(), buf::lend(&self.buf), 0)
    }

    fn complete(self, result: io::Result<Taken>) -> Self::Output {
        BufResult(result.map(|taken| taken.0), self.buf)
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.socket)
    }
}

/// Sends what a buffer holds from some byte on, all of it if the kernel can.
#[derive(Debug)]
pub struct SendRest<B> {
    socket: FdRef,
    buf: B,
    begin: usize,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn send_rest<B: IoBuf>(socket: &SharedFd, buf: B, begin: usize) -> Submit<SendRest<B>> {
    Submit::new(SendRest { socket: socket.name(), buf, begin })
}

impl<B: IoBuf> Op for SendRest<B> {
    type Completed = Taken;
    type Output = BufResult<usize, B>;
    const NAME: &'static str = "send";
    const LANE: Option<Lane> = Some(Lane::Write);

    fn prepare(&mut self) -> Sqe<'_, Taken> {
        Sqe::send_whole(self.socket.descriptor(), buf::lend_part(&self.buf, self.begin))
    }

    fn complete(self, result: io::Result<Taken>) -> Self::Output {
        BufResult(result.map(|taken| taken.0), self.buf)
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.socket)
    }
}
