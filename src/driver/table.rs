//! The slots of the ops in flight.

use std::mem::ManuallyDrop;
use std::task::Waker;

use super::descriptor::FdRef;
use super::key::{INDEX_MAX, OpKey};
use super::lifecycle::{AfterCompletion, Lifecycle};
use super::multishot::Stream;
use super::op::Lane;
use super::slot::OpCell;
use crate::growth;
use crate::scheduler::Wake;
use crate::sys::Outcome;

/// One op between its first poll and the moment its outcome is taken.
pub(super) struct Slot {
    pub(super) lifecycle: Lifecycle,
    /// Empty only while the slot is free.
    pub(super) cell: Option<OpCell>,
    pub(super) descriptor: Option<FdRef>,
    pub(super) lane: Option<Lane>,
    /// The items of a multishot op.
    pub(super) stream: Option<Box<Stream>>,
    generation: u32,
    pub(super) opcode: u8,
    pub(super) marks: Marks,
    /// The result of an op that completes in two parts, once the first has come.
    pub(super) first: i32,
    /// The loop's time when the op was pushed, in nanoseconds.
    pub(super) since_ns: u64,
}

/// What has happened to an op besides its lifecycle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// It has a linked timeout.
    pub(super) timed: bool,
    /// A cancel was requested for whoever holds the future, or because it is gone.
    pub(super) cancelled: bool,
    /// A cancel was requested so that it looks into the stash.
    pub(super) recalled: bool,
    /// The last handle on its descriptor is gone while its future lives on.
    pub(super) closed: bool,
    /// It is counted on its descriptor no more, though its outcome has not been taken.
    pub(super) released: bool,
    /// Its entry waits for room in the submission queue.
    pub(super) queued: bool,
}

/// What an op is, for its slot.
pub(super) struct About {
    pub(super) descriptor: Option<FdRef>,
    pub(super) lane: Option<Lane>,
    pub(super) opcode: u8,
}

/// What the slot of an op held whose final completion has come.
pub(super) struct Done {
    pub(super) cell: OpCell,
    pub(super) outcome: Outcome,
    pub(super) marks: Marks,
    /// The descriptor that has one user less now.
    pub(super) descriptor: Option<FdRef>,
}

impl Slot {
    #[inline]
    fn free(&mut self) {
        self.stream = None;
        self.generation = self.generation.wrapping_add(1);
        self.lifecycle = Lifecycle::Abandoned;
    }

    /// One of the two completions of a zero-copy send: the first has the result, the second says
    /// that the memory is free, and is the op's end. See `uring-sys-notes/zero-copy-send.md`.
    #[cold]
    pub(super) fn join_parts(&mut self, part: Outcome) -> Option<Outcome> {
        if !part.is_final() {
            self.first = part.res;
            return None;
        }
        Some(Outcome { res: self.first, flags: 0 })
    }

    /// The descriptor that the op keeps open.
    #[inline]
    pub(super) fn counted(&self) -> Option<FdRef> {
        self.descriptor.filter(|_| !self.marks.released)
    }

    /// Whether the op has ended and its future has not asked for the outcome yet.
    pub(super) fn has_ended(&self) -> bool {
        match &self.stream {
            Some(stream) => stream.has_ended(),
            None => matches!(self.lifecycle, Lifecycle::Completed(_)),
        }
    }

    /// The descriptor to be released now that the op has ended: no handle is left to keep anything
    /// for, and the peer shall see the end before the outcome is asked for.
    #[inline]
    pub(super) fn release_early(&mut self) -> Option<FdRef> {
        if !self.marks.closed {
            return None;
        }
        let counted = self.counted();
        self.marks.released = true;
        counted
    }
}

/// A slot that is free, until an op is put there.
pub(super) struct Vacant<'a> {
    free: &'a mut Vec<u32>,
    index: u32,
    slot: &'a mut Slot,
}

impl Vacant<'_> {
    /// Gives an op the slot.
    #[inline(always)]
    pub(super) fn insert(
        self,
        cell: OpCell,
        wake: Wake,
        about: About,
        marks: Marks,
        since_ns: u64,
    ) -> OpKey {
        let Vacant { free, index, slot } = self;
        let About { descriptor, lane, opcode } = about;
        // A free slot holds nothing that would have to be dropped.
        let before = std::mem::replace(&mut slot.lifecycle, Lifecycle::Waiting(wake));
        let _nothing = ManuallyDrop::new(before);
        slot.cell = Some(cell);
        (slot.descriptor, slot.lane, slot.opcode) = (descriptor, lane, opcode);
        slot.marks = marks;
        slot.since_ns = since_ns;
        free.pop();
        OpKey { index, generation: slot.generation }
    }
}

/// All slots, addressed by key.
pub(super) struct Table {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

impl Table {
    pub(super) fn new() -> Self {
        Table { slots: Vec::new(), free: Vec::new() }
    }

    /// How many slots are used.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// How many slots there are, used or not.
    pub(super) fn slot_count(&self) -> usize {
        self.slots.len()
    }

    /// Whether one more op fits.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        !self.free.is_empty() || self.slots.len() < INDEX_MAX as usize
    }

    /// Gives an op a slot.
    #[inline]
    pub(super) fn insert(
        &mut self,
        cell: OpCell,
        wake: Wake,
        about: About,
        marks: Marks,
        since_ns: u64,
    ) -> OpKey {
        if self.free.is_empty() {
            self.add();
        }
        let vacant = self.vacant().expect("a slot was added where none was free");
        vacant.insert(cell, wake, about, marks, since_ns)
    }

    /// A slot that is free, if there is one.
    #[inline]
    pub(super) fn vacant(&mut self) -> Option<Vacant<'_>> {
        let index = *self.free.last()?;
        let slot = self.slots.get_mut(index as usize)?;
        Some(Vacant { free: &mut self.free, index, slot })
    }

    #[cold]
    fn add(&mut self) {
        let slot = Slot {
            lifecycle: Lifecycle::Abandoned,
            cell: None,
            descriptor: None,
            lane: None,
            stream: None,
            generation: 0,
            opcode: 0,
            marks: Marks::default(),
            first: 0,
            since_ns: 0,
        };
        growth::push(&mut self.slots, slot);
        growth::push(&mut self.free, (self.slots.len() - 1) as u32);
    }

    /// As [`take_done`](Self::take_done), of an op that has ended well, and nothing of any other.
    #[inline]
    pub(super) fn take_success(&mut self, key: OpKey) -> Option<Done> {
        let slot = self.slots.get_mut(key.index as usize)?;
        let Lifecycle::Completed(outcome) = slot.lifecycle else { return None };
        if slot.generation != key.generation || outcome.res < 0 {
            return None;
        }
        let (marks, descriptor) = (slot.marks, slot.counted());
        let cell = slot.cell.take()?;
        slot.lifecycle = Lifecycle::Abandoned;
        slot.generation = slot.generation.wrapping_add(1);
        growth::push(&mut self.free, key.index);
        Some(Done { cell, outcome, marks, descriptor })
    }

    /// Frees the slot of an op whose final completion has come and hands out what it held; else
    /// keeps the waker.
    ///
    /// # Panics
    ///
    /// When the op has no slot: an op keeps it until its outcome is taken.
    #[inline(always)]
    pub(super) fn take_done(&mut self, key: OpKey, waker: &Waker) -> Option<Done> {
        let slot = self.slots.get_mut(key.index as usize);
        let slot = slot.filter(|slot| slot.generation == key.generation);
        let slot = slot.expect("an op keeps its slot until its outcome is taken");
        let Lifecycle::Completed(outcome) = slot.lifecycle else {
            slot.lifecycle.poll(waker);
            return None;
        };
        let (marks, descriptor) = (slot.marks, slot.counted());
        let cell = slot.cell.take()?;
        slot.lifecycle = Lifecycle::Abandoned;
        slot.generation = slot.generation.wrapping_add(1);
        growth::push(&mut self.free, key.index);
        Some(Done { cell, outcome, marks, descriptor })
    }

    /// Notes the success of an op with one completion, and says whom to wake; `None` for every
    /// completion that is another kind of thing.
    #[inline]
    pub(super) fn succeed(&mut self, key: OpKey, outcome: Outcome) -> Option<Wake> {
        let slot = self.slots.get_mut(key.index as usize)?;
        let is_plain = slot.generation == key.generation
            && slot.stream.is_none()
            && !slot.marks.closed
            && outcome.res >= 0
            && outcome.is_whole()
            && matches!(slot.lifecycle, Lifecycle::Waiting(_));
        if !is_plain {
            return None;
        }
        match slot.lifecycle.complete(outcome) {
            AfterCompletion::Wake(wake) => Some(wake),
            // The op waits: that was seen above.
            AfterCompletion::Salvage(_) | AfterCompletion::Ignore => None,
        }
    }

    /// The slot of an op that still has one.
    #[inline]
    pub(super) fn get(&mut self, key: OpKey) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(key.index as usize)?;
        let is_own = slot.generation == key.generation || planted!("stale completion delivered");
        (is_own && slot.cell.is_some()).then_some(slot)
    }

    /// Frees a slot and hands its cell out.
    #[inline]
    pub(super) fn remove(&mut self, key: OpKey) -> Option<OpCell> {
        let slot = self.get(key)?;
        let cell = slot.cell.take();
        slot.free();
        growth::push(&mut self.free, key.index);
        cell
    }

    /// Every used slot with its key.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (OpKey, &mut Slot)> {
        let all = self.slots.iter_mut().enumerate();
        all.filter(|(_, slot)| slot.cell.is_some()).map(|(index, slot)| {
            let key = OpKey { index: index as u32, generation: slot.generation };
            (key, slot)
        })
    }
}
