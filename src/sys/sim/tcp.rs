//! TCP sockets: what recv, send, accept and shutdown do with them.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::attempt::Tried;
use super::codes;
use super::files::{FileId, Kind, POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP};
use super::machine::Machine;
use super::memory::{self, Memory};
use super::network::ConnId;
use super::ops::{OpId, Pieces};
use super::{Fault, address};

/// What a TCP socket is.
#[derive(Debug)]
pub(super) struct Tcp {
    pub(super) is_v6: bool,
    pub(super) local: Option<SocketAddr>,
    pub(super) peer: Option<SocketAddr>,
    pub(super) state: State,
    /// An error that is said once.
    pub(super) error: i32,
    pub(super) reads_no_more: bool,
    pub(super) writes_no_more: bool,
}

/// Where a TCP socket stands.
#[derive(Debug)]
pub(super) enum State {
    Fresh,
    Listening {
        backlog: usize,
        queue: VecDeque<FileId>,
    },
    Connected(ConnId, usize),
    /// It was, and is no more.
    Ended,
}

impl Tcp {
    pub(super) fn new(is_v6: bool) -> Tcp {
        Tcp {
            is_v6,
            local: None,
            peer: None,
            state: State::Fresh,
            error: 0,
            reads_no_more: false,
            writes_no_more: false,
        }
    }
}

impl Machine {
    pub(super) fn events_of_tcp(&self, tcp: &Tcp) -> u32 {
        let error = if tcp.error != 0 { POLLERR | POLLIN | POLLOUT } else { 0 };
        error
            | match &tcp.state {
                State::Fresh => POLLOUT | POLLHUP,
                State::Ended => POLLIN | POLLOUT | POLLHUP,
                State::Listening { queue, .. } if !queue.is_empty() => POLLIN,
                State::Listening { .. } => 0,
                State::Connected(id, side) => {
                    let Some(connection) = self.connections.get(*id) else { return POLLHUP };
                    let way = &connection.ways[*side];
                    let has_ended = way.has_ended || way.is_reset || tcp.reads_no_more;
                    let mut events = 0;
                    if !way.ready.is_empty() || has_ended {
                        events |= POLLIN;
                    }
                    if has_ended {
                        events |= POLLRDHUP;
                    }
                    if way.is_reset || (has_ended && tcp.writes_no_more) {
                        events |= POLLHUP | POLLOUT;
                    }
                    if self.room(*id, *side) > 0 {
                        events |= POLLOUT;
                    }
                    events
                }
            }
    }

    /// The connection of an op's socket, or why there is none.
    fn connected(&mut self, file: Option<FileId>) -> Result<(FileId, ConnId, usize), i32> {
        let file = file.ok_or(libc::EBADF)?;
        match &self.files.get(file).ok_or(libc::EBADF)?.kind {
            Kind::Tcp(tcp) => match tcp.state {
                State::Connected(connection, side) => Ok((file, connection, side)),
                State::Fresh | State::Listening { .. } | State::Ended => Err(libc::ENOTCONN),
            },
            _ => Err(libc::ENOTSOCK),
        }
    }

    fn take_error(&mut self, file: FileId) -> Option<i32> {
        let error = &mut self.files.tcp(file)?.error;
        (*error != 0).then(|| std::mem::take(error))
    }

    pub(super) fn try_recv(&mut self, id: OpId) -> Tried {
        let Some(op) = self.ops.get(id) else { return Tried::Later };
        if self.is_udp(op.file) {
            return self.recv_datagram(id);
        }
        let (ring, group, done) = (op.ring, op.sqe.buf_index, op.done);
        let flags = if op.sqe.opcode == codes::RECV { op.sqe.op_flags as i32 } else { 0 };
        let (selects, many) = (op.has_flag(codes::BUFFER_SELECT), op.is_multishot());
        let (file, connection, side) = match self.connected(op.file) {
            Ok(connected) => connected,
            Err(errno) => return Tried::error(errno),
        };
        let selected = if selects { self.next_buffer(ring, group) } else { None };
        if selects && selected.is_none() {
            return Tried::error(libc::ENOBUFS);
        }
        let Some(found) = self.connections.get(connection) else { return Tried::Done(0, 0) };
        let way = &found.ways[side];
        let (available, has_ended) = (way.ready.len(), way.has_ended || way.is_reset);
        if available == 0 {
            if let Some(errno) = self.take_error(file) {
                return if done > 0 { Tried::count(done) } else { Tried::error(errno) };
            }
            let is_over = has_ended || self.files.tcp(file).is_some_and(|tcp| tcp.reads_no_more);
            return match is_over {
                true => Tried::count(done),
                false if flags & libc::MSG_DONTWAIT != 0 => Tried::error(libc::EAGAIN),
                false => Tried::Wait(POLLIN),
            };
        }
        let Some(op) = self.ops.get(id) else { return Tried::Later };
        let pieces = match selected {
            Some(selected) => Pieces::One([Memory::new(
                selected.memory.addr,
                match op.sqe.len as usize {
                    0 => selected.memory.len,
                    asked => selected.memory.len.min(asked),
                },
            )]),
            None => op.pieces(),
        };
        let wanted = memory::total(&pieces) - done;
        let mut count = available.min(wanted);
        let waits_for_all = flags & libc::MSG_WAITALL != 0;
        if count > 1 && !waits_for_all && self.chance(Fault::ShortRead) {
            mark!("short read");
            count = self.rng.between(1, count as u64) as usize;
        }
        self.deliver(connection, side, &pieces, done, count, flags & libc::MSG_PEEK != 0);
        let done = done + count;
        if waits_for_all && count < wanted && flags & libc::MSG_PEEK == 0 {
            if let Some(op) = self.ops.get_mut(id) {
                op.done = done;
            }
            let is_over = has_ended && self.connections.get(connection).is_some();
            return if is_over { Tried::count(done) } else { Tried::Wait(POLLIN) };
        }
        let mut cqe_flags = 0;
        if let Some(selected) = selected {
            self.take_buffer(ring, group);
            cqe_flags = codes::F_BUFFER | u32::from(selected.id) << 16;
        }
        match many {
            true => Tried::Item(done as i32, cqe_flags),
            false => Tried::Done(done as i32, cqe_flags),
        }
    }

    /// Moves bytes that have arrived into the memory of their reader.
    fn deliver(
        &mut self,
        id: ConnId,
        side: usize,
        pieces: &[Memory],
        skip: usize,
        count: usize,
        leave: bool,
    ) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let ready = &mut connection.ways[side].ready;
        let (front, back) = ready.as_slices();
        let from_front = count.min(front.len());
        memory::scatter(pieces, skip, &front[..from_front]);
        memory::scatter(pieces, skip + from_front, &back[..count - from_front]);
        if leave {
            return;
        }
        ready.drain(..count);
        self.taken(id, side, count);
    }

    pub(super) fn try_send(&mut self, id: OpId) -> Tried {
        let Some(op) = self.ops.get(id) else { return Tried::Later };
        if self.is_udp(op.file) {
            return self.send_datagram(id);
        }
        let (done, pieces) = (op.done, op.pieces());
        let flags = if op.sqe.opcode == codes::WRITE { 0 } else { op.sqe.op_flags as i32 };
        let (file, connection, side) = match self.connected(op.file) {
            Ok(connected) => connected,
            Err(libc::ENOTCONN) => return Tried::error(libc::EPIPE),
            Err(errno) => return Tried::error(errno),
        };
        if let Some(errno) = self.take_error(file) {
            return if done > 0 { Tried::count(done) } else { Tried::error(errno) };
        }
        let is_shut = self.files.tcp(file).is_some_and(|tcp| tcp.writes_no_more);
        let was_reset = self.connections.get(connection).is_none_or(|c| c.ways[side].is_reset);
        if is_shut || was_reset {
            return if done > 0 { Tried::count(done) } else { Tried::error(libc::EPIPE) };
        }
        let left = memory::total(&pieces) - done;
        if left == 0 {
            return Tried::count(done);
        }
        let room = self.room(connection, side);
        if room == 0 {
            return match flags & libc::MSG_DONTWAIT {
                0 => Tried::Wait(POLLOUT),
                _ => Tried::error(libc::EAGAIN),
            };
        }
        let (count, resets) = self.sent_count(left.min(room), flags);
        self.send_pieces(connection, side, &pieces, done, count);
        let done = done + count;
        if let Some(op) = self.ops.get_mut(id) {
            op.done = done;
        }
        if resets {
            self.reset_both(connection);
            return Tried::count(done);
        }
        // The peer may have answered with a reset at once, which no wait would see any more.
        let was_reset = self.connections.get(connection).is_none_or(|c| c.ways[side].is_reset);
        match flags & libc::MSG_WAITALL != 0 && count < left && !was_reset {
            true => {
                mark!("send that goes on");
                Tried::Wait(POLLOUT)
            }
            false => Tried::count(done),
        }
    }

    /// How many of the bytes for which there is room are sent, and whether the connection breaks
    /// behind them.
    fn sent_count(&mut self, most: usize, flags: i32) -> (usize, bool) {
        if self.chance(Fault::Reset) {
            return (self.rng.between(1, most as u64) as usize, true);
        }
        if most > 1 && flags & libc::MSG_WAITALL == 0 && self.chance(Fault::ShortWrite) {
            mark!("short write");
            return (self.rng.between(1, most as u64) as usize, false);
        }
        (most, false)
    }

    fn send_pieces(
        &mut self,
        id: ConnId,
        side: usize,
        pieces: &[Memory],
        skip: usize,
        count: usize,
    ) {
        if let [memory] = pieces {
            memory.with(skip, count, |bytes| self.send_bytes(id, side, bytes));
            return;
        }
        let mut bytes = Vec::new();
        memory::gather(pieces, skip, count, &mut bytes);
        self.send_bytes(id, side, &bytes);
    }

    /// Breaks a connection in the middle, as a router or a firewall may.
    fn reset_both(&mut self, connection: ConnId) {
        mark!("connection reset on its way");
        self.send_reset(connection, 0);
        self.send_reset(connection, 1);
    }

    pub(super) fn try_accept(&mut self, id: OpId) -> Tried {
        let Some(op) = self.ops.get(id) else { return Tried::Later };
        let (addr, addr_len, many) = (op.sqe.addr, op.sqe.off, op.is_multishot());
        let Some(listener) = op.file else { return Tried::error(libc::EBADF) };
        let queue = match self.files.get_mut(listener).map(|file| &mut file.kind) {
            Some(Kind::Tcp(tcp)) => match &mut tcp.state {
                State::Listening { queue, .. } => queue,
                _ => return Tried::error(libc::EINVAL),
            },
            Some(_) => return Tried::error(libc::ENOTSOCK),
            None => return Tried::error(libc::EBADF),
        };
        let Some(file) = queue.front().copied() else { return Tried::Wait(POLLIN) };
        let number = match self.open(file) {
            Ok(number) => std::os::fd::IntoRawFd::into_raw_fd(number),
            Err(error) => return Tried::error(error.raw_os_error().unwrap_or(libc::EMFILE)),
        };
        if let Some(State::Listening { queue, .. }) =
            self.files.tcp(listener).map(|tcp| &mut tcp.state)
        {
            queue.pop_front();
        }
        // The queue was its user until now.
        self.release_file(file);
        if let Some(peer) = self.files.tcp(file).and_then(|tcp| tcp.peer) {
            address::write(addr, addr_len, peer);
        }
        if many { Tried::Item(number, 0) } else { Tried::Done(number, 0) }
    }

    pub(super) fn try_shutdown(&mut self, id: OpId) -> Tried {
        let Some(op) = self.ops.get(id) else { return Tried::Later };
        let how = op.sqe.len as i32;
        match op.file.map(|file| self.shut_down(file, how)) {
            Some(Ok(())) => Tried::Done(0, 0),
            Some(Err(errno)) => Tried::error(errno),
            None => Tried::error(libc::EBADF),
        }
    }

    /// Ends one or both directions of a socket.
    pub(super) fn shut_down(&mut self, file: FileId, how: i32) -> Result<(), i32> {
        let reads = matches!(how, libc::SHUT_RD | libc::SHUT_RDWR);
        let writes = matches!(how, libc::SHUT_WR | libc::SHUT_RDWR);
        let Some(tcp) = self.files.tcp(file) else { return self.shut_down_datagram(file, how) };
        match &mut tcp.state {
            State::Fresh | State::Ended => return Err(libc::ENOTCONN),
            State::Listening { queue, .. } => {
                let waiting = std::mem::take(queue);
                if reads {
                    tcp.state = State::Ended;
                    waiting.into_iter().for_each(|file| self.release_file(file));
                    self.unbind(file);
                }
            }
            State::Connected(connection, side) => {
                let (connection, side) = (*connection, *side);
                tcp.reads_no_more |= reads;
                tcp.writes_no_more |= writes;
                let was_reset =
                    self.connections.get(connection).is_none_or(|c| c.ways[side].is_reset);
                if was_reset {
                    return Err(libc::ENOTCONN);
                }
                if writes {
                    self.send_end(connection, side);
                }
            }
        }
        self.wake_file(file, POLLIN | POLLOUT | POLLHUP);
        Ok(())
    }

    /// A socket without users ends.
    pub(super) fn end_tcp(&mut self, tcp: Tcp, resets: bool) {
        match tcp.state {
            State::Connected(connection, side) => self.close_side(connection, side, resets),
            State::Listening { queue, .. } => {
                if !queue.is_empty() {
                    mark!("listener closed with connections waiting");
                }
                for waiting in queue {
                    if let Some(file) = self.files.get_mut(waiting) {
                        file.options.insert((libc::SOL_SOCKET, libc::SO_LINGER), [1, 0]);
                    }
                    self.release_file(waiting);
                }
            }
            State::Fresh | State::Ended => {}
        }
        self.forget_bound();
    }
}
