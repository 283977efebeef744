//! Pipes: a bounded number of bytes between two ends.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use super::Fault;
use super::attempt::Tried;
use super::files::{FileId, Kind, POLLERR, POLLHUP, POLLIN, POLLOUT};
use super::machine::Machine;
use super::memory;
use super::ops::OpId;

/// What a pipe holds: 16 pages.
const CAPACITY: usize = 64 * 1024;
/// `PIPE_BUF`: so much is written at once or not at all.
const ATOMIC: usize = 4096;

/// Which end of a pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Reader = 0,
    Writer = 1,
}

/// Names a pipe, for as long as one of its ends is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PipeId(usize);

/// A pipe.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    pub(super) ready: VecDeque<u8>,
    /// Its reader and its writer, until each is closed.
    ends: [Option<FileId>; 2],
}

impl Pipe {
    pub(super) fn has(&self, end: End) -> bool {
        self.ends[end as usize].is_some()
    }
}

/// All pipes.
#[derive(Debug, Default)]
pub(super) struct Pipes {
    slots: Vec<Pipe>,
    free: Vec<usize>,
}

impl Pipes {
    pub(super) fn get(&self, id: PipeId) -> &Pipe {
        &self.slots[id.0]
    }

    pub(super) fn get_mut(&mut self, id: PipeId) -> &mut Pipe {
        &mut self.slots[id.0]
    }

    fn make(&mut self) -> PipeId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Pipe::default());
            self.slots.len() - 1
        });
        PipeId(index)
    }
}

/// A pipe of the real kernel's, closed on exec and with these flags.
pub(super) fn real(flags: i32) -> io::Result<[OwnedFd; 2]> {
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for the two numbers.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | flags) } == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so these are fresh descriptors that nobody else owns.
    Ok(ends.map(|end| unsafe { OwnedFd::from_raw_fd(end) }))
}

impl Machine {
    /// `pipe(2)`.
    pub(super) fn pipe(&mut self) -> io::Result<[OwnedFd; 2]> {
        self.look_around();
        let pipe = self.pipes.make();
        let ends = [End::Reader, End::Writer].map(|end| {
            let file = self.files.insert(self.current, Kind::Pipe(pipe, end));
            self.pipes.get_mut(pipe).ends[end as usize] = Some(file);
            file
        });
        let reader = self.open(ends[0]);
        let writer = self.open(ends[1]);
        // A file without a number would never be closed; one that has one closes with it.
        for (file, opened) in ends.into_iter().zip([&reader, &writer]) {
            if opened.is_err() {
                self.files.remove(file);
            }
        }
        for (end, opened) in [End::Reader, End::Writer].into_iter().zip([&reader, &writer]) {
            if opened.is_err() {
                self.close_end(pipe, end);
            }
        }
        match (reader, writer) {
            (Ok(reader), Ok(writer)) => {
                let ends = [reader, writer];
                ends.iter().for_each(|end| self.let_go(end));
                Ok(ends)
            }
            (Ok(single), Err(error)) | (Err(error), Ok(single)) => {
                self.close_owned(single);
                Err(error)
            }
            (Err(error), Err(_)) => Err(error),
        }
    }

    /// One end is not open any more: the other is told.
    pub(super) fn close_end(&mut self, id: PipeId, end: End) {
        let pipe = self.pipes.get_mut(id);
        pipe.ends[end as usize] = None;
        match (pipe.ends, end) {
            ([None, None], _) => {
                pipe.ready.clear();
                self.pipes.free.push(id.0);
            }
            ([Some(reader), _], End::Writer) => self.wake_file(reader, POLLIN | POLLHUP),
            ([_, Some(writer)], End::Reader) => self.wake_file(writer, POLLOUT | POLLERR),
            _ => {}
        }
    }

    pub(super) fn events_of_pipe(&self, id: PipeId, end: End) -> u32 {
        let pipe = self.pipes.get(id);
        match end {
            End::Reader => {
                let readable = if pipe.ready.is_empty() { 0 } else { POLLIN };
                readable | if pipe.has(End::Writer) { 0 } else { POLLHUP }
            }
            End::Writer => {
                let has_room = self.room_in(id) >= ATOMIC.min(self.capacity());
                let writable = if has_room { POLLOUT } else { 0 };
                writable | if pipe.has(End::Reader) { 0 } else { POLLERR }
            }
        }
    }

    fn capacity(&self) -> usize {
        match self.faults.get(Fault::SmallWindow) {
            0 => CAPACITY,
            bytes => bytes as usize,
        }
    }

    /// How many bytes can be written now.
    pub(super) fn room_in(&self, id: PipeId) -> usize {
        self.capacity().saturating_sub(self.pipes.get(id).ready.len())
    }

    pub(super) fn read_pipe(&mut self, id: OpId, pipe: PipeId, end: End) -> Tried {
        let Some(op) = self.ops.get(id) else { return Tried::Later };
        let pieces = op.pieces();
        let wanted = memory::total(&pieces);
        if end == End::Writer {
            return Tried::error(libc::EBADF);
        }
        let available = self.pipes.get(pipe).ready.len();
        match (wanted.min(available), self.pipes.get(pipe).has(End::Writer)) {
            _ if wanted == 0 => Tried::count(0),
            (0, true) => Tried::Wait(POLLIN),
            (0, false) => {
                mark!("end of a pipe");
                Tried::count(0)
            }
            (most, _) => {
                let short = most > 1 && self.chance(Fault::ShortRead);
                let count = if short { self.rng.between(1, most as u64) as usize } else { most };
                let bytes = self.take_from(pipe, count);
                memory::scatter(&pieces, 0, &bytes);
                Tried::count(count)
            }
        }
    }

    pub(super) fn write_pipe(&mut self, id: OpId, pipe: PipeId, end: End) -> Tried {
        let Some(op) = self.ops.get(id) else { return Tried::Later };
        let pieces = op.pieces();
        let wanted = memory::total(&pieces);
        if end == End::Reader {
            return Tried::error(libc::EBADF);
        }
        if !self.pipes.get(pipe).has(End::Reader) {
            mark!("write to a broken pipe");
            return Tried::error(libc::EPIPE);
        }
        if wanted == 0 {
            return Tried::count(0);
        }
        let (room, capacity) = (self.room_in(pipe), self.capacity());
        // A pipe that holds less than that takes what it can.
        let is_atomic = wanted <= ATOMIC.min(capacity);
        if room == 0 || (is_atomic && room < wanted) {
            mark!("write to a full pipe");
            return Tried::Wait(POLLOUT);
        }
        let mut count = wanted.min(room);
        if !is_atomic && count > 1 && self.chance(Fault::ShortWrite) {
            count = self.rng.between(1, count as u64) as usize;
        }
        let mut bytes = Vec::with_capacity(count);
        memory::gather(&pieces, 0, count, &mut bytes);
        self.put_into(pipe, &bytes);
        Tried::count(count)
    }

    /// Takes the first bytes out; there are so many.
    pub(super) fn take_from(&mut self, id: PipeId, count: usize) -> Vec<u8> {
        let pipe = self.pipes.get_mut(id);
        let (front, back) = pipe.ready.as_slices();
        let from_front = count.min(front.len());
        let bytes = [&front[..from_front], &back[..count - from_front]].concat();
        pipe.ready.drain(..count);
        if let Some(writer) = pipe.ends[End::Writer as usize] {
            self.wake_file(writer, POLLOUT);
        }
        bytes
    }

    /// Puts bytes in, for which there is room.
    pub(super) fn put_into(&mut self, id: PipeId, bytes: &[u8]) {
        let pipe = self.pipes.get_mut(id);
        pipe.ready.extend(bytes);
        if let Some(reader) = pipe.ends[End::Reader as usize] {
            self.wake_file(reader, POLLIN);
        }
    }
}
