//! `IORING_OP_RECVMSG` of one datagram with its sender

use std::io;
use std::net::SocketAddr;

use crate::buf::{self, BufResult, IoBufMut, LentPiece};
use crate::driver::{self, FdRef, Lane, Op, SharedFd, Stash, Submit};
use crate::sys::{Filled, MessageHeader, SocketAddress, Sqe};

/// Receives a datagram, or copies it and leaves it there, and says how long it is.
#[derive(Debug)]
pub struct RecvDatagram<B>(Reception<B>);

/// As [`RecvDatagram`], and says who has sent it.
#[derive(Debug)]
pub struct RecvFrom<B>(Reception<B>);

/// A datagram is received with its sender also where nobody asks for that: if its receive is
/// abandoned, the one that gets it may ask.
#[derive(Debug)]
struct Reception<B> {
    socket: FdRef,
    buf: B,
    piece: LentPiece,
    header: MessageHeader,
    sender: SocketAddress,
    leaves_it: bool,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn recv_datagram<B: IoBufMut>(socket: &SharedFd, buf: B) -> Submit<RecvDatagram<B>> {
    Submit::new(RecvDatagram(Reception::new(socket, buf, false)))
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn peek_datagram<B: IoBufMut>(socket: &SharedFd, buf: B) -> Submit<RecvDatagram<B>> {
    Submit::new(RecvDatagram(Reception::new(socket, buf, true)))
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn recv_from<B: IoBufMut>(socket: &SharedFd, buf: B) -> Submit<RecvFrom<B>> {
    Submit::new(RecvFrom(Reception::new(socket, buf, false)))
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn peek_from<B: IoBufMut>(socket: &SharedFd, buf: B) -> Submit<RecvFrom<B>> {
    Submit::new(RecvFrom(Reception::new(socket, buf, true)))
}

impl<B: IoBufMut> Reception<B> {
    fn new(socket: &SharedFd, buf: B, leaves_it: bool) -> Self {
        let (piece, header) = (LentPiece::new(), MessageHeader::new());
        let sender = SocketAddress::empty();
        Reception { socket: socket.name(), buf, piece, header, sender, leaves_it }
    }

    fn prepare(&mut self) -> Sqe<'_, Filled> {
        self.piece.lend_mut(&mut self.buf);
        self.header.set_piece(&self.piece);
        self.header.set_sender(&mut self.sender);
        let socket = self.socket.descriptor();
        match self.leaves_it {
            true => Sqe::peek_message(socket, &mut self.header),
            false => Sqe::recv_message(socket, &mut self.header),
        }
    }

    fn complete(mut self, result: io::Result<Filled>) -> BufResult<(usize, SocketAddress), B> {
        self.sender.set_len(self.header.sender_len());
        let BufResult(result, buf) = buf::reclaim(self.buf, result.map(|filled| filled.0));
        BufResult(result.map(|count| (count, self.sender)), buf)
    }

    fn salvage(self, result: io::Result<Filled>) {
        let (socket, leaves_it) = (self.socket, self.leaves_it);
        let BufResult(result, buf) = self.complete(result);
        match result {
            // It is still there.
            Ok(_) if leaves_it => {}
            Ok(_) if planted!("datagram vanishes on timeout") => {}
            Ok((count, sender)) => {
                driver::keep_datagram(socket, Ok((&buf.as_init()[..count], sender)));
            }
            Err(error) => driver::keep_datagram(socket, Err(error)),
        }
    }

    fn serve(&mut self, stash: &mut Stash) -> Option<io::Result<Filled>> {
        let room = self.buf.as_uninit();
        let served = match self.leaves_it {
            true => stash.copy_datagram(room),
            false => stash.take_datagram(room),
        };
        Some(served?.map(|(count, sender)| {
            self.header.set_sender_len(sender.len());
            self.sender = sender;
            Filled(count)
        }))
    }
}

impl<B: IoBufMut> Op for RecvDatagram<B> {
    type Completed = Filled;
    type Output = BufResult<usize, B>;
    const NAME: &'static str = "recvmsg";
    const LANE: Option<Lane> = Some(Lane::Read);

    fn prepare(&mut self) -> Sqe<'_, Filled> {
        self.0.prepare()
    }

    fn complete(self, result: io::Result<Filled>) -> Self::Output {
        let BufResult(received, buf) = self.0.complete(result);
        BufResult(received.map(|(count, _)| count), buf)
    }

    fn salvage(self, result: io::Result<Filled>) {
        self.0.salvage(result);
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.0.socket)
    }

    fn serve(&mut self, stash: &mut Stash) -> Option<io::Result<Filled>> {
        self.0.serve(stash)
    }
}

impl<B: IoBufMut> Op for RecvFrom<B> {
    type Completed = Filled;
    type Output = BufResult<(usize, SocketAddr), B>;
    const NAME: &'static str = "recvmsg";
    const LANE: Option<Lane> = Some(Lane::Read);

    fn prepare(&mut self) -> Sqe<'_, Filled> {
        self.0.prepare()
    }

    fn complete(self, result: io::Result<Filled>) -> Self::Output {
        let BufResult(received, buf) = self.0.complete(result);
        let named = received.and_then(|(count, sender)| Ok((count, sender.to_socket_addr()?)));
        BufResult(named, buf)
    }

    fn salvage(self, result: io::Result<Filled>) {
        self.0.salvage(result);
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.0.socket)
    }

    fn serve(&mut self, stash: &mut Stash) -> Option<io::Result<Filled>> {
        self.0.serve(stash)
    }
}
