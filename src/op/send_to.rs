//! `IORING_OP_SENDMSG` of one datagram to an address

use std::io;
use std::net::SocketAddr;

use crate::buf::{BufResult, IoBuf, LentPiece};
use crate::driver::{FdRef, Lane, Op, SharedFd, Submit};
use crate::sys::{MessageHeader, SocketAddress, Sqe, Taken};

/// Sends a buffer as a datagram to an address.
#[derive(Debug)]
pub struct SendTo<B> {
    socket: FdRef,
    buf: B,
    piece: LentPiece,
    header: MessageHeader,
    target: SocketAddress,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn send_to<B: IoBuf>(
    socket: &SharedFd,
    buf: B,
    target: SocketAddr,
) -> Submit<SendTo<B>> {
    let (piece, header) = (LentPiece::new(), MessageHeader::new());
    Submit::new(SendTo { socket: socket.name(), buf, piece, header, target: target.into() })
}

impl<B: IoBuf> Op for SendTo<B> {
    type Completed = Taken;
    type Output = BufResult<usize, B>;
    const NAME: &'static str = "sendmsg";
    const LANE: Option<Lane> = Some(Lane::Write);

    fn prepare(&mut self) -> Sqe<'_, Taken> {
        self.piece.lend(&self.buf);
        self.header.set_piece(&self.piece);
        self.header.set_target(&self.target);
        Sqe::send_message(self.socket.descriptor(), &self.header)
    }

    fn complete(self, result: io::Result<Taken>) -> Self::Output {
        BufResult(result.map(|taken| taken.0), self.buf)
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.socket)
    }
}
