//! A TCP socket before it listens or is connected.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use super::{TcpListener, TcpStream};
use crate::driver::{SharedFd, Submit};
use crate::op::{self, Connect};
use crate::sys::{socket, socket_options};

/// A TCP socket before it listens or is connected: the place for options.
///
/// What is set here is inherited by the listener's connections. Times are rounded up to whole
/// seconds where the kernel counts those.
///
/// ```
/// use annulus::net::TcpSocket;
///
/// # fn main() -> std::io::Result<()> {
/// annulus::run(async {
///     let socket = TcpSocket::new_v4()?;
///     socket.set_reuseport(true)?;
///     socket.set_nodelay(true)?;
///     socket.bind("127.0.0.1:0".parse().unwrap())?;
///     let listener = socket.listen(1024)?;
///
///     let client = TcpSocket::new_v4()?.connect(listener.local_addr()?).await?;
///     let (server, _peer) = listener.accept().await?;
///     assert!(server.nodelay()? && !client.nodelay()?);
///     Ok(())
/// })?
/// # }
/// ```
#[derive(Debug)]
pub struct TcpSocket {
    fd: SharedFd,
}

impl TcpSocket {
    /// A socket for IPv4.
    ///
    /// # Errors
    ///
    /// `EMFILE` and `ENFILE` for want of descriptors; outside a loop.
    pub fn new_v4() -> io::Result<TcpSocket> {
        SharedFd::adopt(socket::tcp_socket(false)?).map(TcpSocket::new)
    }

    /// A socket for IPv6, and for IPv4 unless [`set_only_v6`](Self::set_only_v6) says no.
    ///
    /// # Errors
    ///
    /// As for [`new_v4`](Self::new_v4); where IPv6 is off.
    pub fn new_v6() -> io::Result<TcpSocket> {
        SharedFd::adopt(socket::tcp_socket(true)?).map(TcpSocket::new)
    }

    /// A socket of the family of `address`.
    pub(super) fn new_for(address: SocketAddr) -> io::Result<TcpSocket> {
        if address.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }
    }

    pub(super) fn new(fd: SharedFd) -> Self {
        TcpSocket { fd }
    }

    /// Gives the socket an address of its own; port 0 takes any free one.
    ///
    /// # Errors
    ///
    /// [`AddrInUse`](io::ErrorKind::AddrInUse),
    /// [`AddrNotAvailable`](io::ErrorKind::AddrNotAvailable),
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied) for a port below 1024.
    pub fn bind(&self, address: SocketAddr) -> io::Result<()> {
        socket::bind(self.fd.as_fd(), address)
    }

    /// Lets peers connect. At most `backlog` connections wait to be accepted, and no more than the
    /// sysctl `net.core.somaxconn` says.
    ///
    /// # Errors
    ///
    /// [`AddrInUse`](io::ErrorKind::AddrInUse) when another socket listens at the address.
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        socket::listen(self.fd.as_fd(), backlog)?;
        Ok(TcpListener::new(self.fd))
    }

    /// Connects the socket. Since kernel 5.5.
    ///
    /// # Errors
    ///
    /// As for [`TcpStream::connect`].
    ///
    /// # Cancellation
    ///
    /// A connection that is given up is closed, also if it was made in the same moment.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn connect(self, address: SocketAddr) -> Submit<Connect<TcpStream>> {
        op::connect(self.fd, address)
    }

    /// The address that the socket is bound to.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        socket::local_addr(self.fd.as_fd())
    }

    /// Takes the error that waits on the socket, if one does.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        socket_options::take_error(self.fd.as_fd())
    }

    pub(super) fn shared(&self) -> &SharedFd {
        &self.fd
    }

    pub(super) fn into_shared(self) -> SharedFd {
        self.fd
    }
}
