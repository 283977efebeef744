//! A TCP socket that accepts connections.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use super::{Incoming, TcpStream};
use crate::driver::{SharedFd, Submit};
use crate::op::{self, Accept};
use crate::sys::{socket, socket_options};

/// How many connections wait to be accepted, at most; the kernel cuts it to `net.core.somaxconn`.
const BACKLOG: u32 = 4096;

/// A TCP socket that accepts connections.
#[derive(Debug)]
pub struct TcpListener {
    fd: SharedFd,
}

impl TcpListener {
    /// Listens at an address, with `SO_REUSEADDR`.
    pub fn bind_addr(address: SocketAddr) -> io::Result<TcpListener> {
        let fd = socket::tcp_socket(address.is_ipv6())?;
        socket_options::set_reuse_addr(fd.as_fd(), true)?;
        socket::bind(fd.as_fd(), address)?;
        socket::listen(fd.as_fd(), BACKLOG)?;
        Ok(TcpListener { fd: SharedFd::adopt(fd)? })
    }

    /// Accepts a connection.
    pub fn accept(&self) -> Submit<Accept<TcpStream>> {
        op::accept(&self.fd)
    }

    /// The connections as a stream: one operation for all of them.
    pub fn incoming(&self) -> Incoming {
        Incoming::new(&self.fd)
    }

    /// The address that the socket listens at.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        socket::local_addr(self.as_fd())
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for TcpListener {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl TryFrom<OwnedFd> for TcpListener {
    type Error = io::Error;

    fn try_from(fd: OwnedFd) -> io::Result<Self> {
        Ok(TcpListener { fd: SharedFd::adopt(fd)? })
    }
}
