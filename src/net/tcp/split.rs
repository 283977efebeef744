//! The two directions of a connection, lent.

use std::io;
use std::net::{Shutdown, SocketAddr};

use super::TcpStream;
use crate::buf::{BufResult, IoBuf, IoBufMut, IoVectoredBuf, IoVectoredBufMut};
use crate::driver::Submit;
use crate::net::RecvStream;
use crate::op::{
    self, Peek, Readable, Recv, RecvPooled, RecvVectored, Send, SendAll, SendVectored, Writable,
};

/// The reading direction of a connection; made by [`TcpStream::split`].
#[derive(Debug)]
pub struct ReadHalf<'a>(&'a TcpStream);

/// The writing direction of a connection; made by [`TcpStream::split`].
///
/// Dropping it ends nothing; see [`shutdown`](Self::shutdown).
#[derive(Debug)]
pub struct WriteHalf<'a>(&'a TcpStream);

pub(super) fn split(stream: &mut TcpStream) -> (ReadHalf<'_>, WriteHalf<'_>) {
    (ReadHalf(stream), WriteHalf(stream))
}

impl ReadHalf<'_> {
    /// As [`TcpStream::read`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn read<B: IoBufMut>(&self, buf: B) -> Submit<Recv<B>> {
        self.0.read(buf)
    }

    /// As [`TcpStream::readv`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn readv<B: IoVectoredBufMut>(&self, bufs: B) -> Submit<RecvVectored<B>> {
        self.0.readv(bufs)
    }

    /// As [`TcpStream::recv`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn recv(&self) -> Submit<RecvPooled> {
        self.0.recv()
    }

    /// As [`TcpStream::recv_stream`].
    pub fn recv_stream(&self) -> RecvStream<'_> {
        self.0.recv_stream()
    }

    /// As [`TcpStream::peek`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn peek<B: IoBufMut>(&self, buf: B) -> Submit<Peek<B>> {
        self.0.peek(buf)
    }

    /// As [`TcpStream::readable`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn readable(&self) -> Submit<Readable> {
        self.0.readable()
    }

    /// As [`TcpStream::peer_addr`].
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }

    /// As [`TcpStream::local_addr`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl WriteHalf<'_> {
    /// As [`TcpStream::write`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn write<B: IoBuf>(&self, buf: B) -> Submit<Send<B>> {
        self.0.write(buf)
    }

    /// As [`TcpStream::writev`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn writev<B: IoVectoredBuf>(&self, bufs: B) -> Submit<SendVectored<B>> {
        self.0.writev(bufs)
    }

    /// As [`TcpStream::write_all`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn write_all<B: IoBuf>(&self, buf: B) -> Submit<SendAll<B>> {
        self.0.write_all(buf)
    }

    /// As [`TcpStream::write_vectored_all`].
    pub async fn write_vectored_all<B: IoVectoredBuf>(&self, bufs: B) -> BufResult<(), B> {
        self.0.write_vectored_all(bufs).await
    }

    /// Ends the writing direction, as [`TcpStream::shutdown`] does.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn shutdown(&self) -> Submit<op::Shutdown> {
        self.0.shutdown(Shutdown::Write)
    }

    /// As [`TcpStream::writable`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn writable(&self) -> Submit<Writable> {
        self.0.writable()
    }

    /// As [`TcpStream::peer_addr`].
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }

    /// As [`TcpStream::local_addr`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl AsRef<TcpStream> for ReadHalf<'_> {
    fn as_ref(&self) -> &TcpStream {
        self.0
    }
}

impl AsRef<TcpStream> for WriteHalf<'_> {
    fn as_ref(&self) -> &TcpStream {
        self.0
    }
}
