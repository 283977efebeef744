//! Taking entries in: chains are put together, what entries point to is copied, each op begins.

use super::codes;
use super::enter::timespec_ns;
use super::events::Due;
use super::machine::Machine;
use super::memory::{self, Memory};
use super::ops::{Op, OpId, Payload, Stage};
use super::shared::Sqe;
use super::{Fault, address};

/// What a worker of the kernel takes to get to an op.
const WORKER_NS: u64 = 5_000;

impl Machine {
    /// Takes up to `most` entries; answers how many.
    pub(super) fn submit(&mut self, ring: usize, most: u32) -> u32 {
        let mut taken = 0;
        let (mut head, mut tail): (Option<OpId>, Option<OpId>) = (None, None);
        while taken < most {
            let Some(sqe) = self.rings[ring].shared.take() else { break };
            taken += 1;
            let id = self.admit(ring, sqe);
            if let Some(before) = tail.and_then(|tail| self.ops.get_mut(tail)) {
                before.next = Some(id);
            } else {
                head = Some(id);
            }
            if self.ops.get(id).is_some_and(Op::is_linked) {
                tail = Some(id);
                continue;
            }
            tail = None;
            if let Some(first) = head.take() {
                self.issue(first);
            }
        }
        // A chain ends with its submit.
        if let Some(first) = head {
            mark!("chain cut by its submit");
            self.issue(first);
        }
        taken
    }

    /// Makes an op of an entry.
    fn admit(&mut self, ring: usize, sqe: Sqe) -> OpId {
        self.ops_made += 1;
        let mut op = Op::new(sqe, ring, self.ops_made);
        let serial = op.serial;
        let stats_open_file =
            sqe.opcode == codes::STATX && sqe.op_flags & libc::AT_EMPTY_PATH as u32 != 0;
        if uses_file(sqe.opcode) || stats_open_file {
            op.file = self.files.find(sqe.fd);
            match op.file {
                Some(file) => self.files.retain(file),
                None => {
                    op.refused = libc::EBADF;
                    self.suspect("an entry names a descriptor that is not open", serial);
                }
            }
        }
        if moves(sqe.opcode) && op.refused == 0 {
            // The kernel looks for it when the op begins, and says the same.
            op.source = self.files.find(sqe.file_index);
            match op.source {
                Some(source) => self.files.retain(source),
                None => {
                    op.refused = libc::EBADF;
                    self.suspect("an entry names a descriptor that is not open", serial);
                }
            }
        }
        if op.is_multishot()
            && op.has_flag(codes::CQE_SKIP_SUCCESS)
            && op.sqe.opcode == codes::POLL_ADD
        {
            op.refused = libc::EINVAL;
        }
        if op.refused == 0 {
            match self.copy_in(&sqe) {
                Ok(payload) => op.payload = payload,
                Err(errno) => op.refused = errno,
            }
            if matches!(sqe.opcode, codes::SENDMSG | codes::SENDMSG_ZC) {
                match address::of_message(sqe.addr) {
                    Ok(target) => op.target = target,
                    Err(errno) => op.refused = errno,
                }
            }
        }
        self.note(codes::name(sqe.opcode), serial, i64::from(sqe.len));
        self.lend(&op);
        let id = self.ops.insert(op);
        self.rings[ring].in_flight += 1;
        let is_twin = self.rings[ring].names.enter(&mut self.ops, id);
        // Cancels of one op, and closes of a number that was another's, may be alike.
        if is_twin && !matches!(sqe.opcode, codes::ASYNC_CANCEL | codes::CLOSE) {
            self.suspect("two ops in flight have the same user data", serial);
        }
        id
    }

    /// Copies what the kernel copies at the submit.
    fn copy_in(&mut self, sqe: &Sqe) -> Result<Payload, i32> {
        match sqe.opcode {
            codes::TIMEOUT | codes::LINK_TIMEOUT => self.deadline(sqe).map(Payload::Deadline),
            codes::CONNECT => {
                let memory = Memory::new(sqe.addr, sqe.off as usize);
                match address::read(memory) {
                    Some(address) => Ok(Payload::Address(address)),
                    None if address::is_nobody(memory) => Ok(Payload::None),
                    None => Err(libc::EAFNOSUPPORT),
                }
            }
            codes::GETXATTR | codes::SETXATTR => {
                Ok(Payload::Paths(memory::c_string(sqe.addr3), memory::c_string(sqe.addr)))
            }
            codes::READV | codes::WRITEV => {
                Ok(Payload::Pieces(memory::pieces(sqe.addr, sqe.len as usize)))
            }
            codes::SENDMSG | codes::RECVMSG | codes::SENDMSG_ZC => {
                let header: libc::msghdr =
                    Memory::new(sqe.addr, size_of::<libc::msghdr>()).read_as();
                let count = header.msg_iovlen as usize;
                Ok(Payload::Pieces(memory::pieces(header.msg_iov as u64, count)))
            }
            codes::OPENAT | codes::STATX | codes::UNLINKAT | codes::MKDIRAT => {
                Ok(Payload::Paths(memory::c_string(sqe.addr), Vec::new()))
            }
            codes::RENAMEAT | codes::LINKAT | codes::SYMLINKAT => {
                Ok(Payload::Paths(memory::c_string(sqe.addr), memory::c_string(sqe.off)))
            }
            opcode if codes::is_known(opcode) => Ok(Payload::None),
            opcode => {
                self.violation(format!(
                    "the simulator does not know the opcode {opcode}: it has to be taught what the \
                     crate uses"
                ));
                Err(libc::EINVAL)
            }
        }
    }

    fn deadline(&self, sqe: &Sqe) -> Result<u64, i32> {
        if sqe.addr == 0 {
            return Err(libc::EFAULT);
        }
        let time = timespec_ns(sqe.addr).ok_or(libc::EINVAL)?;
        let is_absolute = sqe.op_flags & codes::TIMEOUT_ABS != 0;
        Ok(if is_absolute { time } else { self.now_ns.saturating_add(time) })
    }

    /// Begins an op that nothing stands before.
    pub(super) fn issue(&mut self, id: OpId) {
        let Some(op) = self.ops.get(id) else { return };
        let (opcode, refused, serial) = (op.sqe.opcode, op.refused, op.serial);
        if refused != 0 {
            return self.complete(id, -refused, 0);
        }
        if self.is_dead(id) {
            return self.complete(id, -libc::ECANCELED, 0);
        }
        if self.has_bad_timeout(id) {
            return self.complete(id, -libc::ECANCELED, 0);
        }
        self.garble(id);
        match opcode {
            codes::LINK_TIMEOUT => {
                // One that stands behind no op of its chain.
                mark!("linked timeout without its op");
                self.complete(id, -libc::EINVAL, 0);
            }
            codes::TIMEOUT => self.start_timeout(id),
            codes::ASYNC_CANCEL | codes::POLL_REMOVE | codes::TIMEOUT_REMOVE => self.cancel_op(id),
            _ => match self.detour_ns(id) {
                None => self.attempt(id),
                Some(after_ns) => {
                    if let Some(op) = self.ops.get_mut(id) {
                        op.stage = Stage::Pending;
                    }
                    self.note("worker", serial, after_ns as i64);
                    self.events.push(self.now_ns + after_ns, Due::Attempt(id));
                }
            },
        }
        // The kernel starts it once the first attempt has returned, which is not before the end of an
        // op that waits on a worker. Before 6.15 it did not wait for that.
        if !moves(opcode) || self.faults.get(Fault::OldKernel) > 0 {
            self.start_linked_timeout(id);
        }
    }

    /// Whether the op's host has crashed: then nothing is done any more but closing.
    fn is_dead(&self, id: OpId) -> bool {
        let Some(op) = self.ops.get(id) else { return false };
        let is_up = self.hosts[self.rings[op.ring].host.index()].is_up;
        !is_up && !matches!(op.sqe.opcode, codes::CLOSE | codes::ASYNC_CANCEL)
    }

    /// How long it takes until a worker attempts the op; `None` when it is attempted at once.
    fn detour_ns(&mut self, id: OpId) -> Option<u64> {
        let op = self.ops.get(id)?;
        let opcode = op.sqe.opcode;
        let is_forced = op.has_flag(codes::ASYNC) || always_on_a_worker(&op.sqe);
        let may_go = !matches!(opcode, codes::NOP | codes::MSG_RING | codes::CLOSE);
        let is_chosen = !is_forced && may_go && self.chance(Fault::Worker);
        if is_chosen {
            mark!("op goes by a worker for once");
        }
        if is_forced || is_chosen {
            mark!("op on a worker");
            return Some(1 + self.latency_ns(WORKER_NS));
        }
        None
    }

    /// How long something takes that takes `base_ns` without faults.
    pub(super) fn latency_ns(&mut self, base_ns: u64) -> u64 {
        let mean_us = u64::from(self.faults.get(Fault::Latency));
        base_ns + self.rng.spread(mean_us * 1000)
    }
}

/// Whether the entry's `fd` names a file.
fn uses_file(opcode: u8) -> bool {
    matches!(
        opcode,
        codes::READV
            | codes::WRITEV
            | codes::READ_FIXED
            | codes::WRITE_FIXED
            | codes::SPLICE
            | codes::TEE
            | codes::FSYNC
            | codes::POLL_ADD
            | codes::SENDMSG
            | codes::RECVMSG
            | codes::ACCEPT
            | codes::CONNECT
            | codes::FALLOCATE
            | codes::READ
            | codes::WRITE
            | codes::FADVISE
            | codes::SEND
            | codes::RECV
            | codes::SHUTDOWN
            | codes::SEND_ZC
            | codes::SENDMSG_ZC
            | codes::FTRUNCATE
    )
}

/// Whether the opcode moves bytes from another file, `file_index`, to the one that `fd` names.
pub(super) fn moves(opcode: u8) -> bool {
    matches!(opcode, codes::SPLICE | codes::TEE)
}

/// Opcodes that the kernel never tries in passing (`REQ_F_FORCE_ASYNC`).
pub(super) fn always_on_a_worker(sqe: &Sqe) -> bool {
    const MAKES: u32 = (libc::O_CREAT | libc::O_TRUNC | libc::O_TMPFILE) as u32;
    match sqe.opcode {
        codes::OPENAT => sqe.op_flags & MAKES != 0,
        codes::STATX
        | codes::FSYNC
        | codes::FALLOCATE
        | codes::FTRUNCATE
        | codes::UNLINKAT
        | codes::RENAMEAT
        | codes::MKDIRAT
        | codes::SYMLINKAT
        | codes::LINKAT
        | codes::SETXATTR
        | codes::GETXATTR
        | codes::SPLICE
        | codes::TEE
        | codes::SHUTDOWN => true,
        _ => false,
    }
}
