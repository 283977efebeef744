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

/// Sends every byte of a buffer.
///
/// The kernel goes on by itself until all is sent; where it ends early, the rest is submitted anew.
#[derive(Debug)]
pub struct SendAll<B> {
    socket: FdRef,
    buf: B,
    sent: usize,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn send_all<B: IoBuf>(socket: &SharedFd, buf: B) -> Submit<SendAll<B>> {
    Submit::new(SendAll { socket: socket.name(), buf, sent: 0 })
}

impl<B: IoBuf> Op for SendAll<B> {
    type Completed = Taken;
    type Output = BufResult<(), B>;
    const NAME: &'static str = "send";
    const LANE: Option<Lane> = Some(Lane::Write);

    /// Sending nothing fails on some sockets, and there is nothing that could.
    fn is_void(&mut self) -> bool {
        self.buf.init_len() == 0
    }

    fn prepare(&mut self) -> Sqe<'_, Taken> {
        Sqe::send_whole(self.socket.descriptor(), buf::lend_part(&self.buf, self.sent))
    }

    fn goes_on(&mut self, res: i32) -> bool {
        self.sent += res as usize;
        res > 0 && self.sent < self.buf.init_len()
    }

    fn complete(self, result: io::Result<Taken>) -> Self::Output {
        let is_all = self.sent >= self.buf.init_len();
        let done = match result {
            Ok(_) if !is_all => Err(io::ErrorKind::WriteZero.into()),
            result => result.map(drop),
        };
        BufResult(done, self.buf)
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.socket)
    }
}
