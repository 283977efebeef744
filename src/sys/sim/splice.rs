//! Moves between files of which one is a pipe: splice and tee.
//!
//! A worker makes them, and waits where they have to, for bytes first and then for room.

use super::attempt::Tried;
use super::codes;
use super::disk::Disk;
use super::disk_ops::DiskFile;
use super::files::{FileId, Kind, POLLIN, POLLOUT};
use super::machine::Machine;
use super::network::ConnId;
use super::ops::OpId;
use super::pipes::{End, PipeId};
use super::tcp::State;

/// The offset of what has none, and of a file whose own position is meant.
const NONE: u64 = u64::MAX;

/// One side of a move.
#[derive(Debug, Clone, Copy)]
enum Side {
    Pipe(PipeId),
    Disk(FileId, DiskFile, u64),
    Stream(ConnId, usize),
}

/// Why a move cannot be made now.
enum Not {
    Ever(i32),
    Yet(Tried),
    /// What it moves from has come to its end.
    AnyMore,
}

impl Machine {
    pub(super) fn try_move(&mut self, id: OpId) -> Tried {
        match self.make_move(id) {
            Ok(count) => Tried::count(count),
            Err(Not::Ever(errno)) => Tried::error(errno),
            Err(Not::Yet(waits)) => waits,
            Err(Not::AnyMore) => Tried::count(0),
        }
    }

    fn make_move(&mut self, id: OpId) -> Result<usize, Not> {
        let op = self.ops.get(id).ok_or(Not::Ever(libc::EBADF))?;
        let (from, to, len) = (op.source, op.file, op.sqe.len as usize);
        let (from_offset, to_offset) = (op.sqe.addr, op.sqe.off);
        let leaves = op.sqe.opcode == codes::TEE;
        if len == 0 {
            return Ok(0);
        }
        let (from_offset, to_offset) = if leaves { (NONE, NONE) } else { (from_offset, to_offset) };
        let from = self.side(from, from_offset, End::Reader)?;
        let to = self.side(to, to_offset, End::Writer)?;
        match (from, to) {
            (Side::Pipe(one), Side::Pipe(other)) if one == other => {
                return Err(Not::Ever(libc::EINVAL));
            }
            (Side::Pipe(_), Side::Pipe(_)) => {}
            _ if leaves => return Err(Not::Ever(libc::EINVAL)),
            (Side::Pipe(_), _) | (_, Side::Pipe(_)) => {}
            _ => return Err(Not::Ever(libc::EINVAL)),
        }
        // A file always has its bytes or has none: there the room is looked for first.
        let is_file = matches!(from, Side::Disk(..));
        if is_file {
            self.room_of(to)?;
        }
        let available = self.available(from, id)?;
        let count = len.min(available).min(self.room_of(to)?);
        let bytes = if leaves { self.first_of(from, count) } else { self.take_of(from, count) };
        self.put_to(to, &bytes)
    }

    /// What a file is to a move.
    fn side(&mut self, file: Option<FileId>, offset: u64, end: End) -> Result<Side, Not> {
        let file = file.ok_or(Not::Ever(libc::EBADF))?;
        let kind = self.files.get(file).map(|file| &file.kind).ok_or(Not::Ever(libc::EBADF))?;
        match kind {
            Kind::Pipe(_, other) if *other != end => Err(Not::Ever(libc::EBADF)),
            Kind::Pipe(..) | Kind::Tcp(_) if offset != NONE => Err(Not::Ever(libc::ESPIPE)),
            Kind::Pipe(pipe, _) => Ok(Side::Pipe(*pipe)),
            Kind::Disk(open) if end == End::Reader && !open.reads() => Err(Not::Ever(libc::EBADF)),
            Kind::Disk(open) if end == End::Writer && !open.writes() => Err(Not::Ever(libc::EBADF)),
            Kind::Disk(open) if end == End::Writer && open.flags & libc::O_APPEND != 0 => {
                Err(Not::Ever(libc::EINVAL))
            }
            Kind::Disk(open) => Ok(Side::Disk(file, *open, offset)),
            Kind::Tcp(tcp) => match tcp.state {
                State::Connected(connection, side) => Ok(Side::Stream(connection, side)),
                _ => Err(Not::Ever(libc::ENOTCONN)),
            },
            Kind::Event(_) | Kind::Udp(_) => Err(Not::Ever(libc::EINVAL)),
        }
    }

    /// How many bytes there are to be moved, which are more than none.
    fn available(&mut self, from: Side, id: OpId) -> Result<usize, Not> {
        let (count, may_come) = match from {
            Side::Pipe(pipe) => {
                let pipe = self.pipes.get(pipe);
                (pipe.ready.len(), pipe.has(End::Writer))
            }
            Side::Stream(connection, side) => {
                let way = self.connections.get(connection).map(|found| &found.ways[side]);
                way.map_or((0, false), |way| (way.ready.len(), !way.has_ended && !way.is_reset))
            }
            Side::Disk(_, open, offset) => {
                let at = place(&open, offset);
                let disk = self.disk_of(id).ok_or(Not::Ever(libc::EIO))?;
                let contents = disk.contents(open.ino).map_err(Not::Ever)?;
                (contents.cached.len().saturating_sub(at), false)
            }
        };
        match (count, may_come) {
            (0, true) => {
                mark!("move that waits for bytes");
                Err(Not::Yet(Tried::WaitForSource(POLLIN)))
            }
            (0, false) => Err(Not::AnyMore),
            (count, _) => Ok(count),
        }
    }

    /// How many bytes can be put there, which are more than none.
    fn room_of(&mut self, to: Side) -> Result<usize, Not> {
        let room = match to {
            Side::Pipe(pipe) if !self.pipes.get(pipe).has(End::Reader) => {
                return Err(Not::Ever(libc::EPIPE));
            }
            Side::Pipe(pipe) => self.room_in(pipe),
            Side::Stream(connection, side) => {
                let found = self.connections.get(connection);
                if found.is_none_or(|found| found.ways[side].is_reset) {
                    return Err(Not::Ever(libc::EPIPE));
                }
                self.room(connection, side)
            }
            Side::Disk(..) => usize::MAX,
        };
        if room == 0 {
            mark!("move that waits for room");
            return Err(Not::Yet(Tried::Wait(POLLOUT)));
        }
        Ok(room)
    }

    /// The first bytes of a pipe, which stay where they are.
    fn first_of(&mut self, from: Side, count: usize) -> Vec<u8> {
        match from {
            Side::Pipe(pipe) => self.pipes.get(pipe).ready.iter().take(count).copied().collect(),
            Side::Disk(..) | Side::Stream(..) => Vec::new(),
        }
    }

    fn take_of(&mut self, from: Side, count: usize) -> Vec<u8> {
        match from {
            Side::Pipe(pipe) => self.take_from(pipe, count),
            Side::Disk(file, open, offset) => {
                let at = place(&open, offset);
                let bytes =
                    match self.disk_beneath(file).and_then(|disk| disk.contents(open.ino).ok()) {
                        Some(contents) => contents.cached[at..at + count].to_vec(),
                        None => Vec::new(),
                    };
                self.move_position(file, offset, bytes.len());
                bytes
            }
            Side::Stream(connection, side) => {
                let Some(found) = self.connections.get_mut(connection) else { return Vec::new() };
                let bytes = found.ways[side].ready.drain(..count).collect();
                self.taken(connection, side, count);
                bytes
            }
        }
    }

    fn put_to(&mut self, to: Side, bytes: &[u8]) -> Result<usize, Not> {
        match to {
            Side::Pipe(pipe) => self.put_into(pipe, bytes),
            Side::Stream(connection, side) => self.send_bytes(connection, side, bytes),
            Side::Disk(file, open, offset) => {
                let now_ns = self.now_ns;
                let disk = self.disk_beneath(file).ok_or(Not::Ever(libc::EIO))?;
                let contents = disk.contents(open.ino).map_err(Not::Ever)?;
                contents.write(place(&open, offset), bytes);
                if let Some(inode) = disk.get_mut(open.ino) {
                    inode.changed_ns = now_ns;
                }
                self.move_position(file, offset, bytes.len());
            }
        }
        Ok(bytes.len())
    }

    fn disk_beneath(&mut self, file: FileId) -> Option<&mut Disk> {
        let host = self.files.get(file)?.host;
        Some(&mut self.hosts[host.index()].disk)
    }
}

fn place(open: &DiskFile, offset: u64) -> usize {
    if offset == NONE { open.position } else { offset as usize }
}
