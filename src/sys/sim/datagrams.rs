//! Datagrams on their way: each by itself, with the link's latency, and what becomes of it.
//!
//! A datagram may be lost, doubled or late (`Fault`), is lost on a link that is cut, at a host that is
//! down and at a full socket, and is refused where no socket has its address. A sender that is
//! connected hears of that.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use super::events::Due;
use super::files::{FileId, POLLERR, POLLIN, POLLOUT};
use super::machine::Machine;
use super::udp::is_broadcast;
use super::{Fault, HostId};

/// By how much more a datagram that is late comes later, on average.
const LATE_NS: u64 = 5_000_000;

/// One datagram for one host, or the answer that nobody receives it.
#[derive(Debug, Clone)]
struct Packet {
    from: SocketAddr,
    to: SocketAddr,
    /// Who has sent it.
    sender: (HostId, FileId),
    host: HostId,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Bytes(Rc<[u8]>),
    /// On its way back: nobody receives at `to`.
    Refusal,
}

/// What is on the wire, by number.
#[derive(Debug, Default)]
pub(super) struct Datagrams {
    wire: BTreeMap<u64, Packet>,
    sent: u64,
}

impl Machine {
    /// Sends bytes from a socket on their way.
    pub(super) fn send_packet_to(
        &mut self,
        here: HostId,
        file: FileId,
        from: SocketAddr,
        to: SocketAddr,
        bytes: Rc<[u8]>,
    ) -> Result<(), i32> {
        self.note("datagram", u64::from(from.port()), bytes.len() as i64);
        let (sender, what) = ((here, file), What::Bytes(bytes));
        if to.ip().is_multicast() || is_broadcast(to.ip()) {
            for host in self.hosts_reached(here, file, from.ip(), to.ip()) {
                self.cast(Packet { from, to, sender, host, what: what.clone() });
            }
            return Ok(());
        }
        let host = self.route(here, to.ip()).ok_or(libc::ENETUNREACH)?;
        let to = match to.ip().is_unspecified() {
            true => SocketAddr::new(super::connect::loopback(to.is_ipv6()), to.port()),
            false => to,
        };
        self.cast(Packet { from, to, sender, host, what });
        Ok(())
    }

    /// The hosts that hear what is sent to many.
    fn hosts_reached(&self, here: HostId, file: FileId, from: IpAddr, to: IpAddr) -> Vec<HostId> {
        let stays = from.is_loopback() || matches!(to, IpAddr::V4(ip) if ip.octets()[0] == 127);
        let (level, name) = match to.is_ipv6() {
            true => (libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_LOOP),
            false => (libc::IPPROTO_IP, libc::IP_MULTICAST_LOOP),
        };
        let options = self.files.get(file).map(|file| &file.options);
        let loops = options.and_then(|options| options.get(&(level, name))).map(|set| set[0]);
        let hears_itself = !to.is_multicast() || loops != Some(0);
        let all = (0..self.hosts.len() as u16).map(HostId);
        all.filter(|host| if *host == here { hears_itself } else { !stays }).collect()
    }

    /// Sends a packet on its way, or loses it, or sends it twice.
    fn cast(&mut self, packet: Packet) {
        if self.chance(Fault::LostDatagram) {
            mark!("datagram lost");
            return;
        }
        if self.chance(Fault::DoubledDatagram) {
            mark!("datagram doubled");
            self.carry(packet.clone());
        }
        self.carry(packet);
    }

    fn carry(&mut self, packet: Packet) {
        let ends = match packet.what {
            What::Bytes(_) => (packet.sender.0, packet.host),
            What::Refusal => (packet.host, packet.sender.0),
        };
        let link = self.link(ends.0, ends.1);
        let jitter_ns = if link.jitter_ns > 0 { self.rng.below(link.jitter_ns + 1) } else { 0 };
        let mut latency_ns = link.latency_ns + jitter_ns;
        if self.chance(Fault::LateDatagram) {
            mark!("datagram late");
            latency_ns += 1 + self.rng.spread(LATE_NS);
        }
        if latency_ns == 0 {
            return self.deliver_packet(packet);
        }
        let number = self.datagrams.sent;
        self.datagrams.sent += 1;
        self.datagrams.wire.insert(number, packet);
        self.events.push(self.now_ns + latency_ns, Due::Datagram(number));
    }

    /// The packet with this number arrives.
    pub(super) fn arrive_datagram(&mut self, number: u64) {
        if let Some(packet) = self.datagrams.wire.remove(&number) {
            self.deliver_packet(packet);
        }
    }

    fn deliver_packet(&mut self, packet: Packet) {
        let Packet { from, to, sender, host, what } = packet;
        let is_up = |host: HostId| self.hosts[host.index()].is_up;
        if self.link(sender.0, host).is_cut || !is_up(host) {
            mark!("datagram lost on its way");
            return;
        }
        let What::Bytes(bytes) = what else { return self.refuse(sender.1, to) };
        if to.ip().is_multicast() || is_broadcast(to.ip()) {
            for file in self.members(host, to) {
                self.hand_in(file, Rc::clone(&bytes), from);
            }
            return;
        }
        match self.receiver(host, from, to) {
            Some(file) => self.hand_in(file, bytes, from),
            None => {
                mark!("datagram for nobody");
                self.cast(Packet { from, to, sender, host, what: What::Refusal });
            }
        }
    }

    /// Puts a datagram into a socket, if that has room.
    fn hand_in(&mut self, file: FileId, bytes: Rc<[u8]>, from: SocketAddr) {
        let buffer = self.receive_buffer(file);
        let Some(udp) = self.files.udp(file) else { return };
        if udp.take_in(bytes, from, buffer) {
            self.wake_file(file, POLLIN);
        } else {
            mark!("datagram for a full socket");
        }
    }

    /// A sender hears that nobody receives what it has sent, if it is connected there still.
    fn refuse(&mut self, file: FileId, to: SocketAddr) {
        let Some(udp) = self.files.udp(file) else { return };
        if udp.peer == Some(to) {
            udp.error = libc::ECONNREFUSED;
            self.wake_file(file, POLLIN | POLLOUT | POLLERR);
        }
    }

    /// The socket that a datagram is for: one that is connected to its sender before one that is not,
    /// one that is bound to its very address before one that is bound to all.
    fn receiver(&mut self, host: HostId, from: SocketAddr, to: SocketAddr) -> Option<FileId> {
        let bound = self.hosts[host.index()].datagrams.clone();
        let mut best: Vec<FileId> = Vec::new();
        let mut best_score = 0;
        for (_, file) in bound {
            let Some(score) = self.files.udp(file).and_then(|udp| score(udp, from, to)) else {
                continue;
            };
            if score > best_score {
                best.clear();
                best_score = score;
            }
            if score == best_score {
                best.push(file);
            }
        }
        // Those that share a port share its senders; of others with one address the last has it.
        let last = *best.last()?;
        let shares = self.has_option(last, libc::SO_REUSEPORT);
        let at = usize::from(from.port()) % best.len();
        Some(if shares { best[at] } else { last })
    }

    /// The sockets that hear what is sent to many at this address.
    fn members(&mut self, host: HostId, to: SocketAddr) -> Vec<FileId> {
        let bound = self.hosts[host.index()].datagrams.clone();
        let has_joined = |machine: &mut Machine, file: FileId| {
            machine.files.udp(file).is_some_and(|udp| udp.groups.contains(&to.ip()))
        };
        let is_heard =
            is_broadcast(to.ip()) || bound.iter().any(|(_, file)| has_joined(self, *file));
        if !is_heard {
            return Vec::new();
        }
        // As Linux has it unless a socket says otherwise: who is bound to all addresses hears what any
        // socket of the host has joined.
        let reached = bound.into_iter().filter(|(at, _)| {
            let is_there = at.ip().is_unspecified() || at.ip() == to.ip();
            at.port() == to.port() && is_there && at.is_ipv6() == to.is_ipv6()
        });
        reached.map(|(_, file)| file).collect()
    }
}

/// How well a datagram fits a socket; `None` if it is not for that.
fn score(udp: &super::udp::Udp, from: SocketAddr, to: SocketAddr) -> Option<u32> {
    let local = udp.local?;
    let is_all = local.ip().is_unspecified();
    let fits = local.port() == to.port()
        && local.is_ipv6() == to.is_ipv6()
        && (is_all || local.ip() == to.ip())
        && udp.peer.is_none_or(|peer| peer == from);
    let score = 1 + 2 * u32::from(udp.peer.is_some()) + u32::from(!is_all);
    fits.then_some(score)
}
