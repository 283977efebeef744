//! Cancels, in all the ways that they may end (`uring-sys-notes/cancellation.md`).
//!
//! A cancel wins, or loses against what is there, or comes while the op runs: then it says so, and
//! the op ends by itself before long, with whatever it gets until then.

use super::Fault;
use super::codes;
use super::enter::timespec_ns;
use super::events::Due;
use super::machine::Machine;
use super::ops::{Op, OpId, Stage};

/// How long an op goes on at most after a cancel that came while it ran, on average.
const STOPPING_NS: u64 = 200_000;

impl Machine {
    /// An entry that cancels others: `ASYNC_CANCEL`, `POLL_REMOVE`, `TIMEOUT_REMOVE`.
    pub(super) fn cancel_op(&mut self, id: OpId) {
        let Some(op) = self.ops.get(id) else { return };
        let (opcode, flags, ring, name) = (op.sqe.opcode, op.sqe.op_flags, op.ring, op.sqe.addr);
        let res = match opcode {
            codes::TIMEOUT_REMOVE => self.remove_timeout(id),
            codes::ASYNC_CANCEL if flags & !codes::CANCEL_ALL != 0 => self.cancel_matching(id),
            _ => {
                let found: Vec<OpId> =
                    self.rings[ring].names.find(&self.ops, name).into_iter().rev().collect();
                let all = opcode == codes::ASYNC_CANCEL && flags & codes::CANCEL_ALL != 0;
                self.cancel_each(id, found, all)
            }
        };
        self.complete(id, res, 0);
    }

    /// Cancels by descriptor, or all.
    fn cancel_matching(&mut self, id: OpId) -> i32 {
        let Some(op) = self.ops.get(id) else { return -libc::ENOENT };
        let (flags, ring, number) = (op.sqe.op_flags, op.ring, op.sqe.fd);
        let file = self.files.find(number);
        if flags & codes::CANCEL_FD != 0 && file.is_none() {
            return -libc::EBADF;
        }
        let matches = |op: &Op| {
            op.ring == ring
                && (flags & codes::CANCEL_ANY != 0 || (file.is_some() && op.file == file))
        };
        let mut found: Vec<(u64, OpId)> = self
            .ops
            .iter()
            .filter(|(other, op)| *other != id && matches(op))
            .map(|(other, op)| (op.serial, other))
            .collect();
        found.sort_unstable();
        let mut found: Vec<OpId> = found.into_iter().map(|(_, op)| op).collect();
        if flags & codes::CANCEL_ANY == 0 {
            found.retain(|op| !self.is_without_file(*op));
        }
        self.cancel_each(id, found, flags & (codes::CANCEL_ALL | codes::CANCEL_ANY) != 0)
    }

    /// Whether an op has not got its file yet, by which it would be found: it gets that from the worker
    /// that it is on its way to.
    fn is_without_file(&mut self, id: OpId) -> bool {
        let is_underway = self.ops.get(id).is_some_and(|op| op.stage == Stage::Pending);
        let is_without = is_underway && self.chance(Fault::Uncancellable);
        if is_without {
            mark!("cancel before the op has its file");
        }
        is_without
    }

    /// Tries each of these; the first that is found, or all.
    fn cancel_each(&mut self, own: OpId, found: Vec<OpId>, all: bool) -> i32 {
        let mut count = 0;
        let mut last = libc::ENOENT;
        for target in found {
            let can_be = |op: &Op| op.sqe.opcode != codes::LINK_TIMEOUT;
            if target == own || !self.ops.get(target).is_some_and(can_be) {
                continue;
            }
            match self.try_cancel(target) {
                Ok(()) if !all => return 0,
                Ok(()) => count += 1,
                Err(errno) if !all && errno != libc::ENOENT => return -errno,
                Err(errno) => last = errno,
            }
        }
        if all { count } else { -last }
    }

    /// Tries to end an op: `Ok` if it ends because of it, else why not.
    pub(super) fn try_cancel(&mut self, id: OpId) -> Result<(), i32> {
        let Some(op) = self.ops.get(id) else { return Err(libc::ENOENT) };
        match op.stage {
            // Until its completion is posted, one more cancel finds it and says the same.
            Stage::Done { .. } if op.is_cancelled => return Ok(()),
            Stage::Done { .. } => {
                mark!("cancel after completion");
                return Err(libc::ENOENT);
            }
            Stage::Linked | Stage::Running => return Err(libc::ENOENT),
            Stage::Timer => {
                self.complete(id, -libc::ECANCELED, 0);
                return Ok(());
            }
            Stage::Pending | Stage::Armed | Stage::Woken => {}
        }
        if op.is_stopping {
            return Err(libc::EALREADY);
        }
        let (opcode, is_armed) = (op.sqe.opcode, op.stage == Stage::Armed);
        if self.chance(Fault::CancelLost) && self.wins_against_cancel(id) {
            return Err(libc::ENOENT);
        }
        let accepts = opcode == codes::ACCEPT && is_armed && self.chance(Fault::AcceptWins);
        if accepts {
            mark!("accept waits on after its cancel");
        }
        // A worker sits in the kernel's own wait, out of which only a signal brings it.
        let moves = super::submit::moves(opcode) && is_armed;
        if accepts || moves || self.chance(Fault::Uncancellable) {
            mark!("cancel while it runs");
            self.stop_later(id);
            return Err(libc::EALREADY);
        }
        self.end_cancelled(id);
        Ok(())
    }

    /// Lets an op take what is there before its cancel; whether that ended it.
    fn wins_against_cancel(&mut self, id: OpId) -> bool {
        let Some(op) = self.ops.get(id) else { return false };
        if op.is_multishot() || op.stage == Stage::Pending {
            return false;
        }
        self.leave_file(id);
        self.attempt(id);
        match self.ops.get(id).map(|op| op.stage) {
            Some(Stage::Armed | Stage::Pending) => false,
            _ => {
                mark!("cancel lost with data");
                true
            }
        }
    }

    fn stop_later(&mut self, id: OpId) {
        let after_ns = 1 + self.rng.spread(STOPPING_NS);
        if let Some(op) = self.ops.get_mut(id) {
            op.is_stopping = true;
        }
        self.events.push(self.now_ns + after_ns, Due::GiveUp(id));
    }

    /// An op whose cancel came while it ran ends, if it has not by now.
    pub(super) fn give_up(&mut self, id: OpId) {
        let Some(op) = self.ops.get(id) else { return };
        if matches!(op.stage, Stage::Done { .. }) {
            return;
        }
        let was_on_worker = op.stage == Stage::Pending;
        let moves = super::submit::moves(op.sqe.opcode);
        let done = op.done_bytes();
        self.leave_file(id);
        let res = match (done, was_on_worker) {
            // What the kernel means for itself (`ERESTARTSYS`), this opcode hands on.
            (0, _) if moves => -512,
            (0, true) if self.rng.chance(500) => -libc::EINTR,
            (0, _) => -libc::ECANCELED,
            (done, _) => done as i32,
        };
        self.finish_later(id, res, 0);
    }

    /// Ends an op as cancelled, with the bytes it has if it has some.
    fn end_cancelled(&mut self, id: OpId) {
        let Some(op) = self.ops.get(id) else { return };
        let res = match op.done_bytes() {
            0 => -libc::ECANCELED,
            done => {
                mark!("cancelled with part of its bytes");
                done as i32
            }
        };
        self.leave_file(id);
        if self.chance(Fault::Reorder) {
            mark!("completion overtakes another");
            return self.complete(id, res, 0);
        }
        let Some(op) = self.ops.get_mut(id) else { return };
        op.stage = Stage::Done { res, flags: 0 };
        op.is_cancelled = true;
        let ring = op.ring;
        self.rings[ring].add_work(id);
    }

    /// Takes an op off the list of those that wait for its file.
    pub(super) fn leave_file(&mut self, id: OpId) {
        let Some(op) = self.ops.get(id) else { return };
        for file in [op.file, op.source] {
            if let Some(open) = file.and_then(|file| self.files.get_mut(file)) {
                open.waiters.retain(|(waiter, _)| *waiter != id);
            }
        }
    }

    /// Takes a timeout back, or moves it.
    fn remove_timeout(&mut self, id: OpId) -> i32 {
        let Some(op) = self.ops.get(id) else { return -libc::ENOENT };
        let (sqe, ring) = (op.sqe, op.ring);
        let found = self.rings[ring].names.find(&self.ops, sqe.addr);
        let is_timer = |id: &OpId| {
            let timer = |op: &Op| op.stage == Stage::Timer && op.sqe.opcode == codes::TIMEOUT;
            self.ops.get(*id).is_some_and(timer)
        };
        let Some(target) = found.into_iter().find(is_timer) else { return -libc::ENOENT };
        if sqe.op_flags & codes::TIMEOUT_UPDATE != 0 {
            let Some(time) = timespec_ns(sqe.off) else { return -libc::EINVAL };
            let is_absolute = sqe.op_flags & codes::TIMEOUT_ABS != 0;
            let at_ns = if is_absolute { time } else { self.now_ns.saturating_add(time) };
            self.move_timeout(target, at_ns);
            return 0;
        }
        self.complete(target, -libc::ECANCELED, 0);
        0
    }
}

impl Op {
    /// The bytes that an op has done, if it counts in bytes.
    fn done_bytes(&self) -> usize {
        if self.sqe.opcode == codes::CONNECT { 0 } else { self.done }
    }
}
