//! The options of TCP sockets, each read and written by a function of its name.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::option::{get_bool, get_seconds, get_u32, set_bool, set_seconds, set_u32};

/// Whether small writes go out at once instead of waiting for more (Nagle's algorithm off).
pub(crate) fn nodelay(socket: BorrowedFd<'_>) -> io::Result<bool> {
    get_bool(socket, libc::IPPROTO_TCP, libc::TCP_NODELAY)
}

pub(crate) fn set_nodelay(socket: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    set_bool(socket, libc::IPPROTO_TCP, libc::TCP_NODELAY, on)
}

/// Whether what arrives is acknowledged at once. The kernel takes it back by its own judgement.
pub(crate) fn quickack(socket: BorrowedFd<'_>) -> io::Result<bool> {
    get_bool(socket, libc::IPPROTO_TCP, libc::TCP_QUICKACK)
}

pub(crate) fn set_quickack(socket: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    set_bool(socket, libc::IPPROTO_TCP, libc::TCP_QUICKACK, on)
}

/// How many connections that carry data in their first packet may wait to be accepted; 0 is off.
pub(crate) fn tcp_fastopen(socket: BorrowedFd<'_>) -> io::Result<u32> {
    get_u32(socket, libc::IPPROTO_TCP, libc::TCP_FASTOPEN)
}

pub(crate) fn set_tcp_fastopen(socket: BorrowedFd<'_>, queue: u32) -> io::Result<()> {
    set_u32(socket, libc::IPPROTO_TCP, libc::TCP_FASTOPEN, queue)
}

/// How long a peer is silent before it is asked.
pub(crate) fn keepalive_idle(socket: BorrowedFd<'_>) -> io::Result<Duration> {
    get_seconds(socket, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE)
}

/// Sets it in whole seconds, rounded up; `EINVAL` unless it is 1 to 32767 of them.
pub(crate) fn set_keepalive_idle(socket: BorrowedFd<'_>, idle: Duration) -> io::Result<()> {
    set_seconds(socket, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, idle)
}

/// The time between one question to a silent peer and the next.
pub(crate) fn keepalive_interval(socket: BorrowedFd<'_>) -> io::Result<Duration> {
    get_seconds(socket, libc::IPPROTO_TCP, libc::TCP_KEEPINTVL)
}

/// Sets it in whole seconds, rounded up; `EINVAL` unless it is 1 to 32767 of them.
pub(crate) fn set_keepalive_interval(socket: BorrowedFd<'_>, time: Duration) -> io::Result<()> {
    set_seconds(socket, libc::IPPROTO_TCP, libc::TCP_KEEPINTVL, time)
}

/// How many questions a peer may leave unanswered.
pub(crate) fn keepalive_count(socket: BorrowedFd<'_>) -> io::Result<u32> {
    get_u32(socket, libc::IPPROTO_TCP, libc::TCP_KEEPCNT)
}

/// Sets it; `EINVAL` unless it is 1 to 127.
pub(crate) fn set_keepalive_count(socket: BorrowedFd<'_>, count: u32) -> io::Result<()> {
    set_u32(socket, libc::IPPROTO_TCP, libc::TCP_KEEPCNT, count)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::{AsFd, OwnedFd};

    use super::*;
    use crate::sys::socket::{tcp_socket, udp_socket};

    fn socket() -> OwnedFd {
        crate::sys::disown(tcp_socket(false).unwrap())
    }

    #[test]
    fn switches_turn_on_and_off() {
        let socket = socket();
        for on in [true, false, true] {
            set_nodelay(socket.as_fd(), on).unwrap();
            assert_eq!(nodelay(socket.as_fd()).unwrap(), on);
            set_quickack(socket.as_fd(), on).unwrap();
            assert_eq!(quickack(socket.as_fd()).unwrap(), on);
        }
        assert!(TcpStream::from(socket).nodelay().unwrap());
    }

    #[test]
    fn a_listener_keeps_its_queue_of_fast_opens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        set_tcp_fastopen(listener.as_fd(), 5).unwrap();
        assert_eq!(tcp_fastopen(listener.as_fd()).unwrap(), 5);
    }

    #[test]
    fn a_udp_socket_has_none_of_them() {
        assert!(set_nodelay(udp_socket(false).unwrap().as_fd(), true).is_err());
    }

    #[test]
    fn keepalive_times_are_whole_seconds_rounded_up() {
        let socket = socket();
        let socket = socket.as_fd();
        set_keepalive_idle(socket, Duration::from_millis(6_001)).unwrap();
        set_keepalive_interval(socket, Duration::from_millis(1)).unwrap();
        set_keepalive_count(socket, 3).unwrap();
        assert_eq!(keepalive_idle(socket).unwrap(), Duration::from_secs(7));
        assert_eq!(keepalive_interval(socket).unwrap(), Duration::from_secs(1));
        assert_eq!(keepalive_count(socket).unwrap(), 3);
        for time in [Duration::ZERO, Duration::MAX] {
            let error = set_keepalive_idle(socket, time).expect_err("out of range");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }
}
