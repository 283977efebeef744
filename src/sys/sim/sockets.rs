//! The calls on sockets and event counters that are made outside the ring.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{OwnedFd, RawFd};

use super::attempt::Tried;
use super::files::{FileId, Kind};
use super::machine::Machine;
use super::ops::OpId;
use super::tcp::{State, Tcp};
use super::udp::Udp;

impl Machine {
    /// `socket(2)`.
    pub(super) fn socket(&mut self, family: i32, kind: i32) -> io::Result<OwnedFd> {
        self.look_around();
        if !matches!(family, libc::AF_INET | libc::AF_INET6) {
            return Err(io::Error::from_raw_os_error(libc::EAFNOSUPPORT));
        }
        let is_v6 = family == libc::AF_INET6;
        match kind & 0xf {
            libc::SOCK_STREAM => self.open_new(Kind::Tcp(Box::new(Tcp::new(is_v6)))),
            libc::SOCK_DGRAM => self.open_new(Kind::Udp(Box::new(Udp::new(is_v6)))),
            _ => Err(io::Error::from_raw_os_error(libc::EPROTONOSUPPORT)),
        }
    }

    pub(super) fn try_socket(&mut self, id: OpId) -> Tried {
        let Some(op) = self.ops.get(id) else { return Tried::Later };
        let (family, kind) = (op.sqe.fd, op.sqe.off as i32);
        match self.socket(family, kind) {
            Ok(number) => Tried::Done(std::os::fd::IntoRawFd::into_raw_fd(number), 0),
            Err(error) => Tried::error(error.raw_os_error().unwrap_or(libc::EIO)),
        }
    }

    /// `eventfd(2)`.
    pub(super) fn eventfd(&mut self) -> io::Result<OwnedFd> {
        self.look_around();
        let file = self.files.insert(self.current, Kind::Event(0));
        // The loop's own descriptor: a fault here would only fail the set-up.
        let faults = std::mem::replace(&mut self.faults, super::Faults::none());
        let opened = self.open(file);
        self.faults = faults;
        opened
    }

    /// The file that a number of the simulator's names; `None` if it is not the simulator's.
    pub(super) fn file_of(&mut self, number: RawFd) -> Option<FileId> {
        self.look_around();
        self.files.find(number)
    }

    /// `getsockname(2)`.
    pub(super) fn local_addr(&mut self, file: FileId) -> Result<SocketAddr, i32> {
        let (is_v6, local) = match self.files.udp(file) {
            Some(udp) => (udp.is_v6, udp.local),
            None => {
                let tcp = self.files.tcp(file).ok_or(libc::ENOTSOCK)?;
                (tcp.is_v6, tcp.local)
            }
        };
        Ok(local.unwrap_or(SocketAddr::new(super::connect::unspecified(is_v6), 0)))
    }

    /// `getpeername(2)`.
    pub(super) fn peer_addr(&mut self, file: FileId) -> Result<SocketAddr, i32> {
        if let Some(udp) = self.files.udp(file) {
            return udp.peer.ok_or(libc::ENOTCONN);
        }
        let tcp = self.files.tcp(file).ok_or(libc::ENOTSOCK)?;
        let (peer, state) = (tcp.peer, &tcp.state);
        let State::Connected(connection, side) = *state else { return Err(libc::ENOTCONN) };
        let was_reset = self.connections.get(connection).is_none_or(|c| c.ways[side].is_reset);
        if was_reset { Err(libc::ENOTCONN) } else { peer.ok_or(libc::ENOTCONN) }
    }

    /// `getsockopt(2)`, of options of one or two integers.
    pub(super) fn option(&mut self, file: FileId, level: i32, name: i32) -> Result<[i32; 2], i32> {
        let (is_v6, kind, listens, error) =
            match self.files.get_mut(file).map(|file| &mut file.kind) {
                Some(Kind::Tcp(tcp)) => {
                    let listens = matches!(tcp.state, State::Listening { .. });
                    (tcp.is_v6, libc::SOCK_STREAM, listens, &mut tcp.error)
                }
                Some(Kind::Udp(udp)) => (udp.is_v6, libc::SOCK_DGRAM, false, &mut udp.error),
                _ => return Err(libc::ENOTSOCK),
            };
        match (level, name) {
            (libc::SOL_SOCKET, libc::SO_DOMAIN) => {
                return Ok([if is_v6 { libc::AF_INET6 } else { libc::AF_INET }, 0]);
            }
            (libc::SOL_SOCKET, libc::SO_TYPE) => return Ok([kind, 0]),
            (libc::SOL_SOCKET, libc::SO_ACCEPTCONN) => return Ok([i32::from(listens), 0]),
            (libc::SOL_SOCKET, libc::SO_ERROR) => return Ok([std::mem::take(error), 0]),
            _ => {}
        }
        let set = self.files.get(file).and_then(|file| file.options.get(&(level, name)).copied());
        let is_datagram = kind == libc::SOCK_DGRAM;
        Ok(set.unwrap_or_else(|| default_option(level, name, is_datagram)))
    }

    /// `setsockopt(2)`, of options of one or two integers.
    pub(super) fn set_option(
        &mut self,
        file: FileId,
        level: i32,
        name: i32,
        value: [i32; 2],
    ) -> Result<(), i32> {
        if self.files.tcp(file).is_none() && self.files.udp(file).is_none() {
            return Err(libc::ENOTSOCK);
        }
        let [first, second] = value;
        let value = match (level, name) {
            (libc::SOL_SOCKET, libc::SO_SNDBUF | libc::SO_RCVBUF) => {
                [first.saturating_mul(2).clamp(4608, 425_984), 0]
            }
            (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS)
                if !(1..=255).contains(&first) =>
            {
                return Err(libc::EINVAL);
            }
            (libc::IPPROTO_IP, libc::IP_MULTICAST_TTL)
            | (libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS)
                if !(0..=255).contains(&first) =>
            {
                return Err(libc::EINVAL);
            }
            (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE | libc::TCP_KEEPINTVL)
                if !(1..=32_767).contains(&first) =>
            {
                return Err(libc::EINVAL);
            }
            (libc::IPPROTO_TCP, libc::TCP_KEEPCNT) if !(1..=127).contains(&first) => {
                return Err(libc::EINVAL);
            }
            _ => [first, second],
        };
        if let Some(file) = self.files.get_mut(file) {
            file.options.insert((level, name), value);
        }
        Ok(())
    }
}

/// What an option is before it is set.
fn default_option(level: i32, name: i32, is_datagram: bool) -> [i32; 2] {
    let value = match (level, name) {
        (libc::SOL_SOCKET, libc::SO_SNDBUF | libc::SO_RCVBUF) if is_datagram => 212_992,
        (libc::SOL_SOCKET, libc::SO_SNDBUF) => 16_384,
        (libc::SOL_SOCKET, libc::SO_RCVBUF) => 131_072,
        (libc::SOL_SOCKET, libc::SO_INCOMING_CPU) => -1,
        (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS) => 64,
        (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE) => 7_200,
        (libc::IPPROTO_TCP, libc::TCP_KEEPINTVL) => 75,
        (libc::IPPROTO_TCP, libc::TCP_KEEPCNT) => 9,
        (libc::IPPROTO_TCP, libc::TCP_QUICKACK) => 1,
        (libc::IPPROTO_IP, libc::IP_MULTICAST_LOOP | libc::IP_MULTICAST_TTL)
        | (libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_LOOP | libc::IPV6_MULTICAST_HOPS) => 1,
        _ => 0,
    };
    [value, 0]
}
