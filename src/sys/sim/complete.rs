//! The end of an op: its completion, what was linked to it, what it held.

use super::Fault;
use super::codes;
use super::events::Due;
use super::machine::Machine;
use super::ops::{Op, OpId, Stage};

impl Machine {
    /// An op has been done. Its completion comes now or later.
    pub(super) fn finish(&mut self, id: OpId, res: i32, flags: u32) {
        let Some(op) = self.ops.get(id) else { return };
        let is_control = matches!(op.sqe.opcode, codes::ASYNC_CANCEL | codes::MSG_RING);
        let was_on_worker = op.stage == Stage::Pending;
        let deferred = !is_control && (was_on_worker || self.chance(Fault::Deferred));
        if !deferred {
            return self.complete(id, res, flags);
        }
        if !was_on_worker {
            mark!("completion put off");
        }
        self.finish_later(id, res, flags);
    }

    /// As [`finish`](Self::finish), and the completion is not posted within this call.
    pub(super) fn finish_later(&mut self, id: OpId, res: i32, flags: u32) {
        let after_ns = self.latency_ns(0);
        let Some(op) = self.ops.get_mut(id) else { return };
        op.stage = Stage::Done { res, flags };
        let ring = op.ring;
        if after_ns == 0 {
            self.rings[ring].add_work(id);
        } else {
            mark!("late completion");
            self.events.push(self.now_ns + after_ns, Due::Complete(id));
        }
    }

    /// Ends an op: posts its final completion and goes on with its chain.
    pub(super) fn complete(&mut self, id: OpId, res: i32, flags: u32) {
        self.ungarble(id, res);
        let Some(op) = self.ops.remove(id) else { return };
        let ring = op.ring;
        self.rings[ring].names.strike(&mut self.ops, id, &op);
        self.rings[ring].in_flight -= 1;
        self.ops_done += 1;
        self.take_back(&op);
        self.note("complete", op.serial, traced(&op, res));
        if !is_silent(&op, res) {
            self.post(ring, op.sqe.user_data, res, flags);
        }
        if let Some(file) = op.file {
            self.files_drop_waiter(file, id);
            self.release_file(file);
        }
        if let Some(source) = op.source {
            self.files_drop_waiter(source, id);
            self.release_file(source);
        }
        if let Some(timeout) = op.timeout {
            self.complete(timeout, -libc::ECANCELED, 0);
        }
        self.go_on(&op, res);
    }

    fn files_drop_waiter(&mut self, file: super::files::FileId, id: OpId) {
        if let Some(open) = self.files.get_mut(file) {
            open.waiters.retain(|(waiter, _)| *waiter != id);
        }
    }

    /// Goes on with the chain of an op that has ended.
    fn go_on(&mut self, op: &Op, res: i32) {
        let mut next = op.next;
        // A timeout that was never started belongs to the op that has ended.
        if let Some(timeout) = next.filter(|next| self.is_linked_timeout(*next)) {
            next = self.ops.get_mut(timeout).and_then(|timeout| timeout.next.take());
            let refused = self.ops.get(timeout).map_or(0, |timeout| timeout.refused);
            let errno = if refused != 0 { refused } else { libc::ECANCELED };
            self.complete(timeout, -errno, 0);
        }
        let Some(next) = next else { return };
        if !is_failure(op, res) || op.has_flag(codes::IO_HARDLINK) {
            self.issue(next);
        } else {
            mark!("chain cancelled");
            self.cancel_chain(next);
        }
    }

    /// Ends every op of a chain that does not begin any more.
    fn cancel_chain(&mut self, first: OpId) {
        let mut at = Some(first);
        while let Some(id) = at {
            at = self.ops.get_mut(id).and_then(|op| op.next.take());
            self.complete(id, -libc::ECANCELED, 0);
        }
    }

    pub(super) fn is_linked_timeout(&self, id: OpId) -> bool {
        self.ops.get(id).is_some_and(|op| op.sqe.opcode == codes::LINK_TIMEOUT)
    }

    /// Posts a completion that is not the op's last.
    pub(super) fn post_more(&mut self, id: OpId, res: i32, flags: u32) {
        let Some(op) = self.ops.get(id) else { return };
        let (ring, user_data, serial) = (op.ring, op.sqe.user_data, op.serial);
        let value = traced(op, res);
        self.note("item", serial, value);
        self.post(ring, user_data, res, flags | codes::F_MORE);
    }

    /// Puts a completion into the ring's queue, or keeps it until there is room.
    pub(super) fn post(&mut self, ring: usize, user_data: u64, res: i32, flags: u32) {
        let room = self.queue_size(ring);
        let ring = &mut self.rings[ring];
        if ring.overflow.is_empty() && ring.shared.untaken() < room {
            return ring.shared.post(user_data, res, flags);
        }
        mark!("completion queue overflow");
        ring.overflow.push_back((user_data, res, flags));
        ring.shared.set_overflowed(true);
    }

    /// Brings kept completions in, as far as there is room.
    pub(super) fn flush_overflow(&mut self, ring: usize) {
        let room = self.queue_size(ring);
        let ring = &mut self.rings[ring];
        while ring.shared.untaken() < room {
            let Some((user_data, res, flags)) = ring.overflow.pop_front() else { break };
            ring.shared.post(user_data, res, flags);
        }
        ring.shared.set_overflowed(!ring.overflow.is_empty());
    }

    /// How many completions a queue holds before the kernel keeps them itself.
    pub(super) fn queue_size(&self, ring: usize) -> u32 {
        let size = self.rings[ring].shared.cq_entries();
        match self.faults.get(Fault::TinyCompletionQueue) {
            0 => size,
            most => size.min(most),
        }
    }
}

/// The result as the trace has it: a descriptor's number is the process's own.
fn traced(op: &Op, res: i32) -> i64 {
    match op.sqe.opcode {
        codes::ACCEPT | codes::OPENAT | codes::SOCKET if res >= 0 => 0,
        _ => i64::from(res),
    }
}

/// Whether the op posts nothing when it ends so.
fn is_silent(op: &Op, res: i32) -> bool {
    if !op.has_flag(codes::CQE_SKIP_SUCCESS) {
        return false;
    }
    match op.sqe.opcode {
        // To the kernel a linked timeout that fired, or was not needed, is a success.
        codes::LINK_TIMEOUT => matches!(-res, libc::ETIME | libc::ECANCELED),
        _ => !is_failure(op, res),
    }
}

/// Whether the kernel counts a result as a failure, which cuts a chain.
fn is_failure(op: &Op, res: i32) -> bool {
    match op.sqe.opcode {
        codes::TIMEOUT if op.sqe.op_flags & codes::TIMEOUT_ETIME_SUCCESS != 0 => {
            res < 0 && res != -libc::ETIME
        }
        codes::SPLICE | codes::TEE => res < 0 || (res as u32) < op.sqe.len,
        codes::READ
        | codes::READV
        | codes::READ_FIXED
        | codes::WRITE
        | codes::WRITEV
        | codes::WRITE_FIXED => res < 0 || (res as usize) < super::memory::total(&op.pieces()),
        codes::SEND | codes::RECV if op.sqe.op_flags & libc::MSG_WAITALL as u32 != 0 => {
            res < 0 || (res as u32) < op.sqe.len
        }
        _ => res < 0,
    }
}
