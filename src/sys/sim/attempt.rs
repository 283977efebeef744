//! Trying an op against its file: it is done, or it waits.

use super::Fault;
use super::codes;
use super::files::{FileId, Kind, POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP};
use super::machine::Machine;
use super::memory;
use super::ops::{OpId, Stage};

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tried {
    /// The op is over, with this result and these flags.
    Done(i32, u32),
    /// A multishot op has an item and goes on.
    Item(i32, u32),
    /// It waits for these events of its file.
    Wait(u32),
    /// It waits for these events of what it moves bytes from.
    WaitForSource(u32),
    /// Something else will go on with it.
    Later,
}

impl Tried {
    pub(super) fn error(errno: i32) -> Tried {
        Tried::Done(-errno, 0)
    }

    pub(super) fn count(count: usize) -> Tried {
        Tried::Done(count as i32, 0)
    }
}

impl Machine {
    /// A worker of the kernel attempts an op.
    pub(super) fn attempt_on_worker(&mut self, id: OpId) {
        let Some(op) = self.ops.get(id).filter(|op| op.stage == Stage::Pending) else { return };
        let may_be = !matches!(op.sqe.opcode, codes::CLOSE | codes::CONNECT) && op.done == 0;
        if may_be && self.chance(Fault::Interrupted) {
            mark!("worker interrupted");
            let res = if self.rng.chance(500) { -libc::EINTR } else { -512 };
            return self.finish_later(id, res, 0);
        }
        self.attempt_from(id, Stage::Pending);
    }

    /// Attempts an op in passing.
    pub(super) fn attempt(&mut self, id: OpId) {
        self.attempt_from(id, Stage::Running);
    }

    fn attempt_from(&mut self, id: OpId, stage: Stage) {
        loop {
            let Some(op) = self.ops.get_mut(id) else { return };
            op.stage = stage;
            match self.try_op(id) {
                Tried::Done(res, flags) => return self.finish(id, res, flags),
                Tried::Item(res, flags) => {
                    if self.chance(Fault::MultishotEnds) || self.has_full_queue(id) {
                        mark!("multishot ended by the kernel");
                        return self.complete(id, res, flags);
                    }
                    self.post_more(id, res, flags);
                    if self.ops.get(id).is_some_and(|op| op.sqe.opcode == codes::POLL_ADD) {
                        return self.arm(id, self.polled_events(id));
                    }
                }
                Tried::Wait(events) => return self.arm(id, events),
                Tried::WaitForSource(events) => return self.arm_at_source(id, events),
                Tried::Later => return,
            }
        }
    }

    /// Whether the op's next item would overflow the queue, which ends a multishot op.
    fn has_full_queue(&self, id: OpId) -> bool {
        let Some(op) = self.ops.get(id) else { return false };
        let untaken = self.rings[op.ring].shared.untaken();
        !self.rings[op.ring].overflow.is_empty() || untaken >= self.queue_size(op.ring)
    }

    /// Lets the op wait for events of its file.
    fn arm(&mut self, id: OpId, events: u32) {
        let Some(op) = self.ops.get_mut(id) else { return };
        op.stage = Stage::Armed;
        if let Some(file) = op.file.and_then(|file| self.files.get_mut(file)) {
            file.waiters.push((id, events));
        }
    }

    /// As [`arm`](Self::arm), of the file that it moves bytes from.
    fn arm_at_source(&mut self, id: OpId, events: u32) {
        let Some(op) = self.ops.get_mut(id) else { return };
        op.stage = Stage::Armed;
        if let Some(source) = op.source.and_then(|source| self.files.get_mut(source)) {
            source.waiters.push((id, events));
        }
    }

    /// Goes on with an op in its ring's deferred work.
    pub(super) fn do_work(&mut self, id: OpId) {
        let Some(op) = self.ops.get(id) else { return };
        match op.stage {
            Stage::Woken => self.attempt(id),
            Stage::Done { res, flags } => self.complete(id, res, flags),
            Stage::Timer => self.fire(id),
            Stage::Linked | Stage::Pending | Stage::Running | Stage::Armed => {}
        }
    }

    fn try_op(&mut self, id: OpId) -> Tried {
        if let Some(errno) = self.odd_error(id) {
            return Tried::error(errno);
        }
        let Some(op) = self.ops.get(id) else { return Tried::Later };
        match op.sqe.opcode {
            codes::NOP => Tried::Done(0, 0),
            codes::POLL_ADD => self.try_poll(id),
            codes::READ | codes::READV => self.try_read(id),
            codes::WRITE | codes::WRITEV => self.try_write(id),
            codes::READ_FIXED | codes::WRITE_FIXED => self.try_fixed(id),
            codes::SPLICE | codes::TEE => self.try_move(id),
            codes::RECV | codes::RECVMSG => self.try_recv(id),
            codes::SEND | codes::SENDMSG => self.try_send(id),
            codes::SEND_ZC | codes::SENDMSG_ZC => self.try_send_zero_copy(id),
            codes::ACCEPT => self.try_accept(id),
            codes::CONNECT => self.try_connect(id),
            codes::SHUTDOWN => self.try_shutdown(id),
            codes::SOCKET => self.try_socket(id),
            codes::CLOSE => self.try_close(id),
            codes::MSG_RING => self.try_message(id),
            _ => self.try_file_op(id),
        }
    }

    /// An error that the op may have for no reason that a program can see.
    fn odd_error(&mut self, id: OpId) -> Option<i32> {
        let errnos: &[i32] = match self.ops.get(id)?.sqe.opcode {
            codes::ACCEPT => &[libc::ECONNABORTED, libc::ENOMEM, libc::EMFILE, libc::ENFILE],
            codes::CONNECT if self.is_udp(self.ops.get(id)?.file) => {
                &[libc::ENETUNREACH, libc::ENOMEM]
            }
            codes::CONNECT => &[libc::ETIMEDOUT, libc::EHOSTUNREACH, libc::ENOMEM],
            codes::SEND | codes::SENDMSG => &[libc::ENOMEM, libc::ENOBUFS],
            codes::OPENAT => &[libc::ENOMEM, libc::EMFILE, libc::EIO],
            codes::STATX | codes::UNLINKAT | codes::RENAMEAT | codes::MKDIRAT => {
                &[libc::ENOMEM, libc::EIO]
            }
            _ => return None,
        };
        if self.ops.get(id)?.done > 0 || !self.chance(Fault::OpError) {
            return None;
        }
        mark!("op failed for its own reason");
        Some(errnos[self.rng.below(errnos.len() as u64) as usize])
    }

    fn polled_events(&self, id: OpId) -> u32 {
        self.ops.get(id).map_or(0, |op| op.sqe.op_flags)
    }

    fn try_poll(&mut self, id: OpId) -> Tried {
        let Some(op) = self.ops.get(id) else { return Tried::Later };
        let wanted = op.sqe.op_flags;
        let Some(file) = op.file else { return Tried::error(libc::EBADF) };
        let events = self.events_of(file) & (wanted | POLLERR | POLLHUP | POLLRDHUP);
        match events {
            0 => Tried::Wait(wanted),
            events if op.is_multishot() => Tried::Item(events as i32, 0),
            events => Tried::Done(events as i32, 0),
        }
    }

    /// What is the case with a file now.
    pub(super) fn events_of(&self, file: FileId) -> u32 {
        match self.files.get(file).map(|file| &file.kind) {
            Some(Kind::Tcp(tcp)) => self.events_of_tcp(tcp),
            Some(Kind::Udp(udp)) => udp.events(),
            Some(Kind::Event(count)) if *count > 0 => POLLIN | POLLOUT,
            Some(Kind::Event(_)) => POLLOUT,
            Some(Kind::Disk(_)) => POLLIN | POLLOUT,
            Some(Kind::Pipe(pipe, end)) => self.events_of_pipe(*pipe, *end),
            None => POLLERR,
        }
    }

    pub(super) fn try_read(&mut self, id: OpId) -> Tried {
        let Some(op) = self.ops.get(id) else { return Tried::Later };
        let Some(file) = op.file else { return Tried::error(libc::EBADF) };
        match self.files.get_mut(file).map(|file| &mut file.kind) {
            Some(Kind::Tcp(_) | Kind::Udp(_)) => self.try_recv(id),
            Some(Kind::Disk(open)) => {
                let open = *open;
                self.read_disk(id, file, open)
            }
            Some(Kind::Pipe(pipe, end)) => {
                let (pipe, end) = (*pipe, *end);
                self.read_pipe(id, pipe, end)
            }
            Some(Kind::Event(0)) => Tried::Wait(POLLIN),
            Some(Kind::Event(count)) => {
                let taken = std::mem::take(count);
                if memory::total(&op.pieces()) < 8 {
                    return Tried::error(libc::EINVAL);
                }
                memory::scatter(&op.pieces(), 0, &taken.to_ne_bytes());
                Tried::count(8)
            }
            None => Tried::error(libc::EBADF),
        }
    }

    pub(super) fn try_write(&mut self, id: OpId) -> Tried {
        let Some(op) = self.ops.get(id) else { return Tried::Later };
        let Some(file) = op.file else { return Tried::error(libc::EBADF) };
        match self.files.get_mut(file).map(|file| &mut file.kind) {
            Some(Kind::Tcp(_) | Kind::Udp(_)) => self.try_send(id),
            Some(Kind::Disk(open)) => {
                let open = *open;
                self.write_disk(id, file, open)
            }
            Some(Kind::Pipe(pipe, end)) => {
                let (pipe, end) = (*pipe, *end);
                self.write_pipe(id, pipe, end)
            }
            Some(Kind::Event(count)) => {
                let mut bytes = Vec::new();
                memory::gather(&op.pieces(), 0, 8, &mut bytes);
                let Ok(word) = bytes.try_into() else { return Tried::error(libc::EINVAL) };
                *count = count.saturating_add(u64::from_ne_bytes(word));
                self.wake_file(file, POLLIN);
                Tried::count(8)
            }
            None => Tried::error(libc::EBADF),
        }
    }

    fn try_close(&mut self, id: OpId) -> Tried {
        let Some(op) = self.ops.get(id) else { return Tried::Later };
        let (number, serial) = (op.sqe.fd, op.serial);
        if self.close_number(number) {
            return Tried::Done(0, 0);
        }
        self.suspect("a close names a descriptor that is not open", serial);
        Tried::error(libc::EBADF)
    }
}
