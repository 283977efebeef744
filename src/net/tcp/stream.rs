//! A TCP connection.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;

use super::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, TcpSocket, WriteHalf, convert, split_owned};
use crate::buf::{BufResult, IoBuf, IoBufMut, IoVectoredBuf, IoVectoredBufMut};
use crate::driver::{FromSharedFd, SharedFd, Submit};
use crate::net::lookup::try_each;
use crate::net::{IntoStdError, RecvStream, ToSocketAddrs, into_std};
use crate::op::{
    self, Connect, Peek, Readable, Recv, RecvPooled, RecvVectored, Send, SendAll, SendVectored,
    SendZeroCopy, Writable,
};
use crate::sys::{socket, socket_options};
use crate::time;

/// A TCP connection.
///
/// Reading and writing take a shared reference, so both can go on at the same time; of each kind,
/// keep one in flight at a time, as the order of two is not known.
///
/// Dropping the stream closes the connection: the peer reads what was written and then the end
/// (or, when bytes that it had sent were not read, a reset). Operations in flight end with an
/// error then. [`close`](Self::close) also says when it is done.
///
/// ```
/// use annulus::net::{TcpListener, TcpStream};
///
/// # fn main() -> std::io::Result<()> {
/// annulus::run(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let client = TcpStream::connect(listener.local_addr()?).await?;
///     let (server, _peer) = listener.accept().await?;
///
///     client.write_all("ping").await.into_result()?;
///     let (n, buf) = server.read(Vec::with_capacity(64)).await.into_result()?;
///     assert_eq!(&buf[..n], b"ping");
///     client.close().await?;
///     let (n, _buf) = server.read(buf).await.into_result()?;
///     assert_eq!(n, 0);
///     Ok(())
/// })?
/// # }
/// ```
#[derive(Debug)]
pub struct TcpStream {
    fd: SharedFd,
}

impl TcpStream {
    /// Connects to an address, or to the first of several that answers.
    ///
    /// # Errors
    ///
    /// What [`lookup_host`](crate::net::lookup_host) says; of the last address, for instance
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused).
    ///
    /// # Cancellation
    ///
    /// A connection that is given up is closed, also if it was made in the same moment.
    pub async fn connect(address: impl ToSocketAddrs) -> io::Result<TcpStream> {
        try_each(address, async |address| TcpStream::connect_addr(address)?.await).await
    }

    /// As [`connect`](Self::connect), for at most `limit`: the look-up and all addresses together.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut) when it takes longer; else as
    /// [`connect`](Self::connect).
    pub async fn connect_timeout(
        address: impl ToSocketAddrs,
        limit: Duration,
    ) -> io::Result<TcpStream> {
        time::timeout(limit, TcpStream::connect(address)).await?
    }

    /// Connects to one literal address, by an operation of its own: with
    /// [`timeout`](Submit::timeout) and [`cancel`](Submit::cancel). Since kernel 5.5.
    ///
    /// # Errors
    ///
    /// At once, when there is no descriptor for a socket; else as [`connect`](Self::connect).
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn connect_addr(address: SocketAddr) -> io::Result<Submit<Connect<TcpStream>>> {
        Ok(TcpSocket::new_for(address)?.connect(address))
    }

    /// Reads bytes that have arrived into the front of `buf`, waiting for the first one, and says
    /// how many: zero at the end of the stream, and when `buf` has no room. Since kernel 5.6.
    ///
    /// # Errors
    ///
    /// [`ConnectionReset`](io::ErrorKind::ConnectionReset) and its like, once; after that the
    /// stream is at its end.
    ///
    /// # Cancellation
    ///
    /// Bytes that arrive for a read that was given up go to the next read. The buffer is freed, or
    /// given back by [`cancel`](Submit::cancel).
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn read<B: IoBufMut>(&self, buf: B) -> Submit<Recv<B>> {
        op::recv(&self.fd, buf)
    }

    /// As [`read`](Self::read), into several buffers, each filled before the next. At most 1024 of
    /// them are used. Since kernel 5.3.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn readv<B: IoVectoredBufMut>(&self, bufs: B) -> Submit<RecvVectored<B>> {
        op::recv_vectored(&self.fd, bufs)
    }

    /// As [`read`](Self::read), into a buffer of the loop's pool. Since kernel 5.19.
    ///
    /// While it waits, no buffer is held for it: the way to have many idle connections. An empty
    /// result is the end of the stream.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn recv(&self) -> Submit<RecvPooled> {
        op::recv_pooled(&self.fd)
    }

    /// What arrives, as a stream of pooled buffers: one operation for all of it. Since kernel 6.0.
    pub fn recv_stream(&self) -> RecvStream<'_> {
        RecvStream::new(&self.fd)
    }

    /// Copies bytes that the next read will give, waiting for the first one. Since kernel 5.6.
    ///
    /// It may give fewer than have arrived. Errors are as for [`read`](Self::read).
    ///
    /// # Cancellation
    ///
    /// Nothing is taken, so nothing can be lost.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn peek<B: IoBufMut>(&self, buf: B) -> Submit<Peek<B>> {
        op::peek(&self.fd, buf)
    }

    /// Writes the bytes of `buf`, or the first part of them, and says how many. Since kernel 5.6.
    ///
    /// # Errors
    ///
    /// [`BrokenPipe`](io::ErrorKind::BrokenPipe) when the connection has ended, and never a
    /// `SIGPIPE`; [`ConnectionReset`](io::ErrorKind::ConnectionReset), once.
    ///
    /// # Cancellation
    ///
    /// How much was written of a write that was given up is not known, unless by
    /// [`cancel`](Submit::cancel). What was, is the front of `buf`, and later writes follow it.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn write<B: IoBuf>(&self, buf: B) -> Submit<Send<B>> {
        op::send(&self.fd, buf)
    }

    /// As [`write`](Self::write), from several buffers in their order. At most 1024 of them are
    /// used. Since kernel 5.3.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn writev<B: IoVectoredBuf>(&self, bufs: B) -> Submit<SendVectored<B>> {
        op::send_vectored(&self.fd, bufs)
    }

    /// As [`write`](Self::write), without copying the bytes into the kernel: its network reads them
    /// from `buf` itself. Since kernel 6.0; before, they are copied.
    ///
    /// The buffer comes back when the kernel has let go of it, which takes until the peer has
    /// acknowledged the bytes. So have several of these in flight, one after another begun, where
    /// the rate matters. It pays for large buffers to a network device, from some 32 KiB up, and not
    /// on the loopback, where the kernel copies all the same. Buffers below 16 KiB are sent as by
    /// [`write`](Self::write), without waiting for the peer.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    ///
    /// # Cancellation
    ///
    /// As [`write`](Self::write); the buffer is freed when the kernel has let go of it, and writes
    /// that follow wait until then.
    ///
    /// ```
    /// # use annulus::net::{TcpListener, TcpStream};
    /// # annulus::run(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// # let reader = annulus::spawn(async move { peer.read(vec![0; 65536]).await.unwrap().0 });
    /// let page = bytes::Bytes::from(vec![7; 64 * 1024]);
    /// let (sent, page) = stream.send_zc(page).await.into_result()?;
    /// assert!(sent > 0 && page.len() == 64 * 1024);
    /// # assert!(reader.await.unwrap() > 0);
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn send_zc<B: IoBuf>(&self, buf: B) -> Submit<SendZeroCopy<B>> {
        op::send_zero_copy(&self.fd, buf)
    }

    /// Writes all the bytes of `buf`.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write); how much was written is not known then.
    ///
    /// # Cancellation
    ///
    /// As [`write`](Self::write).
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn write_all<B: IoBuf>(&self, buf: B) -> Submit<SendAll<B>> {
        op::send_all(&self.fd, buf)
    }

    /// Writes all the bytes of several buffers, however many they are.
    ///
    /// # Errors
    ///
    /// As [`write_all`](Self::write_all).
    ///
    /// # Cancellation
    ///
    /// As [`write`](Self::write).
    pub async fn write_vectored_all<B: IoVectoredBuf>(&self, bufs: B) -> BufResult<(), B> {
        let total = bufs.total_len();
        let (mut bufs, mut begin) = (bufs, 0);
        while begin < total {
            let BufResult(sent, back) = op::send_rest_vectored(&self.fd, bufs, begin).await;
            bufs = back;
            match sent {
                Ok(0) => return BufResult(Err(io::ErrorKind::WriteZero.into()), bufs),
                Ok(count) => begin += count,
                Err(error) => return BufResult(Err(error), bufs),
            }
        }
        BufResult(Ok(()), bufs)
    }

    /// Ends one or both directions, without closing: after `Write` the peer reads the end of the
    /// stream, after `Read` reads here do.
    ///
    /// It waits for no write that is in flight: await those first. Ending a direction again is no
    /// error, nor is ending one of a connection that the peer has reset.
    ///
    /// # Errors
    ///
    /// When the stream has been closed.
    ///
    /// # Cancellation
    ///
    /// Dropped before it was done, nothing has been ended.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn shutdown(&self, how: Shutdown) -> Submit<op::Shutdown> {
        op::shutdown(&self.fd, how)
    }

    /// Closes the connection and says when it is closed.
    ///
    /// Operations in flight end with an error; bytes that were kept for the next read are dropped.
    ///
    /// # Errors
    ///
    /// What the kernel says of the close; the connection is closed all the same.
    ///
    /// # Cancellation
    ///
    /// The connection is closed in any case.
    pub async fn close(self) -> io::Result<()> {
        op::close(self.fd).await
    }

    /// Waits until there is something to read, bytes, the end or an error, without lending a
    /// buffer meanwhile. Since kernel 5.1.
    ///
    /// What a read that was given up has left counts as well. Nothing is taken, so nothing is lost
    /// when it is dropped. It fails when the stream has been closed.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn readable(&self) -> Submit<Readable> {
        op::readable(&self.fd)
    }

    /// Waits until there is room to write, or an error. Since kernel 5.1. Otherwise as
    /// [`readable`](Self::readable).
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn writable(&self) -> Submit<Writable> {
        op::writable(&self.fd)
    }

    /// Lends the two directions apart, so that one task can do both at the same time.
    ///
    /// ```
    /// # use annulus::net::{TcpListener, TcpStream};
    /// # annulus::run(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let mut stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// # peer.write_all("pong").await.into_result()?;
    /// let (reader, writer) = stream.split();
    /// writer.write_all("ping").await.into_result()?;
    /// let (_n, buf) = reader.read(vec![0; 4]).await.into_result()?;
    /// assert_eq!(buf, b"pong");
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        super::split::split(self)
    }

    /// Takes the two directions apart, for two tasks. The halves are put together again by
    /// [`reunite`](OwnedReadHalf::reunite).
    ///
    /// # Panics
    ///
    /// On another thread than the loop's.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        split_owned::split(self)
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](io::ErrorKind::NotConnected) when the connection has ended.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        socket::peer_addr(self.fd.as_fd())
    }

    /// The address of this end.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        socket::local_addr(self.fd.as_fd())
    }

    /// Takes the error that waits on the connection, if one does.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        socket_options::take_error(self.fd.as_fd())
    }

    /// Takes a stream of std into this thread's loop, blocking or not.
    ///
    /// # Errors
    ///
    /// Outside a loop; the stream is closed.
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        convert::adopt(stream.into()).map(TcpStream::from_shared_fd)
    }

    /// Takes the stream out of the loop, as a blocking one unless it came as another.
    ///
    /// # Errors
    ///
    /// The stream itself, when an operation is in flight or bytes are kept for the next read: see
    /// [`IntoStdError`].
    pub fn into_std(self) -> Result<std::net::TcpStream, IntoStdError<TcpStream>> {
        into_std::take_out(self.fd, TcpStream::from_shared_fd).map(Into::into)
    }

    pub(super) fn shared(&self) -> &SharedFd {
        &self.fd
    }
}

impl FromSharedFd for TcpStream {
    fn from_shared_fd(fd: SharedFd) -> Self {
        TcpStream { fd }
    }
}
