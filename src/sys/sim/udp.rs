//! UDP sockets: what bind, connect, send and receive do with them.
//!
//! A socket holds the datagrams that have arrived, as many as its receive buffer has room for; the
//! others are dropped. What an errno waits for here is what the network has answered (`datagrams`).

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use super::attempt::Tried;
use super::buffers::Selected;
use super::codes;
use super::connect::{loopback, unspecified};
use super::files::{FileId, Kind, POLLERR, POLLIN, POLLOUT, POLLRDHUP};
use super::machine::Machine;
use super::memory::{self, Memory};
use super::ops::{OpId, Payload, Pieces};
use super::{Fault, HostId, address};

/// What a datagram takes of a receive buffer besides its bytes.
const OVERHEAD: usize = 768;
/// The receive buffer that a socket has by default, as `net.core.rmem_default`.
const BUFFER: i32 = 212_992;
/// The longest datagrams, over IPv4 and over IPv6.
const LONGEST: [usize; 2] = [65_507, 65_527];

/// What a UDP socket is.
#[derive(Debug)]
pub(super) struct Udp {
    pub(super) is_v6: bool,
    /// What it was bound to.
    pub(super) bound: Option<SocketAddr>,
    /// Whether that port was the kernel's choice.
    pub(super) is_port_chosen: bool,
    /// As `bound`, and with an address of its own while it is connected.
    pub(super) local: Option<SocketAddr>,
    pub(super) peer: Option<SocketAddr>,
    /// An error that is said once.
    pub(super) error: i32,
    pub(super) groups: Vec<IpAddr>,
    arrived: VecDeque<Arrived>,
    /// What those take of the buffer.
    held: usize,
    reads_no_more: bool,
    writes_no_more: bool,
}

#[derive(Debug)]
struct Arrived {
    bytes: Rc<[u8]>,
    from: SocketAddr,
}

impl Udp {
    pub(super) fn new(is_v6: bool) -> Udp {
        Udp {
            is_v6,
            bound: None,
            is_port_chosen: false,
            local: None,
            peer: None,
            error: 0,
            groups: Vec::new(),
            arrived: VecDeque::new(),
            held: 0,
            reads_no_more: false,
            writes_no_more: false,
        }
    }

    pub(super) fn events(&self) -> u32 {
        let mut events = POLLOUT;
        if !self.arrived.is_empty() {
            events |= POLLIN;
        }
        if self.reads_no_more {
            events |= POLLIN | POLLRDHUP;
        }
        if self.error != 0 {
            events |= POLLERR;
        }
        events
    }

    /// Takes a datagram in; whether there was room for it.
    pub(super) fn take_in(&mut self, bytes: Rc<[u8]>, from: SocketAddr, buffer: usize) -> bool {
        if self.held > buffer {
            return false;
        }
        self.held += bytes.len() + OVERHEAD;
        self.arrived.push_back(Arrived { bytes, from });
        true
    }

    /// The oldest datagram, which stays if it is only looked at.
    fn next(&mut self, leave: bool) -> Option<(Rc<[u8]>, SocketAddr)> {
        let next = self.arrived.front().map(|next| (Rc::clone(&next.bytes), next.from))?;
        if !leave {
            self.arrived.pop_front();
            self.held -= next.0.len() + OVERHEAD;
        }
        Some(next)
    }
}

impl Machine {
    pub(super) fn is_udp(&self, file: Option<FileId>) -> bool {
        let kind = file.and_then(|file| self.files.get(file)).map(|file| &file.kind);
        matches!(kind, Some(Kind::Udp(_)))
    }

    /// How much a socket holds before it drops what comes.
    pub(super) fn receive_buffer(&self, file: FileId) -> usize {
        let options = self.files.get(file).map(|file| &file.options);
        let set = options.and_then(|options| options.get(&(libc::SOL_SOCKET, libc::SO_RCVBUF)));
        let size = set.map_or(BUFFER, |[size, _]| *size) as usize;
        match self.faults.get(Fault::SmallWindow) {
            0 => size,
            bytes => size.min(bytes as usize),
        }
    }

    pub(super) fn recv_datagram(&mut self, id: OpId) -> Tried {
        let Some(op) = self.ops.get(id) else { return Tried::Later };
        let (opcode, ring, group) = (op.sqe.opcode, op.ring, op.sqe.buf_index);
        let takes_flags = matches!(opcode, codes::RECV | codes::RECVMSG);
        let flags = if takes_flags { op.sqe.op_flags as i32 } else { 0 };
        let (header, asked) = (op.sqe.addr, op.sqe.len as usize);
        let (selects, many) = (op.has_flag(codes::BUFFER_SELECT), op.is_multishot());
        let Some(file) = op.file else { return Tried::error(libc::EBADF) };
        let pieces = if selects { Pieces::Many(Vec::new()) } else { op.pieces() };
        let selected = if selects { self.next_buffer(ring, group) } else { None };
        if selects && selected.is_none() {
            return Tried::error(libc::ENOBUFS);
        }
        let Some(udp) = self.files.udp(file) else { return Tried::error(libc::ENOTSOCK) };
        if udp.error != 0 {
            return Tried::error(std::mem::take(&mut udp.error));
        }
        let Some((bytes, from)) = udp.next(flags & libc::MSG_PEEK != 0) else {
            return match udp.reads_no_more {
                // Only a worker, which waits in the kernel, is told of the end: a stream of datagrams
                // does not go to one, and a buffer is taken there before it is known what for.
                true if many => Tried::Wait(POLLIN),
                true => Tried::Done(0, self.take_selected(ring, group, selected)),
                false if flags & libc::MSG_DONTWAIT != 0 => Tried::error(libc::EAGAIN),
                false => Tried::Wait(POLLIN),
            };
        };
        let pieces = match &selected {
            Some(selected) if asked == 0 => Pieces::One([selected.memory]),
            Some(Selected { memory, .. }) => {
                Pieces::One([Memory::new(memory.addr, memory.len.min(asked))])
            }
            None => pieces,
        };
        let count = bytes.len().min(memory::total(&pieces));
        memory::scatter(&pieces, 0, &bytes[..count]);
        if opcode == codes::RECVMSG {
            write_header(header, from, count < bytes.len());
        }
        // An empty datagram uses no buffer.
        let used = selected.filter(|_| count > 0);
        let cqe_flags = self.take_selected(ring, group, used);
        let res = if flags & libc::MSG_TRUNC != 0 { bytes.len() } else { count } as i32;
        if many { Tried::Item(res, cqe_flags) } else { Tried::Done(res, cqe_flags) }
    }

    /// Takes the buffer that was chosen, if one was; what the completion says of it.
    fn take_selected(&mut self, ring: usize, group: u16, selected: Option<Selected>) -> u32 {
        let Some(selected) = selected else { return 0 };
        self.take_buffer(ring, group);
        codes::F_BUFFER | u32::from(selected.id) << 16
    }

    pub(super) fn send_datagram(&mut self, id: OpId) -> Tried {
        let Some(op) = self.ops.get(id) else { return Tried::Later };
        let (target, pieces) = (op.target, op.pieces());
        let Some(file) = op.file else { return Tried::error(libc::EBADF) };
        match self.send_from(file, target, &pieces) {
            Ok(count) => Tried::count(count),
            Err(errno) => Tried::error(errno),
        }
    }

    fn send_from(
        &mut self,
        file: FileId,
        target: Option<SocketAddr>,
        pieces: &[Memory],
    ) -> Result<usize, i32> {
        let len = memory::total(pieces);
        let host = self.files.get(file).ok_or(libc::EBADF)?.host;
        let udp = self.files.udp(file).ok_or(libc::ENOTSOCK)?;
        if len > 0xffff {
            return Err(libc::EMSGSIZE);
        }
        let target = target.or(udp.peer).ok_or(libc::EDESTADDRREQ)?;
        if target.is_ipv6() != udp.is_v6 {
            return Err(libc::EAFNOSUPPORT);
        }
        if target.port() == 0 {
            return Err(libc::EINVAL);
        }
        if udp.writes_no_more {
            return Err(libc::EPIPE);
        }
        if len > LONGEST[usize::from(udp.is_v6)] {
            return Err(libc::EMSGSIZE);
        }
        self.give_address(file)?;
        self.check_broadcast(file, target.ip())?;
        let udp = self.files.udp(file).ok_or(libc::ENOTSOCK)?;
        if udp.error != 0 {
            return Err(std::mem::take(&mut udp.error));
        }
        let from = self.source_of(file, host, target);
        let mut bytes = Vec::with_capacity(len);
        memory::gather(pieces, 0, len, &mut bytes);
        self.send_packet_to(host, file, from, target, bytes.into())?;
        Ok(len)
    }

    /// Whether the socket may send to everybody, if that is what the address means.
    fn check_broadcast(&self, file: FileId, ip: IpAddr) -> Result<(), i32> {
        let options = self.files.get(file).map(|file| &file.options);
        let key = (libc::SOL_SOCKET, libc::SO_BROADCAST);
        let may = options.and_then(|options| options.get(&key)).is_some_and(|set| set[0] != 0);
        if is_broadcast(ip) && !may { Err(libc::EACCES) } else { Ok(()) }
    }

    /// Where what a socket sends comes from.
    fn source_of(&mut self, file: FileId, host: HostId, target: SocketAddr) -> SocketAddr {
        let local = self.files.udp(file).and_then(|udp| udp.local);
        let is_v6 = target.is_ipv6();
        let local = local.unwrap_or(SocketAddr::new(unspecified(is_v6), 0));
        if !local.ip().is_unspecified() {
            return local;
        }
        let (ip, level) = (target.ip(), (libc::IPPROTO_IP, libc::IP_MULTICAST_IF));
        let through = self.files.get(file).and_then(|file| file.options.get(&level).copied());
        let through = through.map(|[ip, _]| IpAddr::from(ip.to_ne_bytes()));
        let own = match through {
            Some(through) if ip.is_multicast() && !through.is_unspecified() => through,
            _ if ip.is_loopback() || ip.is_unspecified() => loopback(is_v6),
            _ => self.hosts[host.index()].ip,
        };
        SocketAddr::new(own, local.port())
    }

    /// A socket that has no address gets one.
    fn give_address(&mut self, file: FileId) -> Result<(), i32> {
        let udp = self.files.udp(file).ok_or(libc::ENOTSOCK)?;
        let at = udp.local.unwrap_or(SocketAddr::new(unspecified(udp.is_v6), 0));
        if at.port() == 0 { self.bind_datagram(file, at) } else { Ok(()) }
    }

    /// `bind(2)`.
    pub(super) fn bind_datagram(&mut self, file: FileId, mut at: SocketAddr) -> Result<(), i32> {
        let host = self.files.get(file).ok_or(libc::EBADF)?.host;
        let udp = self.files.udp(file).ok_or(libc::ENOTSOCK)?;
        if udp.bound.is_some() {
            return Err(libc::EINVAL);
        }
        if udp.is_v6 != at.is_ipv6() {
            return Err(libc::EAFNOSUPPORT);
        }
        let is_own = self.hosts[host.index()].has(at.ip());
        if !is_own && !at.ip().is_multicast() && !is_broadcast(at.ip()) {
            return Err(libc::EADDRNOTAVAIL);
        }
        let is_port_chosen = at.port() == 0;
        if is_port_chosen {
            at.set_port(self.hosts[host.index()].free_port());
        } else if self.is_taken(host, file, at) {
            return Err(libc::EADDRINUSE);
        }
        self.hosts[host.index()].datagrams.push((at, file));
        if let Some(udp) = self.files.udp(file) {
            (udp.bound, udp.local, udp.is_port_chosen) = (Some(at), Some(at), is_port_chosen);
        }
        Ok(())
    }

    /// Whether another socket has an address and does not share it.
    fn is_taken(&self, host: HostId, file: FileId, at: SocketAddr) -> bool {
        let shares =
            |name: i32, other: FileId| self.has_option(file, name) && self.has_option(other, name);
        self.hosts[host.index()].datagrams.iter().any(|(bound, other)| {
            super::connect::collide(*bound, at)
                && !shares(libc::SO_REUSEADDR, *other)
                && !shares(libc::SO_REUSEPORT, *other)
        })
    }

    /// Says whom a socket talks to; to an address of no family, that it is nobody.
    pub(super) fn connect_datagram(&mut self, id: OpId) -> Tried {
        let Some(op) = self.ops.get(id) else { return Tried::Later };
        let address = match op.payload {
            Payload::Address(address) => Some(address),
            _ => None,
        };
        let Some(file) = op.file else { return Tried::error(libc::EBADF) };
        let done = match address {
            Some(address) => self.connect_to(file, address),
            None => self.disconnect(file),
        };
        done.map_or_else(Tried::error, |()| Tried::Done(0, 0))
    }

    fn connect_to(&mut self, file: FileId, target: SocketAddr) -> Result<(), i32> {
        let host = self.files.get(file).ok_or(libc::EBADF)?.host;
        let udp = self.files.udp(file).ok_or(libc::ENOTSOCK)?;
        if udp.is_v6 != target.is_ipv6() {
            return Err(libc::EAFNOSUPPORT);
        }
        self.give_address(file)?;
        let is_group = target.ip().is_multicast() || is_broadcast(target.ip());
        if !is_group && self.route(host, target.ip()).is_none() {
            return Err(libc::ENETUNREACH);
        }
        self.check_broadcast(file, target.ip())?;
        let target = match target.ip().is_unspecified() {
            true => SocketAddr::new(loopback(target.is_ipv6()), target.port()),
            false => target,
        };
        let local = self.source_of(file, host, target);
        if let Some(udp) = self.files.udp(file) {
            (udp.peer, udp.local) = (Some(target), Some(local));
        }
        Ok(())
    }

    fn disconnect(&mut self, file: FileId) -> Result<(), i32> {
        let udp = self.files.udp(file).ok_or(libc::ENOTSOCK)?;
        (udp.peer, udp.local) = (None, udp.bound);
        if udp.is_port_chosen {
            // The address stays, if one was asked for.
            let rest = udp.bound.map(|bound| SocketAddr::new(bound.ip(), 0));
            (udp.bound, udp.local, udp.is_port_chosen) = (None, rest, false);
            self.unbind(file);
        }
        Ok(())
    }

    /// `setsockopt(2)` of a group.
    pub(super) fn set_membership(
        &mut self,
        file: FileId,
        group: IpAddr,
        joins: bool,
    ) -> Result<(), i32> {
        let udp = self.files.udp(file).ok_or(libc::ENOTSOCK)?;
        let place = udp.groups.iter().position(|known| *known == group);
        match place {
            _ if !group.is_multicast() => Err(libc::EINVAL),
            Some(_) if joins => Err(libc::EADDRINUSE),
            None if !joins => Err(libc::EADDRNOTAVAIL),
            Some(place) => {
                udp.groups.remove(place);
                Ok(())
            }
            None => {
                udp.groups.push(group);
                Ok(())
            }
        }
    }

    /// `shutdown(2)`.
    pub(super) fn shut_down_datagram(&mut self, file: FileId, how: i32) -> Result<(), i32> {
        let udp = self.files.udp(file).ok_or(libc::ENOTSOCK)?;
        if udp.peer.is_none() {
            return Err(libc::ENOTCONN);
        }
        udp.reads_no_more |= matches!(how, libc::SHUT_RD | libc::SHUT_RDWR);
        udp.writes_no_more |= matches!(how, libc::SHUT_WR | libc::SHUT_RDWR);
        self.wake_file(file, POLLIN | POLLOUT);
        Ok(())
    }
}

/// Whether an address means everybody on a network.
pub(super) fn is_broadcast(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(ip) if matches!(ip.octets(), [10 | 127 | 255, 255, 255, 255]))
}

/// Writes into a message's header what the kernel says there of what it has received.
fn write_header(addr: u64, from: SocketAddr, is_cut: bool) {
    let place = Memory::new(addr, size_of::<libc::msghdr>());
    let mut header: libc::msghdr = place.read_as();
    let name_len = addr + std::mem::offset_of!(libc::msghdr, msg_namelen) as u64;
    address::write(header.msg_name as u64, name_len, from);
    header.msg_namelen = Memory::new(name_len, size_of::<libc::socklen_t>()).read_as();
    header.msg_controllen = 0;
    header.msg_flags = if is_cut { libc::MSG_TRUNC } else { 0 };
    place.write_as(header);
}
