//! The two directions of a connection, each for a task of its own.

use std::error::Error;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsFd;
use std::{fmt, io};

use super::TcpStream;
use crate::buf::{BufResult, IoBuf, IoBufMut, IoVectoredBuf, IoVectoredBufMut};
use crate::driver::{FromSharedFd, Submit};
use crate::net::RecvStream;
use crate::op::{
    self, Peek, Readable, Recv, RecvPooled, RecvVectored, Send, SendAll, SendVectored, Writable,
};
use crate::sys::socket;

/// The reading direction of a connection; made by [`TcpStream::into_split`].
///
/// The connection is closed when both halves have been dropped.
#[derive(Debug)]
pub struct OwnedReadHalf {
    stream: TcpStream,
}

/// The writing direction of a connection; made by [`TcpStream::into_split`].
///
/// Dropping it ends the direction: the peer reads the end of the stream behind what was written,
/// and the other half reads on. A write that is in flight then fails, so await it first.
/// [`forget`](Self::forget) drops it without that.
///
/// ```
/// # use annulus::net::{TcpListener, TcpStream};
/// # annulus::run(async {
/// # let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let stream = TcpStream::connect(listener.local_addr()?).await?;
/// let (peer, _) = listener.accept().await?;
/// let (reader, writer) = stream.into_split();
/// drop(writer);
/// let (n, _buf) = peer.read(vec![0; 8]).await.into_result()?;
/// assert_eq!(n, 0);
/// peer.write_all("still read").await.into_result()?;
/// let (n, _buf) = reader.read(vec![0; 16]).await.into_result()?;
/// assert_eq!(n, 10);
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Debug)]
pub struct OwnedWriteHalf {
    /// Empty once the half has been reunited or forgotten.
    stream: Option<TcpStream>,
}

/// Two halves that are not of the same connection, given back.
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

pub(super) fn split(stream: TcpStream) -> (OwnedReadHalf, OwnedWriteHalf) {
    let shared = stream.shared().clone_here().unwrap_or_else(|error| panic!("{error}"));
    let writer = OwnedWriteHalf { stream: Some(TcpStream::from_shared_fd(shared)) };
    (OwnedReadHalf { stream }, writer)
}

fn reunite(reader: OwnedReadHalf, mut writer: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
    if reader.stream.shared() != writer.stream().shared() {
        return Err(ReuniteError(reader, writer));
    }
    drop(writer.stream.take());
    Ok(reader.stream)
}

impl OwnedReadHalf {
    /// Puts the two halves of a connection together again.
    ///
    /// # Errors
    ///
    /// The halves, when they are of two connections.
    pub fn reunite(self, writer: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        reunite(self, writer)
    }

    /// As [`TcpStream::read`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn read<B: IoBufMut>(&self, buf: B) -> Submit<Recv<B>> {
        self.stream.read(buf)
    }

    /// As [`TcpStream::readv`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn readv<B: IoVectoredBufMut>(&self, bufs: B) -> Submit<RecvVectored<B>> {
        self.stream.readv(bufs)
    }

    /// As [`TcpStream::recv`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn recv(&self) -> Submit<RecvPooled> {
        self.stream.recv()
    }

    /// As [`TcpStream::recv_stream`].
    pub fn recv_stream(&self) -> RecvStream<'_> {
        self.stream.recv_stream()
    }

    /// As [`TcpStream::peek`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn peek<B: IoBufMut>(&self, buf: B) -> Submit<Peek<B>> {
        self.stream.peek(buf)
    }

    /// As [`TcpStream::readable`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn readable(&self) -> Submit<Readable> {
        self.stream.readable()
    }

    /// As [`TcpStream::peer_addr`].
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }

    /// As [`TcpStream::local_addr`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }
}

impl OwnedWriteHalf {
    fn stream(&self) -> &TcpStream {
        self.stream.as_ref().expect("a half is used before it is reunited or forgotten")
    }

    /// Puts the two halves of a connection together again.
    ///
    /// # Errors
    ///
    /// The halves, when they are of two connections.
    pub fn reunite(self, reader: OwnedReadHalf) -> Result<TcpStream, ReuniteError> {
        reunite(reader, self)
    }

    /// Drops the half and leaves the direction as it is: the peer does not read its end before
    /// the other half is dropped.
    pub fn forget(mut self) {
        drop(self.stream.take());
    }

    /// As [`TcpStream::write`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn write<B: IoBuf>(&self, buf: B) -> Submit<Send<B>> {
        self.stream().write(buf)
    }

    /// As [`TcpStream::writev`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn writev<B: IoVectoredBuf>(&self, bufs: B) -> Submit<SendVectored<B>> {
        self.stream().writev(bufs)
    }

    /// As [`TcpStream::write_all`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn write_all<B: IoBuf>(&self, buf: B) -> Submit<SendAll<B>> {
        self.stream().write_all(buf)
    }

    /// As [`TcpStream::write_vectored_all`].
    pub async fn write_vectored_all<B: IoVectoredBuf>(&self, bufs: B) -> BufResult<(), B> {
        self.stream().write_vectored_all(bufs).await
    }

    /// Ends the writing direction, as [`TcpStream::shutdown`] does and as dropping the half would.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn shutdown(&self) -> Submit<op::Shutdown> {
        self.stream().shutdown(Shutdown::Write)
    }

    /// As [`TcpStream::writable`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn writable(&self) -> Submit<Writable> {
        self.stream().writable()
    }

    /// As [`TcpStream::peer_addr`].
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream().peer_addr()
    }

    /// As [`TcpStream::local_addr`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stream().local_addr()
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        let stream = self.stream.as_ref().filter(|stream| !stream.shared().is_forked());
        if let Some(stream) = stream {
            // A connection that has ended has nothing to end any more.
            let _ended = socket::shutdown(stream.as_fd(), Shutdown::Write);
        }
    }
}

impl AsRef<TcpStream> for OwnedReadHalf {
    fn as_ref(&self) -> &TcpStream {
        &self.stream
    }
}

impl AsRef<TcpStream> for OwnedWriteHalf {
    fn as_ref(&self) -> &TcpStream {
        self.stream()
    }
}

impl fmt::Debug for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReuniteError").field(&self.0).field(&self.1).finish()
    }
}

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the two halves are not of the same connection")
    }
}

impl Error for ReuniteError {}
