//! The ops in flight, as the simulated kernel keeps them.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::net::SocketAddr;

use super::codes;
use super::files::FileId;
use super::memory::Memory;
use super::shared::Sqe;

/// Names an op; one that has ended is not found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OpId {
    index: u32,
    generation: u32,
}

/// Where an op stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Waits for the op before it in its chain.
    Linked,
    /// An event will attempt it: it is on its way to a worker.
    Pending,
    /// It is being attempted.
    Running,
    /// It waits for its file.
    Armed,
    /// Its file has changed; its ring's deferred work will attempt it.
    Woken,
    /// It has been done; its completion is on the way.
    Done { res: i32, flags: u32 },
    /// A timeout that stands.
    Timer,
}

/// What an entry pointed to, copied when the kernel copies it: at the submit.
#[derive(Debug, Clone, Default)]
pub(super) enum Payload {
    #[default]
    None,
    /// A time in nanoseconds of the virtual clock.
    Deadline(u64),
    Address(SocketAddr),
    Pieces(Vec<Memory>),
    /// One path or two.
    Paths(Vec<u8>, Vec<u8>),
    /// A deferred accept's connection that is on its way, and the like.
    Descriptor(i32),
}

/// The memory of an op, piece by piece.
#[derive(Debug)]
pub(super) enum Pieces {
    One([Memory; 1]),
    Many(Vec<Memory>),
}

impl std::ops::Deref for Pieces {
    type Target = [Memory];

    fn deref(&self) -> &[Memory] {
        match self {
            Pieces::One(piece) => piece,
            Pieces::Many(pieces) => pieces,
        }
    }
}

/// One op.
#[derive(Debug)]
pub(super) struct Op {
    pub(super) sqe: Sqe,
    pub(super) ring: usize,
    /// Counts the ops of a run, so that a trace can name them.
    pub(super) serial: u64,
    /// The open file, which it keeps open.
    pub(super) file: Option<FileId>,
    /// What it moves bytes from, which it keeps open, too.
    pub(super) source: Option<FileId>,
    pub(super) stage: Stage,
    pub(super) payload: Payload,
    /// Whom a message is for, if it says so.
    pub(super) target: Option<SocketAddr>,
    /// Bytes done so far by an op that goes on until all are.
    pub(super) done: usize,
    /// The rest of its chain.
    pub(super) next: Option<OpId>,
    /// The timeout that limits it, once that stands.
    pub(super) timeout: Option<OpId>,
    /// The op that this timeout limits.
    pub(super) limits: Option<OpId>,
    /// Why it cannot be done at all.
    pub(super) refused: i32,
    /// It ends because of a cancel.
    pub(super) is_cancelled: bool,
    /// A cancel came while it ran: it ends by itself before long.
    pub(super) is_stopping: bool,
    /// What lay in its memory before that was scribbled over.
    pub(super) saved: Option<Vec<u8>>,
    /// Another op of the same user data, submitted before.
    same_name: Option<OpId>,
}

impl Op {
    pub(super) fn new(sqe: Sqe, ring: usize, serial: u64) -> Op {
        Op {
            sqe,
            ring,
            serial,
            file: None,
            source: None,
            stage: Stage::Linked,
            payload: Payload::None,
            target: None,
            done: 0,
            next: None,
            timeout: None,
            limits: None,
            refused: 0,
            is_cancelled: false,
            is_stopping: false,
            saved: None,
            same_name: None,
        }
    }

    pub(super) fn has_flag(&self, flag: u8) -> bool {
        self.sqe.flags & flag != 0
    }

    pub(super) fn is_linked(&self) -> bool {
        self.has_flag(codes::IO_LINK | codes::IO_HARDLINK)
    }

    /// Whether it completes more than once.
    pub(super) fn is_multishot(&self) -> bool {
        match self.sqe.opcode {
            codes::ACCEPT => self.sqe.ioprio & codes::ACCEPT_MULTISHOT != 0,
            codes::RECV | codes::RECVMSG => self.sqe.ioprio & codes::RECV_MULTISHOT != 0,
            codes::POLL_ADD => self.sqe.len & codes::POLL_MULTISHOT != 0,
            _ => false,
        }
    }

    /// The memory that an op with one buffer lends.
    pub(super) fn memory(&self) -> Memory {
        let start = match self.sqe.opcode {
            codes::GETXATTR | codes::SETXATTR => self.sqe.off,
            _ => self.sqe.addr,
        };
        Memory::new(start, self.sqe.len as usize)
    }

    /// The memory that a vectored op lends, or the one buffer.
    pub(super) fn pieces(&self) -> Pieces {
        match &self.payload {
            Payload::Pieces(pieces) => Pieces::Many(pieces.clone()),
            _ => Pieces::One([self.memory()]),
        }
    }
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    op: Option<Op>,
}

/// All ops in flight, of every ring.
#[derive(Debug, Default)]
pub(super) struct Ops {
    slots: Vec<Slot>,
    free: Vec<u32>,
    len: usize,
}

impl Ops {
    pub(super) fn insert(&mut self, op: Op) -> OpId {
        self.len += 1;
        if let Some(index) = self.free.pop() {
            let slot = &mut self.slots[index as usize];
            slot.op = Some(op);
            return OpId { index, generation: slot.generation };
        }
        let index = self.slots.len() as u32;
        self.slots.push(Slot { generation: 0, op: Some(op) });
        OpId { index, generation: 0 }
    }

    #[inline]
    pub(super) fn get(&self, id: OpId) -> Option<&Op> {
        let slot = self.slots.get(id.index as usize)?;
        if slot.generation == id.generation { slot.op.as_ref() } else { None }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: OpId) -> Option<&mut Op> {
        let slot = self.slots.get_mut(id.index as usize)?;
        if slot.generation == id.generation { slot.op.as_mut() } else { None }
    }

    pub(super) fn remove(&mut self, id: OpId) -> Option<Op> {
        let slot = self.slots.get_mut(id.index as usize)?;
        if slot.generation != id.generation {
            return None;
        }
        let op = slot.op.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.index);
        self.len -= 1;
        Some(op)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (OpId, &Op)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let id = OpId { index: index as u32, generation: slot.generation };
            slot.op.as_ref().map(|op| (id, op))
        })
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }
}

/// The ops of one ring by their user data.
#[derive(Debug, Default)]
pub(super) struct Names {
    newest: HashMap<u64, OpId, BuildHasherDefault<Mixer>>,
}

impl Names {
    /// Enters an op; answers whether another of the same name is in flight.
    pub(super) fn enter(&mut self, ops: &mut Ops, id: OpId) -> bool {
        let Some(op) = ops.get_mut(id) else { return false };
        op.same_name = self.newest.insert(op.sqe.user_data, id);
        op.same_name.is_some()
    }

    /// Strikes an op that has just been removed.
    pub(super) fn strike(&mut self, ops: &mut Ops, id: OpId, op: &Op) {
        let name = op.sqe.user_data;
        match self.newest.get(&name).copied() {
            Some(newest) if newest == id => {
                match op.same_name {
                    Some(older) => self.newest.insert(name, older),
                    None => self.newest.remove(&name),
                };
            }
            Some(newest) => {
                let mut at = Some(newest);
                while let Some(other) = at.and_then(|at| ops.get_mut(at)) {
                    if other.same_name == Some(id) {
                        other.same_name = op.same_name;
                        return;
                    }
                    at = other.same_name;
                }
            }
            None => {}
        }
    }

    /// The ops of this name, the newest first.
    pub(super) fn find(&self, ops: &Ops, name: u64) -> Vec<OpId> {
        let mut found = Vec::new();
        let mut at = self.newest.get(&name).copied();
        while let Some(id) = at {
            found.push(id);
            at = ops.get(id).and_then(|op| op.same_name);
        }
        found
    }
}

/// A hasher for keys that one multiplication spreads well enough.
#[derive(Debug, Default)]
pub(super) struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 29);
    }

    #[inline]
    fn write_i32(&mut self, word: i32) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(user_data: u64) -> Op {
        Op::new(Sqe { user_data, ..Sqe::default() }, 0, 0)
    }

    #[test]
    fn an_op_that_has_ended_is_not_found_under_its_old_name() {
        let mut ops = Ops::default();
        let first = ops.insert(op(1));
        assert_eq!(ops.remove(first).unwrap().sqe.user_data, 1);
        let second = ops.insert(op(2));
        assert!(ops.get(first).is_none() && ops.remove(first).is_none());
        assert_eq!(ops.get(second).unwrap().sqe.user_data, 2);
        assert_eq!(ops.len(), 1);
    }

    #[test]
    fn ops_of_one_name_are_found_until_they_are_struck() {
        let (mut ops, mut names) = (Ops::default(), Names::default());
        let ids: Vec<OpId> = (0..3).map(|_| ops.insert(op(7))).collect();
        let known: Vec<bool> = ids.iter().map(|id| names.enter(&mut ops, *id)).collect();
        assert_eq!(known, [false, true, true]);
        assert_eq!(names.find(&ops, 7), [ids[2], ids[1], ids[0]]);
        let gone = ops.remove(ids[1]).unwrap();
        names.strike(&mut ops, ids[1], &gone);
        assert_eq!(names.find(&ops, 7), [ids[2], ids[0]]);
        let gone = ops.remove(ids[2]).unwrap();
        names.strike(&mut ops, ids[2], &gone);
        assert_eq!(names.find(&ops, 7), [ids[0]]);
        assert_eq!(names.find(&ops, 8), []);
    }
}
