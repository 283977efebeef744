//! A TCP connection.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use super::RecvStream;
use crate::buf::{BufResult, IoBuf, IoBufMut, IoVectoredBuf, IoVectoredBufMut};
use crate::driver::{SharedFd, Submit};
use crate::op::{
    self, Connect, Interest, Peek, Poll, Recv, RecvPooled, RecvVectored, Send, SendVectored,
};
use crate::sys::{socket, tcp_options};

/// A TCP connection.
#[derive(Debug)]
pub struct TcpStream {
    fd: SharedFd,
}

impl TcpStream {
    /// Connects to an address.
    pub fn connect_addr(address: SocketAddr) -> io::Result<Submit<Connect<TcpStream>>> {
        let fd = SharedFd::adopt(socket::tcp_socket(address.is_ipv6())?)?;
        Ok(op::connect(fd, address))
    }

    /// Reads bytes that have arrived, waiting for the first.
    pub fn read<B: IoBufMut>(&self, buf: B) -> Submit<Recv<B>> {
        op::recv(&self.fd, buf)
    }

    /// Reads bytes that have arrived into a buffer of the loop's pool, waiting for the first.
    ///
    /// While it waits, no buffer is held for it: the way to have many idle connections. An empty
    /// result is the end of the stream.
    pub fn recv(&self) -> Submit<RecvPooled> {
        op::recv_pooled(&self.fd)
    }

    /// What arrives, as a stream of pooled buffers: one operation for all of it.
    pub fn recv_stream(&self) -> RecvStream<'_> {
        RecvStream::new(&self.fd)
    }

    /// Reads into several buffers.
    pub fn readv<B: IoVectoredBufMut>(&self, bufs: B) -> Submit<RecvVectored<B>> {
        op::recv_vectored(&self.fd, bufs)
    }

    /// Copies what the next read would give.
    pub fn peek<B: IoBufMut>(&self, buf: B) -> Submit<Peek<B>> {
        op::peek(&self.fd, buf)
    }

    /// Writes a buffer, or the first part of it.
    pub fn write<B: IoBuf>(&self, buf: B) -> Submit<Send<B>> {
        op::send(&self.fd, buf)
    }

    /// Writes several buffers, or the first part of them.
    pub fn writev<B: IoVectoredBuf>(&self, bufs: B) -> Submit<SendVectored<B>> {
        op::send_vectored(&self.fd, bufs)
    }

    /// Writes a whole buffer.
    pub async fn write_all<B: IoBuf>(&self, buf: B) -> BufResult<(), B> {
        let (mut buf, mut begin) = (buf, 0);
        while begin < buf.init_len() {
            let BufResult(sent, back) = op::send_rest(&self.fd, buf, begin).await;
            buf = back;
            match sent {
                Ok(0) => return BufResult(Err(io::ErrorKind::WriteZero.into()), buf),
                Ok(count) => begin += count,
                Err(error) => return BufResult(Err(error), buf),
            }
        }
        BufResult(Ok(()), buf)
    }

    /// Shuts a direction down.
    pub fn shutdown(&self, how: Shutdown) -> Submit<op::Shutdown> {
        op::shutdown(&self.fd, how)
    }

    /// Closes the connection and says how that went.
    pub async fn close(self) -> io::Result<()> {
        op::close(self.fd).await
    }

    /// Waits until there is something to read, without lending a buffer meanwhile.
    pub fn readable(&self) -> Submit<Poll> {
        op::poll(&self.fd, Interest::Readable)
    }

    /// Waits until there is room to write.
    pub fn writable(&self) -> Submit<Poll> {
        op::poll(&self.fd, Interest::Writable)
    }

    /// The other end's address.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        socket::peer_addr(self.as_fd())
    }

    /// This end's address.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        socket::local_addr(self.as_fd())
    }

    /// Sends small writes at once.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        tcp_options::set_nodelay(self.as_fd(), on)
    }
}

impl From<SharedFd> for TcpStream {
    fn from(fd: SharedFd) -> Self {
        TcpStream { fd }
    }
}

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for TcpStream {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
