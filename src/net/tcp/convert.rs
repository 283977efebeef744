//! From and to descriptors and the sockets of std.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use super::{TcpListener, TcpSocket, TcpStream};
use crate::driver::{FromSharedFd, SharedFd, Spliceable};
use crate::net::{IntoStdError, into_std};
use crate::sys::socket_options::{self, Domain, Kind};

/// Takes a socket of another maker into this thread's loop.
pub(super) fn adopt(fd: OwnedFd) -> io::Result<SharedFd> {
    let linger = socket_options::linger(fd.as_fd())?;
    let shared = SharedFd::adopt_std(fd)?;
    shared.set_lingers(linger.is_some_and(|time| !time.is_zero()));
    Ok(shared)
}

/// Whether the descriptor is a TCP socket, listening or not.
fn check(fd: BorrowedFd<'_>, listens: bool) -> io::Result<()> {
    let is_tcp = socket_options::kind(fd)? == Kind::Stream
        && matches!(socket_options::domain(fd)?, Domain::Ipv4 | Domain::Ipv6);
    let wrong = match (is_tcp, socket_options::is_listening(fd)?) {
        (false, _) => "is no TCP socket",
        (true, false) if listens => "is a TCP socket that does not listen",
        (true, true) if !listens => "is a TCP socket that listens",
        (true, _) => return Ok(()),
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("the descriptor {wrong}")))
}

impl TryFrom<OwnedFd> for TcpListener {
    type Error = io::Error;

    /// Takes a descriptor into this thread's loop.
    ///
    /// # Errors
    ///
    /// When it is no TCP socket that listens, and outside a loop; the descriptor is closed.
    fn try_from(fd: OwnedFd) -> io::Result<Self> {
        check(fd.as_fd(), true)?;
        adopt(fd).map(TcpListener::new)
    }
}

impl TryFrom<OwnedFd> for TcpStream {
    type Error = io::Error;

    /// Takes a descriptor into this thread's loop.
    ///
    /// # Errors
    ///
    /// When it is no TCP socket, or one that listens, and outside a loop; the descriptor is
    /// closed.
    fn try_from(fd: OwnedFd) -> io::Result<Self> {
        check(fd.as_fd(), false)?;
        adopt(fd).map(TcpStream::from_shared_fd)
    }
}

impl TryFrom<OwnedFd> for TcpSocket {
    type Error = io::Error;

    /// Takes a descriptor into this thread's loop.
    ///
    /// # Errors
    ///
    /// When it is no TCP socket, or one that listens, and outside a loop; the descriptor is
    /// closed.
    fn try_from(fd: OwnedFd) -> io::Result<Self> {
        check(fd.as_fd(), false)?;
        adopt(fd).map(TcpSocket::new)
    }
}

impl TryFrom<std::net::TcpListener> for TcpListener {
    type Error = io::Error;

    /// As [`TcpListener::from_std`].
    fn try_from(listener: std::net::TcpListener) -> io::Result<Self> {
        TcpListener::from_std(listener)
    }
}

impl TryFrom<std::net::TcpStream> for TcpStream {
    type Error = io::Error;

    /// As [`TcpStream::from_std`].
    fn try_from(stream: std::net::TcpStream) -> io::Result<Self> {
        TcpStream::from_std(stream)
    }
}

impl TryFrom<TcpListener> for std::net::TcpListener {
    type Error = IntoStdError<TcpListener>;

    /// As [`TcpListener::into_std`].
    fn try_from(listener: TcpListener) -> Result<Self, Self::Error> {
        listener.into_std()
    }
}

impl TryFrom<TcpStream> for std::net::TcpStream {
    type Error = IntoStdError<TcpStream>;

    /// As [`TcpStream::into_std`].
    fn try_from(stream: TcpStream) -> Result<Self, Self::Error> {
        stream.into_std()
    }
}

impl TryFrom<TcpListener> for OwnedFd {
    type Error = IntoStdError<TcpListener>;

    /// As [`TcpListener::into_std`].
    fn try_from(listener: TcpListener) -> Result<Self, Self::Error> {
        listener.into_std().map(Into::into)
    }
}

impl TryFrom<TcpStream> for OwnedFd {
    type Error = IntoStdError<TcpStream>;

    /// As [`TcpStream::into_std`].
    fn try_from(stream: TcpStream) -> Result<Self, Self::Error> {
        stream.into_std().map(Into::into)
    }
}

impl TryFrom<TcpSocket> for OwnedFd {
    type Error = IntoStdError<TcpSocket>;

    /// Takes the socket out of the loop.
    ///
    /// # Errors
    ///
    /// The socket itself, on another thread than the loop's.
    fn try_from(socket: TcpSocket) -> Result<Self, Self::Error> {
        into_std::take_out(socket.into_shared(), TcpSocket::new)
    }
}

macro_rules! as_fd {
    ($($type:ty),*) => {$(
        impl AsFd for $type {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.shared().as_fd()
            }
        }

        impl AsRawFd for $type {
            fn as_raw_fd(&self) -> RawFd {
                self.shared().as_raw_fd()
            }
        }
    )*};
}

as_fd!(TcpListener, TcpSocket, TcpStream);

impl Spliceable for TcpStream {
    fn shared_fd(&self) -> &SharedFd {
        self.shared()
    }
}
