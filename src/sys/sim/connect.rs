//! Making connections: bind, listen, connect.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::attempt::Tried;
use super::events::Due;
use super::files::{FileId, Kind, POLLIN};
use super::machine::Machine;
use super::ops::{OpId, Payload, Stage};
use super::tcp::{State, Tcp};
use super::{Fault, HostId};

/// How often a connect is tried again when nobody answers, as `net.ipv4.tcp_syn_retries`.
const TRIES_MAX: usize = 6;
const SECOND_NS: u64 = 1_000_000_000;

impl Machine {
    /// Gives a socket an address.
    pub(super) fn bind(&mut self, file: FileId, address: SocketAddr) -> Result<(), i32> {
        if self.is_udp(Some(file)) {
            return self.bind_datagram(file, address);
        }
        let host = self.files.get(file).ok_or(libc::EBADF)?.host;
        let reuses = self.has_option(file, libc::SO_REUSEPORT);
        let tcp = self.files.tcp(file).ok_or(libc::ENOTSOCK)?;
        if tcp.local.is_some() {
            return Err(libc::EINVAL);
        }
        if tcp.is_v6 != address.is_ipv6() {
            return Err(libc::EAFNOSUPPORT);
        }
        if !self.hosts[host.index()].has(address.ip()) {
            return Err(libc::EADDRNOTAVAIL);
        }
        let mut address = address;
        if address.port() == 0 {
            let port = self.hosts[host.index()].free_port();
            address.set_port(port);
        } else {
            let bound = self.hosts[host.index()].bound.clone();
            for (other, owner) in bound {
                let shares = reuses && self.has_option(owner, libc::SO_REUSEPORT);
                if collide(other, address) && !shares {
                    return Err(libc::EADDRINUSE);
                }
            }
        }
        self.hosts[host.index()].bound.push((address, file));
        if let Some(tcp) = self.files.tcp(file) {
            tcp.local = Some(address);
        }
        Ok(())
    }

    pub(super) fn has_option(&self, file: FileId, name: i32) -> bool {
        let options = self.files.get(file).map(|file| &file.options);
        options
            .and_then(|options| options.get(&(libc::SOL_SOCKET, name)))
            .is_some_and(|v| v[0] != 0)
    }

    /// Lets others connect to a socket.
    pub(super) fn listen(&mut self, file: FileId, backlog: i32) -> Result<(), i32> {
        let backlog = match self.faults.get(Fault::SmallBacklog) {
            0 => backlog.clamp(0, 4096) as usize,
            most => {
                mark!("small backlog");
                (backlog.max(0) as usize).min(most as usize)
            }
        };
        let tcp = self.files.tcp(file).ok_or(libc::EOPNOTSUPP)?;
        match &mut tcp.state {
            State::Listening { backlog: before, .. } => *before = backlog,
            State::Fresh => tcp.state = State::Listening { backlog, queue: VecDeque::new() },
            _ => return Err(libc::EINVAL),
        }
        if self.files.tcp(file).is_some_and(|tcp| tcp.local.is_none()) {
            let is_v6 = self.files.tcp(file).is_some_and(|tcp| tcp.is_v6);
            self.bind(file, SocketAddr::new(unspecified(is_v6), 0))?;
        }
        Ok(())
    }

    /// Takes a socket's address back.
    pub(super) fn unbind(&mut self, file: FileId) {
        for host in &mut self.hosts {
            host.bound.retain(|(_, owner)| *owner != file);
            host.datagrams.retain(|(_, owner)| *owner != file);
        }
    }

    /// Takes the addresses of sockets back that are not there any more.
    pub(super) fn forget_bound(&mut self) {
        let files = &self.files;
        for host in &mut self.hosts {
            host.bound.retain(|(_, owner)| files.get(*owner).is_some());
            host.datagrams.retain(|(_, owner)| files.get(*owner).is_some());
        }
    }

    pub(super) fn try_connect(&mut self, id: OpId) -> Tried {
        let Some(op) = self.ops.get(id) else { return Tried::Later };
        let (tries, file) = (op.done, op.file);
        if self.is_udp(file) {
            return self.connect_datagram(id);
        }
        let Payload::Address(address) = op.payload else {
            return Tried::error(libc::EAFNOSUPPORT);
        };
        let Some(file) = file else { return Tried::error(libc::EBADF) };
        let Some(here) = self.files.get(file).map(|file| file.host) else {
            return Tried::error(libc::EBADF);
        };
        match self.files.tcp(file).map(|tcp| &tcp.state) {
            Some(State::Fresh) => {}
            Some(State::Connected(..)) => return Tried::error(libc::EISCONN),
            Some(_) => return Tried::error(libc::EINVAL),
            None => return Tried::error(libc::ENOTSOCK),
        }
        let Some(there) = self.route(here, address.ip()) else {
            return Tried::error(libc::ENETUNREACH);
        };
        let link = self.link(here, there);
        if tries == 0 && here != there && link.latency_ns > 0 {
            let trip_ns = 2 * link.latency_ns;
            return self.try_again(id, trip_ns);
        }
        let is_dead = link.is_cut || !self.hosts[there.index()].is_up;
        let listener = if is_dead { None } else { self.find_listener(there, address) };
        let Some(listener) = listener else {
            if is_dead {
                return self.unanswered(id, tries);
            }
            return Tried::error(libc::ECONNREFUSED);
        };
        if self.is_full(listener) {
            mark!("connect to a full backlog");
            return self.unanswered(id, tries);
        }
        self.make_connection([here, there], [file, listener], address);
        Tried::Done(0, 0)
    }

    /// Tries the connect again later, twice as late each time, or gives up.
    fn unanswered(&mut self, id: OpId, tries: usize) -> Tried {
        if tries > TRIES_MAX {
            return Tried::error(libc::ETIMEDOUT);
        }
        mark!("connect without an answer");
        self.try_again(id, SECOND_NS << tries)
    }

    fn try_again(&mut self, id: OpId, after_ns: u64) -> Tried {
        if let Some(op) = self.ops.get_mut(id) {
            op.done += 1;
            op.stage = Stage::Pending;
        }
        self.events.push(self.now_ns + after_ns, Due::Connect(id));
        Tried::Later
    }

    /// The host that has an address, as seen from another.
    pub(super) fn route(&self, from: HostId, ip: IpAddr) -> Option<HostId> {
        if self.hosts[from.index()].has(ip) {
            return Some(from);
        }
        let found = self.hosts.iter().position(|host| host.ip == ip)?;
        Some(HostId(found as u16))
    }

    fn find_listener(&mut self, host: HostId, address: SocketAddr) -> Option<FileId> {
        let candidates: Vec<FileId> = self.hosts[host.index()]
            .bound
            .iter()
            .filter(|(bound, _)| reaches(*bound, address))
            .map(|(_, file)| *file)
            .collect();
        let mut listening = candidates;
        listening.retain(|file| {
            self.files.tcp(*file).is_some_and(|tcp| matches!(tcp.state, State::Listening { .. }))
        });
        match listening.len() {
            0 => None,
            1 => listening.first().copied(),
            many => Some(listening[self.rng.below(many as u64) as usize]),
        }
    }

    fn is_full(&mut self, listener: FileId) -> bool {
        match self.files.tcp(listener).map(|tcp| &tcp.state) {
            Some(State::Listening { backlog, queue }) => queue.len() > *backlog,
            _ => true,
        }
    }

    /// Connects a socket with a new one in the listener's queue.
    fn make_connection(&mut self, hosts: [HostId; 2], files: [FileId; 2], address: SocketAddr) {
        let [client, listener] = files;
        let local = self.local_of(hosts[0], client, address);
        let is_v6 = self.files.tcp(listener).is_some_and(|tcp| tcp.is_v6);
        let options = self.files.get(listener).map(|file| file.options.clone()).unwrap_or_default();
        let mut served = Tcp::new(is_v6);
        let reached = match address.ip().is_unspecified() {
            true => SocketAddr::new(loopback(address.is_ipv6()), address.port()),
            false => address,
        };
        (served.local, served.peer) = (Some(reached), Some(local));
        let server = self.files.insert(hosts[1], Kind::Tcp(Box::new(served)));
        self.files.retain(server);
        let connection = self.connections.insert([client, server], hosts);
        if let Some(file) = self.files.get_mut(server) {
            file.options = options;
        }
        for (side, file) in [client, server].into_iter().enumerate() {
            if let Some(tcp) = self.files.tcp(file) {
                tcp.state = State::Connected(connection, side);
            }
        }
        if let Some(tcp) = self.files.tcp(client) {
            (tcp.local, tcp.peer) = (Some(local), Some(reached));
        }
        if let Some(State::Listening { queue, .. }) =
            self.files.tcp(listener).map(|tcp| &mut tcp.state)
        {
            queue.push_back(server);
        }
        let serial = self.files.get(server).map_or(0, |file| file.serial);
        self.note("connected", serial, 0);
        self.wake_some(listener, POLLIN, 1);
    }

    /// The client's own address: the one it was bound to, or a new port.
    fn local_of(&mut self, host: HostId, client: FileId, target: SocketAddr) -> SocketAddr {
        let bound = self.files.tcp(client).and_then(|tcp| tcp.local);
        let own = match target.ip().is_loopback() || target.ip().is_unspecified() {
            true => loopback(target.is_ipv6()),
            false => self.hosts[host.index()].ip,
        };
        match bound {
            Some(bound) if !bound.ip().is_unspecified() => bound,
            Some(bound) => SocketAddr::new(own, bound.port()),
            None => {
                let port = self.hosts[host.index()].free_port();
                SocketAddr::new(own, port)
            }
        }
    }
}

pub(super) fn unspecified(is_v6: bool) -> IpAddr {
    if is_v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
}

pub(super) fn loopback(is_v6: bool) -> IpAddr {
    if is_v6 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() }
}

/// Whether two sockets cannot both have these addresses.
pub(super) fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let same_ip =
        one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && same_ip && one.is_ipv6() == other.is_ipv6()
}

/// Whether a connect to `target` reaches a socket that is bound to `bound`.
fn reaches(bound: SocketAddr, target: SocketAddr) -> bool {
    let same_ip = bound.ip() == target.ip()
        || bound.ip().is_unspecified()
        || (target.ip().is_unspecified() && bound.ip().is_loopback());
    bound.port() == target.port() && same_ip
}
