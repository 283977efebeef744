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
    pieces: LentSlices,
    header: MessageHeader,
}

pub(crate) fn send_vectored<B: IoVectoredBuf>(
    socket: &SharedFd,
    bufs: B,
) -> Submit<SendVectored<B>> {
    let (pieces, header) = (LentSlices::new(), MessageHeader::new());
    Submit::new(SendVectored { socket: socket.name(), bufs, pieces, header })
}

impl<B: IoVectoredBuf> Op for SendVectored<B> {
    type Completed = Taken;
    type Output = BufResult<usize, B>;
    const NAME: &'static str = "sendmsg";
    const LANE: Option<Lane> = Some(Lane::Write);

    fn prepare(&mut self) -> Sqe<'_, Taken> {
        buf::lend_all(&self.bufs, &mut self.pieces);
        self.header.set_pieces(&self.pieces);
        Sqe::send_message(self.socket.descriptor(), &self.header)
    }

    fn complete(self, result: io::Result<Taken>) -> Self::Output {
        BufResult(result.map(|taken| taken.0), self.bufs)
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.socket)
    }
}
