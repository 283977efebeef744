//! The slots of the ops in flight.
//!
//! A slot that is free keeps the memory of its last op, so the free slots are listed by the size of
//! that: an op takes one whose cell fits it, and finds both at once.

use std::task::Waker;

use super::descriptor::{Descriptors, FdIndex, FdRef};
use super::key::{INDEX_MAX, OpKey};
use super::lifecycle::{AfterCompletion, Lifecycle};
use super::marks::Marks;
use super::multishot::Stream;
use super::op::Lane;
use super::op::Op;
use super::slot::{self, BARE, EMPTY_KINDS, EmptyCell, Freeing, OpCell, Seat};
use super::waiter::{Others, Waiter};
use crate::growth;
use crate::scheduler::Wake;
use crate::sys::Outcome;

/// Ends a list of free slots: no slot has this place.
const END: u32 = u32::MAX;

/// One op between its first poll and the moment its outcome is taken.
#[repr(align(64))]
pub(super) struct Slot {
    pub(super) lifecycle: Lifecycle,
    /// Empty only while the slot is free.
    pub(super) seat: Seat,
    /// The descriptor that the op is counted on, and keeps open.
    pub(super) counted: Option<FdIndex>,
    pub(super) lane: Option<Lane>,
    /// The items of a multishot op.
    pub(super) stream: Option<Box<Stream>>,
    generation: u32,
    pub(super) marks: Marks,
    /// The result of an op that completes in two parts, once the first has come; of a free slot, the
    /// next one of its kind.
    first_or_next: u32,
    /// The loop's time when the op was pushed, in nanoseconds.
    pub(super) since_ns: u64,
}

/// What an op is, for its slot.
pub(super) struct About {
    pub(super) descriptor: Option<FdRef>,
    pub(super) lane: Option<Lane>,
}

/// What the slot of an op held whose final completion has come.
pub(super) struct Done<T> {
    pub(super) op: T,
    pub(super) outcome: Outcome,
    pub(super) marks: Marks,
    /// The descriptor that has one user less now.
    pub(super) descriptor: Option<FdIndex>,
}

impl Slot {
    fn new() -> Slot {
        Slot {
            lifecycle: Lifecycle::Abandoned,
            seat: Seat::bare(),
            counted: None,
            lane: None,
            stream: None,
            generation: 0,
            marks: Marks::default(),
            first_or_next: END,
            since_ns: 0,
        }
    }

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
            self.first_or_next = part.res as u32;
            return None;
        }
        Some(Outcome { res: self.first_or_next as i32, flags: 0 })
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
    pub(super) fn release_early(&mut self) -> Option<FdIndex> {
        if self.marks.has(Marks::CLOSED) { self.counted.take() } else { None }
    }
}

/// A slot that is free, until an op is begun there.
pub(super) struct Vacant<'a> {
    free: &'a mut u32,
    others: &'a mut Others,
    index: u32,
    slot: &'a mut Slot,
}

impl Vacant<'_> {
    /// Where the op is put before it is begun. If that panics, the slot is free as before.
    #[inline(always)]
    pub(super) fn seat(&mut self) -> &mut Seat {
        &mut self.slot.seat
    }

    /// Gives the slot to the op that was put there.
    #[inline(always)]
    pub(super) fn begin(self, wake: Wake, about: About, marks: Marks, since_ns: u64) -> OpKey {
        let Vacant { free, others, index, slot } = self;
        let next = slot.first_or_next;
        slot.lifecycle = Lifecycle::Waiting(others.note(index, wake));
        (slot.counted, slot.lane) = (about.descriptor.map(FdRef::place), about.lane);
        slot.marks = marks;
        slot.since_ns = since_ns;
        *free = next;
        OpKey { index, generation: slot.generation }
    }
}

/// All slots, addressed by key.
pub(super) struct Table {
    slots: Vec<Slot>,
    /// The first of those that are free, by the kind of their seats; each names the next.
    free: [u32; EMPTY_KINDS],
    freeing: Freeing,
    others: Others,
}

impl Table {
    pub(super) fn new() -> Self {
        Table {
            slots: Vec::new(),
            free: [END; EMPTY_KINDS],
            freeing: Freeing::default(),
            others: Others::default(),
        }
    }

    /// How many slots are used.
    pub(super) fn len(&self) -> usize {
        self.slots.iter().filter(|slot| slot.seat.is_taken()).count()
    }

    /// How many slots there are, used or not.
    pub(super) fn slot_count(&self) -> usize {
        self.slots.len()
    }

    /// Whether one more slot can be named.
    pub(super) fn has_room(&self) -> bool {
        self.slots.len() < INDEX_MAX as usize
    }

    /// A free slot with room for an op of type `T`, if there is one.
    #[inline(always)]
    pub(super) fn vacant<T: Op>(&mut self) -> Option<Vacant<'_>> {
        self.vacant_of(slot::kind_of::<T, false>())
    }

    #[inline(always)]
    fn vacant_of(&mut self, kind: usize) -> Option<Vacant<'_>> {
        let free = &mut self.free[kind];
        let index = *free;
        let slot = self.slots.get_mut(index as usize)?;
        Some(Vacant { free, others: &mut self.others, index, slot })
    }

    /// A free slot with room for an op of type `T`, made where there is none.
    pub(super) fn make_vacant<T: Op, const TIMED: bool>(&mut self) -> Vacant<'_> {
        let kind = slot::kind_of::<T, TIMED>();
        if self.free[kind] == END {
            self.add(kind);
        }
        self.vacant_of(kind).expect("a slot was added where none was free")
    }

    /// Makes a slot of this kind, of a bare one if there is one.
    #[cold]
    fn add(&mut self, kind: usize) {
        let index = self.take_bare().unwrap_or_else(|| {
            growth::push(&mut self.slots, Slot::new());
            (self.slots.len() - 1) as u32
        });
        self.slots[index as usize].seat.furnish(kind);
        self.list(kind, index);
    }

    /// Gives a cell that its op has left elsewhere to a slot without one.
    pub(super) fn recycle(&mut self, cell: EmptyCell) {
        let bare = if cell.is_kept() { self.take_bare() } else { None };
        match bare {
            None => self.freeing.free(cell),
            Some(index) => {
                let kind = self.slots[index as usize].seat.settle(cell);
                self.list(kind, index);
            }
        }
    }

    /// Takes a slot without a cell off its list.
    fn take_bare(&mut self) -> Option<u32> {
        let index = self.free[BARE];
        self.free[BARE] = self.slots.get(index as usize)?.first_or_next;
        Some(index)
    }

    /// Puts a slot, whose seat is of this kind now, onto its list.
    fn list(&mut self, kind: usize, index: u32) {
        self.slots[index as usize].first_or_next = std::mem::replace(&mut self.free[kind], index);
    }

    /// Frees no cell while the kernel has left entries in the queue.
    #[inline]
    pub(super) fn hold_while(&mut self, has_leftovers: bool) {
        self.freeing.hold_while(has_leftovers);
    }

    /// Frees the slot of an op that has ended well, counts it on its descriptor no more, and hands it
    /// out; does nothing where there is anything else to be done.
    #[inline(always)]
    pub(super) fn take_success<T: Op>(
        &mut self,
        key: OpKey,
        descriptors: &mut Descriptors,
    ) -> Option<(T, Outcome)> {
        let slot = self.slots.get_mut(key.index as usize)?;
        let Lifecycle::Completed(outcome) = slot.lifecycle else { return None };
        if slot.generation != key.generation || outcome.res < 0 {
            return None;
        }
        if let Some(fd) = slot.counted {
            *descriptors.one_of_many(fd)? -= 1;
        }
        let (op, left) = slot.seat.take::<T>(&mut self.freeing);
        slot.lifecycle = Lifecycle::Abandoned;
        slot.generation = slot.generation.wrapping_add(1);
        let free = &mut self.free[left];
        slot.first_or_next = std::mem::replace(free, key.index);
        Some((op, outcome))
    }

    /// Frees the slot of an op whose final completion has come and hands out what it held; else
    /// keeps the waker.
    ///
    /// # Panics
    ///
    /// When the op has no slot: an op keeps it until its outcome is taken.
    pub(super) fn take_done<T: Op>(&mut self, key: OpKey, waker: &Waker) -> Option<Done<T>> {
        let slot = self.slots.get_mut(key.index as usize);
        let slot = slot.filter(|slot| slot.generation == key.generation);
        let slot = slot.expect("an op keeps its slot until its outcome is taken");
        let outcome = match slot.lifecycle.poll() {
            Ok(outcome) => outcome,
            Err(waiter) => {
                self.others.update(key.index, waiter, waker);
                return None;
            }
        };
        let (marks, descriptor) = (slot.marks, slot.counted);
        let op = self.take_op(key)?;
        Some(Done { op, outcome, marks, descriptor })
    }

    /// Frees a slot and hands its op out.
    pub(super) fn take_op<T: Op>(&mut self, key: OpKey) -> Option<T> {
        self.get(key)?;
        let slot = &mut self.slots[key.index as usize];
        let (op, left) = slot.seat.take(&mut self.freeing);
        slot.free();
        self.others.forget(key.index);
        self.list(left, key.index);
        Some(op)
    }

    /// Notes the success of an op with one completion, and says whom to wake; `None` for every
    /// completion that is another kind of thing.
    #[inline]
    pub(super) fn succeed(&mut self, key: OpKey, outcome: Outcome) -> Option<Wake> {
        let slot = self.slots.get_mut(key.index as usize)?;
        let is_plain = slot.generation == key.generation
            && slot.stream.is_none()
            && !slot.marks.has(Marks::CLOSED)
            && outcome.is_whole_success()
            && matches!(slot.lifecycle, Lifecycle::Waiting(_));
        if !is_plain {
            return None;
        }
        match slot.lifecycle.complete(outcome) {
            AfterCompletion::Wake(waiter) => self.others.take(key.index, waiter),
            // The op waits: that was seen above.
            AfterCompletion::Salvage(_) | AfterCompletion::Ignore => None,
        }
    }

    /// Whom to wake, who waits for this op no longer.
    #[inline]
    pub(super) fn take_waiter(&mut self, key: OpKey, waiter: Waiter) -> Option<Wake> {
        self.others.take(key.index, waiter)
    }

    /// Lets go of who waits for this op, to be dropped.
    pub(super) fn forget_waiter(&mut self, key: OpKey) -> Option<Wake> {
        match self.get(key)?.lifecycle {
            Lifecycle::Waiting(waiter) => self.others.take(key.index, waiter),
            Lifecycle::Completed(_) | Lifecycle::Abandoned => None,
        }
    }

    /// A waker of who waits for this op.
    pub(super) fn waker(&self, key: OpKey, waiter: Waiter) -> Option<Waker> {
        self.others.waker(key.index, waiter)
    }

    /// The slot of an op that still has one.
    #[inline]
    pub(super) fn get(&mut self, key: OpKey) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(key.index as usize)?;
        let is_own = slot.generation == key.generation || planted!("stale completion delivered");
        (is_own && slot.seat.is_taken()).then_some(slot)
    }

    /// Frees a slot and hands its op out, with its cell.
    #[inline]
    pub(super) fn remove(&mut self, key: OpKey) -> Option<OpCell> {
        let slot = self.get(key)?;
        let cell = slot.seat.leave();
        slot.free();
        self.others.forget(key.index);
        self.list(BARE, key.index);
        cell
    }

    /// Every used slot with its key.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (OpKey, &mut Slot)> {
        let all = self.slots.iter_mut().enumerate();
        all.filter(|(_, slot)| slot.seat.is_taken()).map(|(index, slot)| {
            let key = OpKey { index: index as u32, generation: slot.generation };
            (key, slot)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_a_line_of_the_cache() {
        assert_eq!((size_of::<Slot>(), align_of::<Slot>()), (64, 64));
    }
}
