//! The options of sockets of every kind, each read and written by a function of its name.

use std::ffi::c_int;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::option::{get, get_bool, get_u32, set, set_bool, set_u32, whole_seconds};

/// The address family of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Domain {
    Ipv4,
    Ipv6,
    Unix,
    Other(c_int),
}

/// What a socket carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Stream,
    Datagram,
    SeqPacket,
    Other(c_int),
}

/// The family the socket was made for.
pub(crate) fn domain(socket: BorrowedFd<'_>) -> io::Result<Domain> {
    Ok(match get(socket, libc::SOL_SOCKET, libc::SO_DOMAIN)? {
        libc::AF_INET => Domain::Ipv4,
        libc::AF_INET6 => Domain::Ipv6,
        libc::AF_UNIX => Domain::Unix,
        other => Domain::Other(other),
    })
}

/// What the socket carries.
pub(crate) fn kind(socket: BorrowedFd<'_>) -> io::Result<Kind> {
    Ok(match get(socket, libc::SOL_SOCKET, libc::SO_TYPE)? {
        libc::SOCK_STREAM => Kind::Stream,
        libc::SOCK_DGRAM => Kind::Datagram,
        libc::SOCK_SEQPACKET => Kind::SeqPacket,
        other => Kind::Other(other),
    })
}

/// Whether the socket listens.
pub(crate) fn is_listening(socket: BorrowedFd<'_>) -> io::Result<bool> {
    get_bool(socket, libc::SOL_SOCKET, libc::SO_ACCEPTCONN)
}

/// Takes the error that waits on the socket, if one does; it is reported once.
pub(crate) fn take_error(socket: BorrowedFd<'_>) -> io::Result<Option<io::Error>> {
    let errno: c_int = get(socket, libc::SOL_SOCKET, libc::SO_ERROR)?;
    Ok((errno != 0).then(|| io::Error::from_raw_os_error(errno)))
}

/// Whether an address that old connections still linger on can be bound.
pub(crate) fn reuse_addr(socket: BorrowedFd<'_>) -> io::Result<bool> {
    get_bool(socket, libc::SOL_SOCKET, libc::SO_REUSEADDR)
}

pub(crate) fn set_reuse_addr(socket: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    set_bool(socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, on)
}

/// Whether several sockets may listen at one address and share its connections.
pub(crate) fn reuse_port(socket: BorrowedFd<'_>) -> io::Result<bool> {
    get_bool(socket, libc::SOL_SOCKET, libc::SO_REUSEPORT)
}

pub(crate) fn set_reuse_port(socket: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    set_bool(socket, libc::SOL_SOCKET, libc::SO_REUSEPORT, on)
}

/// Whether a silent peer is asked if it is still there.
pub(crate) fn keepalive(socket: BorrowedFd<'_>) -> io::Result<bool> {
    get_bool(socket, libc::SOL_SOCKET, libc::SO_KEEPALIVE)
}

pub(crate) fn set_keepalive(socket: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    set_bool(socket, libc::SOL_SOCKET, libc::SO_KEEPALIVE, on)
}

/// How many routers a packet may pass.
pub(crate) fn ttl(socket: BorrowedFd<'_>) -> io::Result<u32> {
    match domain(socket)? {
        Domain::Ipv6 => get_u32(socket, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS),
        _ => get_u32(socket, libc::IPPROTO_IP, libc::IP_TTL),
    }
}

/// Sets it; `EINVAL` unless it is 1 to 255. An IPv6 socket takes it for IPv4 packets as well.
pub(crate) fn set_ttl(socket: BorrowedFd<'_>, ttl: u32) -> io::Result<()> {
    set_u32(socket, libc::IPPROTO_IP, libc::IP_TTL, ttl)?;
    match domain(socket)? {
        Domain::Ipv6 => set_u32(socket, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, ttl),
        _ => Ok(()),
    }
}

/// Whether an IPv6 socket refuses IPv4.
pub(crate) fn only_v6(socket: BorrowedFd<'_>) -> io::Result<bool> {
    get_bool(socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY)
}

pub(crate) fn set_only_v6(socket: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    set_bool(socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, on)
}

/// How long closing tries to send what is unsent; `None` leaves that to the background.
pub(crate) fn linger(socket: BorrowedFd<'_>) -> io::Result<Option<Duration>> {
    let linger: libc::linger = get(socket, libc::SOL_SOCKET, libc::SO_LINGER)?;
    let seconds = u64::try_from(linger.l_linger).unwrap_or(0);
    Ok((linger.l_onoff != 0).then(|| Duration::from_secs(seconds)))
}

/// Sets it in whole seconds, rounded up. Zero resets the connection when it is closed.
pub(crate) fn set_linger(socket: BorrowedFd<'_>, linger: Option<Duration>) -> io::Result<()> {
    let linger = libc::linger {
        l_onoff: c_int::from(linger.is_some()),
        l_linger: linger.map_or(0, whole_seconds),
    };
    set(socket, libc::SOL_SOCKET, libc::SO_LINGER, linger)
}

/// The bytes that may wait to be sent, in the kernel's accounting: twice what was asked for.
pub(crate) fn send_buffer_size(socket: BorrowedFd<'_>) -> io::Result<u32> {
    get_u32(socket, libc::SOL_SOCKET, libc::SO_SNDBUF)
}

/// Sets it, up to `net.core.wmem_max`; the kernel no longer adapts it to the connection then.
pub(crate) fn set_send_buffer_size(socket: BorrowedFd<'_>, bytes: u32) -> io::Result<()> {
    set_u32(socket, libc::SOL_SOCKET, libc::SO_SNDBUF, bytes)
}

/// The bytes that may wait to be received, in the kernel's accounting: twice what was asked for.
pub(crate) fn recv_buffer_size(socket: BorrowedFd<'_>) -> io::Result<u32> {
    get_u32(socket, libc::SOL_SOCKET, libc::SO_RCVBUF)
}

/// Sets it, up to `net.core.rmem_max`; the kernel no longer adapts it to the connection then.
pub(crate) fn set_recv_buffer_size(socket: BorrowedFd<'_>, bytes: u32) -> io::Result<()> {
    set_u32(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, bytes)
}

/// The processor that took in the socket's last packet; `None` before there was one.
pub(crate) fn incoming_cpu(socket: BorrowedFd<'_>) -> io::Result<Option<u32>> {
    let cpu: c_int = get(socket, libc::SOL_SOCKET, libc::SO_INCOMING_CPU)?;
    Ok(u32::try_from(cpu).ok())
}

/// Of the listeners that share a port, prefers this one for packets taken in by `cpu`.
pub(crate) fn set_incoming_cpu(socket: BorrowedFd<'_>, cpu: u32) -> io::Result<()> {
    set_u32(socket, libc::SOL_SOCKET, libc::SO_INCOMING_CPU, cpu)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::sys::socket::{tcp_socket, udp_socket};

    fn socket() -> OwnedFd {
        crate::sys::disown(tcp_socket(false).unwrap())
    }

    type Get<T> = fn(BorrowedFd<'_>) -> io::Result<T>;
    type Set<T> = fn(BorrowedFd<'_>, T) -> io::Result<()>;

    #[test]
    fn switches_turn_on_and_off() {
        let switches: [(Get<bool>, Set<bool>); 3] = [
            (reuse_addr, set_reuse_addr),
            (reuse_port, set_reuse_port),
            (keepalive, set_keepalive),
        ];
        let socket = socket();
        for (number, (get, set)) in switches.into_iter().enumerate() {
            for on in [true, false, true] {
                set(socket.as_fd(), on).unwrap();
                assert_eq!(get(socket.as_fd()).unwrap(), on, "switch {number}");
            }
        }
    }

    #[test]
    fn lingering_is_off_or_a_time_or_a_reset() {
        let socket = socket();
        let socket = socket.as_fd();
        assert_eq!(linger(socket).unwrap(), None);
        for time in [Some(Duration::from_secs(5)), Some(Duration::ZERO), None] {
            set_linger(socket, time).unwrap();
            assert_eq!(linger(socket).unwrap(), time);
        }
        set_linger(socket, Some(Duration::from_millis(1))).unwrap();
        assert_eq!(linger(socket).unwrap(), Some(Duration::from_secs(1)));
    }

    #[test]
    fn buffers_are_at_least_as_large_as_asked() {
        let socket = socket();
        let socket = socket.as_fd();
        set_send_buffer_size(socket, 10_000).unwrap();
        set_recv_buffer_size(socket, 20_000).unwrap();
        assert_eq!(send_buffer_size(socket).unwrap(), 20_000);
        assert_eq!(recv_buffer_size(socket).unwrap(), 40_000);
    }

    #[test]
    fn a_ttl_is_kept_for_both_families() {
        for v6 in [false, true] {
            let Ok(socket) = udp_socket(v6) else { continue };
            set_ttl(socket.as_fd(), 9).unwrap();
            assert_eq!(ttl(socket.as_fd()).unwrap(), 9, "v6: {v6}");
            let error = set_ttl(socket.as_fd(), 256).expect_err("too many");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn only_an_ipv6_socket_can_refuse_ipv4() {
        let Ok(v6) = tcp_socket(true) else { return eprintln!("skipped: IPv6 is off") };
        for on in [true, false] {
            set_only_v6(v6.as_fd(), on).unwrap();
            assert_eq!(only_v6(v6.as_fd()).unwrap(), on);
        }
        assert!(set_only_v6(socket().as_fd(), true).is_err());
    }

    #[test]
    fn a_socket_tells_its_domain_and_kind() {
        let (unix, _other) = UnixStream::pair().unwrap();
        assert_eq!(domain(unix.as_fd()).unwrap(), Domain::Unix);
        assert_eq!(domain(socket().as_fd()).unwrap(), Domain::Ipv4);
        assert_eq!(kind(socket().as_fd()).unwrap(), Kind::Stream);
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(kind(udp.as_fd()).unwrap(), Kind::Datagram);
        if let Ok(v6) = tcp_socket(true) {
            assert_eq!(domain(v6.as_fd()).unwrap(), Domain::Ipv6);
        }
        let file = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(kind(file.as_fd()).unwrap_err().raw_os_error(), Some(libc::ENOTSOCK));
    }

    #[test]
    fn a_socket_that_received_knows_the_processor() {
        assert_eq!(incoming_cpu(socket().as_fd()).unwrap(), None);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut served, _) = listener.accept().unwrap();
        client.write_all(b"x").unwrap();
        served.read_exact(&mut [0]).unwrap();
        assert!(incoming_cpu(served.as_fd()).unwrap().is_some());
        set_incoming_cpu(listener.as_fd(), 1).unwrap();
        assert_eq!(incoming_cpu(listener.as_fd()).unwrap(), Some(1));
    }

    #[test]
    fn a_listener_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(is_listening(listener.as_fd()).unwrap());
        assert!(!is_listening(socket().as_fd()).unwrap());
    }
}
