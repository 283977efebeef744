//! The calls on sockets that are made outside the ring, because they cannot wait.
//!
//! Sockets are made *blocking*, as std makes them. The ring waits for a socket inside the op
//! whatever the flag says, so it only matters to who takes the socket out of this crate again.
//! None of these calls can be interrupted, so none retries.

#![expect(unsafe_code, reason = "the socket calls of libc")]

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd};

use super::address::SocketAddress;
use super::owned::Owned;

/// Makes a TCP socket for IPv4 or IPv6, closed on exec.
///
/// # Errors
///
/// `EMFILE` and `ENFILE` for want of descriptors, `EAFNOSUPPORT` if the family is off.
pub(crate) fn tcp_socket(v6: bool) -> io::Result<Owned> {
    socket(v6, libc::SOCK_STREAM)
}

/// Makes a UDP socket for IPv4 or IPv6, closed on exec.
///
/// # Errors
///
/// As for [`tcp_socket`].
pub(crate) fn udp_socket(v6: bool) -> io::Result<Owned> {
    socket(v6, libc::SOCK_DGRAM)
}

/// Gives the socket an address of its own; port 0 takes any free one.
///
/// # Errors
///
/// `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES` for a port below 1024, `EINVAL` if it has one.
pub(crate) fn bind(socket: BorrowedFd<'_>, address: SocketAddr) -> io::Result<()> {
    #[cfg(feature = "sim")]
    if let Some(answer) = super::sim::bind(socket, address) {
        return answer;
    }
    let address = SocketAddress::from(address);
    // SAFETY: `address` lends `len` readable bytes for the time of the call.
    check(unsafe { libc::bind(socket.as_raw_fd(), address.as_ptr(), address.len()) })
}

/// Lets peers connect; `backlog` of them may wait to be accepted, and no more than the sysctl
/// `net.core.somaxconn` says.
///
/// # Errors
///
/// `EADDRINUSE` if another socket listens there, `EOPNOTSUPP` if the kind of socket cannot.
pub(crate) fn listen(socket: BorrowedFd<'_>, backlog: u32) -> io::Result<()> {
    let backlog = libc::c_int::try_from(backlog).unwrap_or(libc::c_int::MAX);
    #[cfg(feature = "sim")]
    if let Some(answer) = super::sim::listen(socket, backlog) {
        return answer;
    }
    // SAFETY: the call takes integers and has no preconditions.
    check(unsafe { libc::listen(socket.as_raw_fd(), backlog) })
}

/// The address of this end.
///
/// # Errors
///
/// `InvalidData` if the socket is of another family than IPv4 and IPv6.
pub(crate) fn local_addr(socket: BorrowedFd<'_>) -> io::Result<SocketAddr> {
    #[cfg(feature = "sim")]
    if let Some(answer) = super::sim::local_addr(socket) {
        return answer;
    }
    let mut address = SocketAddress::empty();
    let (storage, len) = address.as_mut_ptrs();
    // SAFETY: `storage` has `len` writable bytes, and both outlive the call.
    check(unsafe { libc::getsockname(socket.as_raw_fd(), storage, len) })?;
    address.to_socket_addr()
}

/// The address of the other end.
///
/// # Errors
///
/// `ENOTCONN` if there is none, `InvalidData` as for [`local_addr`].
pub(crate) fn peer_addr(socket: BorrowedFd<'_>) -> io::Result<SocketAddr> {
    #[cfg(feature = "sim")]
    if let Some(answer) = super::sim::peer_addr(socket) {
        return answer;
    }
    let mut address = SocketAddress::empty();
    let (storage, len) = address.as_mut_ptrs();
    // SAFETY: `storage` has `len` writable bytes, and both outlive the call.
    check(unsafe { libc::getpeername(socket.as_raw_fd(), storage, len) })?;
    address.to_socket_addr()
}

/// Ends one or both directions: reads see the end of the stream, writes `EPIPE`.
///
/// # Errors
///
/// `ENOTCONN` if the socket is not connected.
pub(crate) fn shutdown(socket: BorrowedFd<'_>, how: Shutdown) -> io::Result<()> {
    let how = match how {
        Shutdown::Read => libc::SHUT_RD,
        Shutdown::Write => libc::SHUT_WR,
        Shutdown::Both => libc::SHUT_RDWR,
    };
    #[cfg(feature = "sim")]
    if let Some(answer) = super::sim::shutdown(socket, how) {
        return answer;
    }
    // SAFETY: the call takes integers and has no preconditions.
    check(unsafe { libc::shutdown(socket.as_raw_fd(), how) })
}

fn socket(v6: bool, kind: libc::c_int) -> io::Result<Owned> {
    let family = if v6 { libc::AF_INET6 } else { libc::AF_INET };
    #[cfg(feature = "sim")]
    if let Some(answer) = super::sim::socket(family, kind) {
        return answer.map(Owned::from);
    }
    // SAFETY: the call takes integers and has no preconditions.
    let fd = unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, 0) };
    check(fd)?;
    // SAFETY: the call succeeded, so this is a fresh descriptor that nobody else owns.
    Ok(unsafe { Owned::from_raw_fd(fd) })
}

fn check(answer: libc::c_int) -> io::Result<()> {
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::fd::AsFd;

    use io_uring::{IoUring, opcode, types};

    use super::*;
    use crate::sys::disown;

    fn loopback() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    fn listener() -> Owned {
        let listener = tcp_socket(false).unwrap();
        bind(listener.as_fd(), loopback()).unwrap();
        listen(listener.as_fd(), 16).unwrap();
        listener
    }

    fn descriptor_flags(socket: &Owned, command: libc::c_int) -> libc::c_int {
        // SAFETY: F_GETFD and F_GETFL take no argument.
        unsafe { libc::fcntl(socket.as_raw_fd(), command) }
    }

    #[test]
    fn a_new_socket_blocks_and_is_closed_on_exec() {
        for socket in [tcp_socket(false).unwrap(), udp_socket(false).unwrap()] {
            assert_eq!(descriptor_flags(&socket, libc::F_GETFD), libc::FD_CLOEXEC);
            assert_eq!(descriptor_flags(&socket, libc::F_GETFL) & libc::O_NONBLOCK, 0);
        }
    }

    #[test]
    fn a_listener_is_reached_at_its_local_address() {
        let listener = listener();
        let address = local_addr(listener.as_fd()).unwrap();
        assert_ne!(address.port(), 0);
        let mut client = TcpStream::connect(address).unwrap();
        let (mut served, peer) = TcpListener::from(disown(listener)).accept().unwrap();
        assert_eq!(local_addr(client.as_fd()).unwrap(), peer);
        assert_eq!(peer_addr(client.as_fd()).unwrap(), address);
        assert_eq!(peer_addr(served.as_fd()).unwrap(), peer);

        client.write_all(b"ring").unwrap();
        shutdown(client.as_fd(), Shutdown::Write).unwrap();
        let mut text = String::new();
        served.read_to_string(&mut text).expect("the end of the stream");
        assert_eq!(text, "ring");
        shutdown(served.as_fd(), Shutdown::Both).unwrap();
    }

    #[test]
    fn an_ipv6_socket_has_an_ipv6_address() {
        let Ok(socket) = tcp_socket(true) else { return eprintln!("skipped: IPv6 is off") };
        let loopback: SocketAddr = "[::1]:0".parse().unwrap();
        match bind(socket.as_fd(), loopback) {
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                return eprintln!("skipped: there is no IPv6 loopback");
            }
            bound => bound.unwrap(),
        }
        assert_eq!(local_addr(socket.as_fd()).unwrap().ip(), loopback.ip());
    }

    #[test]
    fn an_address_in_use_is_an_error() {
        let first = listener();
        let second = tcp_socket(false).unwrap();
        let error = bind(second.as_fd(), local_addr(first.as_fd()).unwrap()).expect_err("in use");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn a_socket_without_a_peer_says_so() {
        let socket = tcp_socket(false).unwrap();
        let error = peer_addr(socket.as_fd()).expect_err("no peer");
        assert_eq!(error.kind(), io::ErrorKind::NotConnected);
        let error = shutdown(socket.as_fd(), Shutdown::Both).expect_err("no peer");
        assert_eq!(error.kind(), io::ErrorKind::NotConnected);
    }

    #[test]
    fn datagrams_reach_a_bound_udp_socket() {
        let socket = udp_socket(false).unwrap();
        bind(socket.as_fd(), loopback()).unwrap();
        let socket = UdpSocket::from(disown(socket));
        let address = local_addr(socket.as_fd()).unwrap();
        UdpSocket::bind(loopback()).unwrap().send_to(b"ring", address).unwrap();
        let mut bytes = [0; 8];
        assert_eq!(socket.recv(&mut bytes).unwrap(), 4);
    }

    #[test]
    fn listening_on_a_udp_socket_is_refused() {
        let socket = udp_socket(false).unwrap();
        let error = listen(socket.as_fd(), 1).expect_err("no such thing");
        assert_eq!(error.raw_os_error(), Some(libc::EOPNOTSUPP));
    }

    #[test]
    fn the_ring_waits_for_a_nonblocking_socket_too() {
        let receiver = UdpSocket::bind(loopback()).unwrap();
        receiver.set_nonblocking(true).unwrap();
        let mut ring = IoUring::new(4).unwrap();
        let mut bytes = [0_u8; 8];
        let fd = types::Fd(receiver.as_raw_fd());
        let recv = opcode::Recv::new(fd, bytes.as_mut_ptr(), 8).build();
        // SAFETY: `bytes` outlives the op, whose completion is awaited below.
        unsafe { ring.submission().push(&recv) }.unwrap();
        ring.submit().unwrap();
        assert!(ring.completion().is_empty(), "EAGAIN would be here already");
        let sender = UdpSocket::bind(loopback()).unwrap();
        sender.send_to(b"ring", receiver.local_addr().unwrap()).unwrap();
        ring.submit_and_wait(1).unwrap();
        assert_eq!(ring.completion().next().expect("a completion").result(), 4);
    }
}
