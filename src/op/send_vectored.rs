//! `IORING_OP_SENDMSG` of several buffers

use std::io;

use crate::buf::{self, BufResult, IoVectoredBuf, LentSlices};
use crate::driver::{FdRef, Lane, Op, SharedFd, Submit};
use crate::sys::{MessageHeader, Sqe, Taken};

/// Sends several buffers, one after another, or the first part of them.
#[derive(Debug)]
pub struct SendVectored<B> {
    socket: FdRef,
    bufs: B,
    /// The first byte to send, all the rest if the kernel can; `None` for any of them.
    rest: Option<usize>,
    pieces: LentSlices,
    header: MessageHeader,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn send_vectored<B: IoVectoredBuf>(
    socket: &SharedFd,
    bufs: B,
) -> Submit<SendVectored<B>> {
    new(socket, bufs, None)
}

/// Sends what the buffers hold from byte `begin` on, all of it if the kernel can.
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn send_rest_vectored<B: IoVectoredBuf>(
    socket: &SharedFd,
    bufs: B,
    begin: usize,
) -> Submit<SendVectored<B>> {
    new(socket, bufs, Some(begin))
}

#[cfg_attr(debug_assertions, track_caller)]
fn new<B: IoVectoredBuf>(
    socket: &SharedFd,
    bufs: B,
    rest: Option<usize>,
) -> Submit<SendVectored<B>> {
    let (pieces, header) = (LentSlices::new(), MessageHeader::new());
    Submit::new(SendVectored { socket: socket.name(), bufs, rest, pieces, header })
}

impl<B: IoVectoredBuf> Op for SendVectored<B> {
    type Completed = Taken;
    type Output = BufResult<usize, B>;
    const NAME: &'static str = "sendmsg";
    const LANE: Option<Lane> = Some(Lane::Write);

    fn prepare(&mut self) -> Sqe<'_, Taken> {
        let socket = self.socket.descriptor();
        match self.rest {
            None => buf::lend_all(&self.bufs, &mut self.pieces),
            Some(begin) => buf::lend_all_from(&self.bufs, begin, &mut self.pieces),
        }
        self.header.set_pieces(&self.pieces);
        match self.rest {
            None => Sqe::send_message(socket, &self.header),
            Some(_) => Sqe::send_message_whole(socket, &self.header),
        }
    }

    fn complete(self, result: io::Result<Taken>) -> Self::Output {
        BufResult(result.map(|taken| taken.0), self.bufs)
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.socket)
    }
}
