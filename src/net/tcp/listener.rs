//! A TCP socket that accepts connections.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use super::{Incoming, TcpSocket, TcpStream, convert};
use crate::driver::{SharedFd, Submit};
use crate::net::lookup::try_each;
use crate::net::{IntoStdError, ToSocketAddrs, into_std};
use crate::op::{self, Accept};
use crate::sys::{socket, socket_options};

/// How many connections wait to be accepted, at most; the kernel cuts it to `net.core.somaxconn`,
/// which is 4096 since 5.4.
const BACKLOG: u32 = 4096;

/// A TCP socket that accepts connections.
///
/// Any number of tasks may await [`accept`](Self::accept) at the same time, through a shared
/// reference or through handles made by [`try_clone`](Self::try_clone). Dropping the last handle
/// ends the accepts that are in flight, closes the socket, and with it the connections that nobody
/// has accepted.
///
/// ```
/// use annulus::net::{TcpListener, TcpStream};
///
/// # fn main() -> std::io::Result<()> {
/// annulus::run(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let address = listener.local_addr()?;
///     let server = annulus::spawn(async move {
///         let (stream, _peer) = listener.accept().await?;
///         stream.write_all("hello").await.into_result()?;
///         std::io::Result::Ok(())
///     });
///     let client = TcpStream::connect(address).await?;
///     let (n, buf) = client.read(Vec::with_capacity(16)).await.into_result()?;
///     assert_eq!(&buf[..n], b"hello");
///     server.await.unwrap()
/// })?
/// # }
/// ```
#[derive(Debug)]
pub struct TcpListener {
    fd: SharedFd,
}

impl TcpListener {
    /// Listens at an address, or at the first of several that it can.
    ///
    /// Port 0 takes any free one; [`local_addr`](Self::local_addr) says which. The socket has
    /// `SO_REUSEADDR`, so a server that starts again finds its port, and up to 4096 connections
    /// wait to be accepted. For other settings see [`TcpSocket`].
    ///
    /// # Errors
    ///
    /// What [`lookup_host`](crate::net::lookup_host) says; of the last address,
    /// [`AddrInUse`](io::ErrorKind::AddrInUse) when somebody else listens there,
    /// [`AddrNotAvailable`](io::ErrorKind::AddrNotAvailable) when it is none of this host's,
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied) for a port below 1024.
    ///
    /// # Cancellation
    ///
    /// Only the look-up of a name waits; see there.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<TcpListener> {
        try_each(address, async |address| TcpListener::bind_addr(address)).await
    }

    /// As [`bind`](Self::bind) at one literal address, without waiting for anything.
    ///
    /// # Errors
    ///
    /// As of [`bind`](Self::bind).
    pub fn bind_addr(address: SocketAddr) -> io::Result<TcpListener> {
        let socket = TcpSocket::new_for(address)?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    }

    pub(super) fn new(fd: SharedFd) -> Self {
        TcpListener { fd }
    }

    /// Accepts a connection: a stream, and the address of its peer. Since kernel 5.5.
    ///
    /// Connections that have failed before they are accepted are passed over.
    ///
    /// # Errors
    ///
    /// `EMFILE` and `ENFILE` (raw errors 24 and 23) when there is no descriptor for the connection.
    /// That is said at once, whether or not a connection waits, and the connection goes on waiting:
    /// who accepts in a loop must pause then, until connections have been closed, or it spins.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use annulus::net::{TcpListener, TcpStream};
    /// async fn accept(listener: &TcpListener) -> TcpStream {
    ///     loop {
    ///         match listener.accept().await {
    ///             Ok((stream, _peer)) => return stream,
    ///             Err(_) => annulus::time::sleep(Duration::from_millis(50)).await,
    ///         }
    ///     }
    /// }
    /// # annulus::run(async {
    /// #     let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// #     let _client = TcpStream::connect(listener.local_addr()?).await?;
    /// #     accept(&listener).await;
    /// #     std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    ///
    /// # Cancellation
    ///
    /// A connection that an accept which was given up has won all the same goes to another accept,
    /// one that waits already or the next. Connections are given in the order of their arrival.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn accept(&self) -> Submit<Accept<TcpStream>> {
        op::accept(&self.fd)
    }

    /// The connections as a stream: one operation for all of them. Since kernel 5.19.
    pub fn incoming(&self) -> Incoming {
        Incoming::new(&self.fd)
    }

    /// The address that the socket listens at.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        socket::local_addr(self.fd.as_fd())
    }

    /// The hop limit of packets (`IP_TTL`), which accepted connections inherit.
    pub fn ttl(&self) -> io::Result<u32> {
        socket_options::ttl(self.fd.as_fd())
    }

    /// Sets the hop limit, 1 to 255.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a number out of range.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        socket_options::set_ttl(self.fd.as_fd(), ttl)
    }

    /// Takes the error that waits on the socket, if one does.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        socket_options::take_error(self.fd.as_fd())
    }

    /// Another handle on the same socket of the same loop: what an accept that was given up has
    /// won goes to the accepts of any of them.
    ///
    /// # Errors
    ///
    /// On another thread than the loop's.
    pub fn try_clone(&self) -> io::Result<TcpListener> {
        self.fd.clone_here().map(TcpListener::new)
    }

    /// Closes the socket and says when it is closed.
    ///
    /// Accepts in flight end with an error, connections that nobody has accepted are closed. With
    /// another handle on the socket, only this one is dropped.
    ///
    /// # Errors
    ///
    /// What the kernel says of the close; the socket is closed all the same.
    ///
    /// # Cancellation
    ///
    /// The socket is closed in any case.
    pub async fn close(self) -> io::Result<()> {
        op::close(self.fd).await
    }

    /// Takes a listener of std into this thread's loop, blocking or not.
    ///
    /// # Errors
    ///
    /// Outside a loop; the listener is closed.
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<TcpListener> {
        convert::adopt(listener.into()).map(TcpListener::new)
    }

    /// Takes the listener out of the loop, as a blocking one unless it came as another.
    ///
    /// # Errors
    ///
    /// The listener itself, when an accept is in flight or an accepted connection is kept for the
    /// next one: see [`IntoStdError`].
    pub fn into_std(self) -> Result<std::net::TcpListener, IntoStdError<TcpListener>> {
        into_std::take_out(self.fd, TcpListener::new).map(Into::into)
    }

    pub(super) fn shared(&self) -> &SharedFd {
        &self.fd
    }
}
