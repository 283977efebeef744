//! Connections: two ways, each with what is on the wire and what has arrived.
//!
//! A way holds a bounded number of bytes, those on the wire and those that its reader has not taken.
//! What is sent arrives in order after the link's latency, or waits while the link is cut.

use std::collections::VecDeque;

use super::Fault;
use super::HostId;
use super::events::Due;
use super::files::{FileId, POLLERR, POLLHUP, POLLIN, POLLOUT};
use super::machine::Machine;

/// The bytes that a way holds.
const WINDOW: usize = 256 * 1024;

/// How two hosts are connected.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Link {
    pub(super) latency_ns: u64,
    /// Up to this much is added to the latency.
    pub(super) jitter_ns: u64,
    pub(super) is_cut: bool,
}

/// Names a connection; one that has gone is not found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ConnId {
    index: u32,
    generation: u32,
}

#[derive(Debug)]
enum Packet {
    Data(Vec<u8>),
    Fin,
    Reset,
}

/// What flows to one side of a connection.
#[derive(Debug, Default)]
pub(super) struct Way {
    wire: VecDeque<(u64, Packet)>,
    /// Bytes that have arrived.
    pub(super) ready: VecDeque<u8>,
    /// Bytes sent that the reader has not taken.
    outstanding: usize,
    /// The end has arrived, behind the bytes.
    pub(super) has_ended: bool,
    /// A reset has arrived.
    pub(super) is_reset: bool,
    /// Its sender has ended it.
    sent_end: bool,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    /// The two sockets, until each is closed.
    pub(super) ends: [Option<FileId>; 2],
    pub(super) hosts: [HostId; 2],
    /// The way *to* each side.
    pub(super) ways: [Way; 2],
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    connection: Option<Connection>,
}

/// All connections.
#[derive(Debug, Default)]
pub(super) struct Connections {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

impl Connections {
    pub(super) fn insert(&mut self, ends: [FileId; 2], hosts: [HostId; 2]) -> ConnId {
        let ways = [Way::default(), Way::default()];
        let connection = Some(Connection { ends: ends.map(Some), hosts, ways });
        if let Some(index) = self.free.pop() {
            let slot = &mut self.slots[index as usize];
            slot.connection = connection;
            return ConnId { index, generation: slot.generation };
        }
        let index = self.slots.len() as u32;
        self.slots.push(Slot { generation: 0, connection });
        ConnId { index, generation: 0 }
    }

    #[inline]
    pub(super) fn get(&self, id: ConnId) -> Option<&Connection> {
        let slot = self.slots.get(id.index as usize)?;
        if slot.generation == id.generation { slot.connection.as_ref() } else { None }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: ConnId) -> Option<&mut Connection> {
        let slot = self.slots.get_mut(id.index as usize)?;
        if slot.generation == id.generation { slot.connection.as_mut() } else { None }
    }

    fn remove(&mut self, id: ConnId) {
        let slot = &mut self.slots[id.index as usize];
        if slot.generation == id.generation && slot.connection.take().is_some() {
            slot.generation = slot.generation.wrapping_add(1);
            self.free.push(id.index);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ConnId, &Connection)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let id = ConnId { index: index as u32, generation: slot.generation };
            slot.connection.as_ref().map(|connection| (id, connection))
        })
    }
}

impl Machine {
    /// How many bytes can be sent now from this side.
    pub(super) fn room(&self, id: ConnId, side: usize) -> usize {
        let window = match self.faults.get(Fault::SmallWindow) {
            0 => WINDOW,
            bytes => bytes as usize,
        };
        let outstanding = |connection: &Connection| connection.ways[1 - side].outstanding;
        let room = window.saturating_sub(self.connections.get(id).map_or(0, outstanding));
        if room == 0 && window < WINDOW {
            mark!("small window is full");
        }
        room
    }

    /// When what is sent now from this side arrives; `None` for at once.
    fn arrival_ns(&mut self, id: ConnId, side: usize) -> Option<u64> {
        let connection = self.connections.get(id)?;
        let [here, there] = connection.hosts;
        let link = self.link(here, there);
        let way = &connection.ways[1 - side];
        let last_ns = way.wire.back().map_or(0, |(at_ns, _)| *at_ns);
        let latency_ns = link.latency_ns
            + if link.jitter_ns > 0 { self.rng.below(link.jitter_ns + 1) } else { 0 };
        if latency_ns == 0 && last_ns == 0 && !link.is_cut {
            return None;
        }
        Some((self.now_ns + latency_ns).max(last_ns))
    }

    /// Sends bytes from this side; there is room for them.
    pub(super) fn send_bytes(&mut self, id: ConnId, side: usize, bytes: &[u8]) {
        let arrival_ns = self.arrival_ns(id, side);
        let Some(connection) = self.connections.get_mut(id) else { return };
        let way = &mut connection.ways[1 - side];
        way.outstanding += bytes.len();
        match arrival_ns {
            None => {
                way.ready.extend(bytes);
                let reader = connection.ends[1 - side];
                self.arrived(id, side, reader);
            }
            Some(at_ns) => {
                way.wire.push_back((at_ns, Packet::Data(bytes.to_vec())));
                self.events.push(at_ns, Due::Arrival(id, 1 - side));
            }
        }
    }

    /// Bytes have arrived: wakes who reads, or answers with a reset when nobody ever will.
    fn arrived(&mut self, id: ConnId, sender: usize, reader: Option<FileId>) {
        match reader {
            Some(reader) => self.wake_file(reader, POLLIN),
            None => {
                mark!("bytes for a closed connection");
                self.send_packet(id, 1 - sender, Packet::Reset);
            }
        }
    }

    /// Ends the way from this side.
    pub(super) fn send_end(&mut self, id: ConnId, side: usize) {
        let way = self.connections.get_mut(id).map(|connection| &mut connection.ways[1 - side]);
        let Some(way) = way else { return };
        if !std::mem::replace(&mut way.sent_end, true) {
            self.send_packet(id, side, Packet::Fin);
        }
    }

    /// Breaks the connection off from this side.
    pub(super) fn send_reset(&mut self, id: ConnId, side: usize) {
        self.send_packet(id, side, Packet::Reset);
    }

    fn send_packet(&mut self, id: ConnId, side: usize, packet: Packet) {
        let arrival_ns = self.arrival_ns(id, side);
        let Some(connection) = self.connections.get_mut(id) else { return };
        connection.ways[1 - side].wire.push_back((arrival_ns.unwrap_or(self.now_ns), packet));
        match arrival_ns {
            None => self.arrive(id, 1 - side),
            Some(at_ns) => self.events.push(at_ns, Due::Arrival(id, 1 - side)),
        }
    }

    /// Delivers what has come to this side by now.
    pub(super) fn arrive(&mut self, id: ConnId, side: usize) {
        loop {
            let Some(connection) = self.connections.get_mut(id) else { return };
            let [here, there] = connection.hosts;
            let reader = connection.ends[side];
            let way = &mut connection.ways[side];
            if way.wire.front().is_none_or(|(at_ns, _)| *at_ns > self.now_ns) {
                break;
            }
            if self.link(here, there).is_cut {
                mark!("packet held by a partition");
                return;
            }
            let Some(connection) = self.connections.get_mut(id) else { return };
            let way = &mut connection.ways[side];
            match way.wire.pop_front() {
                Some((_, Packet::Data(_))) if way.is_reset => {}
                Some((_, Packet::Data(bytes))) => {
                    way.ready.extend(bytes);
                    self.arrived(id, 1 - side, reader);
                }
                Some((_, Packet::Fin)) => {
                    way.has_ended = true;
                    if let Some(reader) = reader {
                        self.wake_file(reader, POLLIN | super::files::POLLRDHUP);
                    }
                }
                Some((_, Packet::Reset)) => self.be_reset(id, side, reader),
                None => break,
            }
        }
        self.forget_if_over(id);
    }

    fn be_reset(&mut self, id: ConnId, side: usize, reader: Option<FileId>) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let way = &mut connection.ways[side];
        if std::mem::replace(&mut way.is_reset, true) {
            return;
        }
        mark!("connection reset by its peer");
        let errno = if way.has_ended { libc::EPIPE } else { libc::ECONNRESET };
        // What this side had sent will never be read.
        connection.ways[1 - side].outstanding = 0;
        let Some(reader) = reader else { return };
        if let Some(tcp) = self.files.tcp(reader) {
            tcp.error = errno;
        }
        self.wake_file(reader, POLLIN | POLLOUT | POLLERR | POLLHUP);
    }

    /// The reader of this side has taken bytes: there is room for the writer again.
    pub(super) fn taken(&mut self, id: ConnId, side: usize, count: usize) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let way = &mut connection.ways[side];
        way.outstanding = way.outstanding.saturating_sub(count);
        if let Some(writer) = connection.ends[1 - side] {
            self.wake_file(writer, POLLOUT);
        }
    }

    /// This side's socket is closed.
    pub(super) fn close_side(&mut self, id: ConnId, side: usize, resets: bool) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        connection.ends[side] = None;
        let way = &connection.ways[side];
        let (is_unread, was_reset) = (!way.ready.is_empty(), way.is_reset);
        if was_reset {
            // The peer has gone already.
        } else if is_unread || resets {
            mark!("close with unread bytes");
            self.send_reset(id, side);
        } else {
            self.send_end(id, side);
        }
        self.forget_if_over(id);
    }

    /// This side is not there any more, and its peer is not told before it sends something.
    pub(super) fn forget_side(&mut self, id: ConnId, side: usize) {
        if let Some(connection) = self.connections.get_mut(id) {
            connection.ends[side] = None;
        }
        self.forget_if_over(id);
    }

    fn forget_if_over(&mut self, id: ConnId) {
        let Some(connection) = self.connections.get(id) else { return };
        let is_silent = connection.ways.iter().all(|way| way.wire.is_empty());
        if connection.ends == [None, None] && is_silent {
            self.connections.remove(id);
        }
    }

    /// Delivers what a cut link has held back.
    pub(super) fn deliver_held(&mut self) {
        let held: Vec<ConnId> = self.connections.iter().map(|(id, _)| id).collect();
        for id in held {
            self.arrive(id, 0);
            self.arrive(id, 1);
        }
    }
}
