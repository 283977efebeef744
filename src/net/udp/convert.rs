//! From and to descriptors and the sockets of std.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use super::UdpSocket;
use crate::driver::SharedFd;
use crate::net::IntoStdError;
use crate::sys::socket_options::{self, Domain, Kind};

impl TryFrom<OwnedFd> for UdpSocket {
    type Error = io::Error;

    /// Takes a descriptor into this thread's loop.
    ///
    /// # Errors
    ///
    /// When it is no UDP socket, and outside a loop; the descriptor is closed.
    fn try_from(fd: OwnedFd) -> io::Result<Self> {
        let is_udp = socket_options::kind(fd.as_fd())? == Kind::Datagram
            && matches!(socket_options::domain(fd.as_fd())?, Domain::Ipv4 | Domain::Ipv6);
        if !is_udp {
            let wrong = "the descriptor is no UDP socket";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, wrong));
        }
        SharedFd::adopt_std(fd).map(UdpSocket::new)
    }
}

impl TryFrom<std::net::UdpSocket> for UdpSocket {
    type Error = io::Error;

    /// As [`UdpSocket::from_std`].
    fn try_from(socket: std::net::UdpSocket) -> io::Result<Self> {
        UdpSocket::from_std(socket)
    }
}

impl TryFrom<UdpSocket> for std::net::UdpSocket {
    type Error = IntoStdError<UdpSocket>;

    /// As [`UdpSocket::into_std`].
    fn try_from(socket: UdpSocket) -> Result<Self, Self::Error> {
        socket.into_std()
    }
}

impl TryFrom<UdpSocket> for OwnedFd {
    type Error = IntoStdError<UdpSocket>;

    /// As [`UdpSocket::into_std`].
    fn try_from(socket: UdpSocket) -> Result<Self, Self::Error> {
        socket.into_std().map(Into::into)
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared().as_fd()
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.shared().as_raw_fd()
    }
}
