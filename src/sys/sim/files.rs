//! Open files and the descriptors that name them.
//!
//! A descriptor is a number in a table; an open file is what it names. Numbers and ops in flight
//! both count as users of the file, so closing a number ends no op, and the file goes with the last
//! of its users, as in the kernel.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;
use std::os::fd::RawFd;

use super::HostId;
use super::codes;
use super::disk_ops::DiskFile;
use super::machine::Machine;
use super::ops::{Mixer, OpId, Stage};
use super::pipes::{End, PipeId};
use super::placeholder::{Placeholder, Watch};
use super::tcp::{State, Tcp};
use super::udp::Udp;

/// Readable, writable, in error, hung up (`asm-generic/poll.h`).
pub(super) const POLLIN: u32 = 1;
pub(super) const POLLOUT: u32 = 4;
pub(super) const POLLERR: u32 = 8;
pub(super) const POLLHUP: u32 = 16;
pub(super) const POLLRDHUP: u32 = 0x2000;

/// Names an open file; one that has gone is not found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId {
    index: u32,
    generation: u32,
}

/// What an open file is.
#[derive(Debug)]
pub(super) enum Kind {
    Tcp(Box<Tcp>),
    Udp(Box<Udp>),
    /// An event counter.
    Event(u64),
    /// A file or directory of the host's disk.
    Disk(DiskFile),
    /// One end of a pipe.
    Pipe(PipeId, End),
}

/// One open file.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) kind: Kind,
    pub(super) host: HostId,
    /// Counts the files of a run, so that a trace can name them.
    pub(super) serial: u64,
    /// Descriptors and ops.
    pub(super) users: u32,
    /// Ops that wait for it, with the events they wait for.
    pub(super) waiters: Vec<(OpId, u32)>,
    /// What was set with `setsockopt`, by level and name.
    pub(super) options: BTreeMap<(i32, i32), [i32; 2]>,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    file: Option<OpenFile>,
}

/// A descriptor of the table.
#[derive(Debug)]
pub(super) struct Descriptor {
    pub(super) file: FileId,
    pub(super) placeholder: Placeholder,
    pub(super) token: u64,
}

/// All open files and descriptors.
#[derive(Debug)]
pub(super) struct Files {
    slots: Vec<Slot>,
    free: Vec<u32>,
    pub(super) table: HashMap<RawFd, Descriptor, BuildHasherDefault<Mixer>>,
    pub(super) tokens: HashMap<u64, RawFd, BuildHasherDefault<Mixer>>,
    pub(super) watch: Watch,
    opened: u64,
    /// How many numbers users have.
    pub(super) strays: usize,
    /// Numbers of event counters, which other threads may raise.
    pub(super) counters: Vec<RawFd>,
    pub(super) noticed: Vec<u64>,
}

impl Files {
    pub(super) fn new() -> Files {
        Files {
            slots: Vec::new(),
            free: Vec::new(),
            table: HashMap::default(),
            tokens: HashMap::default(),
            watch: Watch::default(),
            opened: 0,
            strays: 0,
            counters: Vec::new(),
            noticed: Vec::new(),
        }
    }

    /// An open file that nobody uses yet.
    pub(super) fn insert(&mut self, host: HostId, kind: Kind) -> FileId {
        self.opened += 1;
        let file = OpenFile {
            kind,
            host,
            serial: self.opened,
            users: 0,
            waiters: Vec::new(),
            options: BTreeMap::new(),
        };
        if let Some(index) = self.free.pop() {
            let slot = &mut self.slots[index as usize];
            slot.file = Some(file);
            return FileId { index, generation: slot.generation };
        }
        let index = self.slots.len() as u32;
        self.slots.push(Slot { generation: 0, file: Some(file) });
        FileId { index, generation: 0 }
    }

    #[inline]
    pub(super) fn get(&self, id: FileId) -> Option<&OpenFile> {
        let slot = self.slots.get(id.index as usize)?;
        if slot.generation == id.generation { slot.file.as_ref() } else { None }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: FileId) -> Option<&mut OpenFile> {
        let slot = self.slots.get_mut(id.index as usize)?;
        if slot.generation == id.generation { slot.file.as_mut() } else { None }
    }

    #[inline]
    pub(super) fn tcp(&mut self, id: FileId) -> Option<&mut Tcp> {
        match &mut self.get_mut(id)?.kind {
            Kind::Tcp(tcp) => Some(tcp),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn udp(&mut self, id: FileId) -> Option<&mut Udp> {
        match &mut self.get_mut(id)?.kind {
            Kind::Udp(udp) => Some(udp),
            _ => None,
        }
    }

    /// The file that a number names.
    #[inline]
    pub(super) fn find(&self, number: RawFd) -> Option<FileId> {
        self.table.get(&number).map(|descriptor| descriptor.file)
    }

    /// One more user of a file.
    pub(super) fn retain(&mut self, id: FileId) {
        if let Some(file) = self.get_mut(id) {
            file.users += 1;
        }
    }

    /// One user less; the file when that was the last one.
    fn release(&mut self, id: FileId) -> Option<OpenFile> {
        let file = self.get_mut(id)?;
        file.users -= 1;
        if file.users > 0 {
            return None;
        }
        self.remove(id)
    }

    /// Takes a file away from all of its users.
    pub(super) fn remove(&mut self, id: FileId) -> Option<OpenFile> {
        let slot = &mut self.slots[id.index as usize];
        if slot.generation != id.generation {
            return None;
        }
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.index);
        slot.file.take()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (FileId, &OpenFile)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let id = FileId { index: index as u32, generation: slot.generation };
            slot.file.as_ref().map(|file| (id, file))
        })
    }
}

/// What the simulator does with open files.
impl Machine {
    /// One user of a file less; with the last one the file ends.
    pub(super) fn release_file(&mut self, file: FileId) {
        if let Some(ended) = self.files.release(file) {
            self.end_file(file, ended);
        }
    }

    fn end_file(&mut self, id: FileId, ended: OpenFile) {
        self.note("end of file", ended.serial, 0);
        match ended.kind {
            Kind::Tcp(tcp) => {
                let lingers = ended.options.get(&(libc::SOL_SOCKET, libc::SO_LINGER));
                let resets = lingers == Some(&[1, 0]);
                self.end_tcp(*tcp, resets);
            }
            Kind::Udp(_) => self.forget_bound(),
            Kind::Event(_) => {}
            Kind::Pipe(pipe, end) => self.close_end(pipe, end),
            Kind::Disk(open) => {
                if let Some(disk) =
                    self.hosts.get_mut(ended.host.index()).map(|host| &mut host.disk)
                {
                    disk.close(open.ino, id);
                }
            }
        }
    }

    /// A file vanishes with its host; silently, or so that a peer is told by a reset.
    pub(super) fn lose_file(&mut self, lost: OpenFile, is_silent: bool) {
        self.note("lost", lost.serial, i64::from(is_silent));
        match lost.kind {
            Kind::Tcp(tcp) => match tcp.state {
                State::Connected(connection, side) if is_silent => {
                    self.forget_side(connection, side);
                }
                _ => self.end_tcp(*tcp, true),
            },
            Kind::Udp(_) => self.forget_bound(),
            Kind::Pipe(pipe, end) => self.close_end(pipe, end),
            Kind::Event(_) | Kind::Disk(_) => {}
        }
    }

    /// Adds one to an event counter; whether the number names one.
    pub(super) fn signal(&mut self, number: RawFd) -> bool {
        let Some(file) = self.files.find(number) else { return false };
        match self.files.get_mut(file).map(|file| &mut file.kind) {
            Some(Kind::Event(count)) => *count = count.saturating_add(1),
            _ => return false,
        }
        self.wake_file(file, POLLIN);
        true
    }

    /// Wakes the ops that wait for one of these events.
    pub(super) fn wake_file(&mut self, file: FileId, events: u32) {
        self.wake_some(file, events, usize::MAX);
    }

    /// As [`wake_file`](Self::wake_file), but at most so many accepts: each takes one connection.
    pub(super) fn wake_some(&mut self, file: FileId, events: u32, mut accepts: usize) {
        let Some(open) = self.files.get_mut(file) else { return };
        let is_over = events & (POLLERR | POLLHUP) != 0;
        let mut at = 0;
        while at < open.waiters.len() {
            let (id, wanted) = open.waiters[at];
            let Some(op) = self.ops.get_mut(id) else {
                open.waiters.remove(at);
                continue;
            };
            let is_accept = op.sqe.opcode == codes::ACCEPT;
            if (wanted & events == 0 && !is_over) || (is_accept && accepts == 0) {
                at += 1;
                continue;
            }
            accepts -= usize::from(is_accept);
            open.waiters.remove(at);
            op.stage = Stage::Woken;
            let ring = op.ring;
            self.rings[ring].add_work(id);
        }
    }
}
