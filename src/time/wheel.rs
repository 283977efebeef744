//! A hierarchical timing wheel: where deadlines stand until they are due.
//!
//! It is pure: it reads no clock and knows no thread. Time comes in with
//! [`fire_due`](Wheel::fire_due) and wakers go out. What it is for:
//! - arming and cancelling in constant time, with millions standing, without allocating once the
//!   slab has grown to the most that ever stood at a time;
//! - firing exactly: never before the nanosecond that was asked for, in the order of deadlines,
//!   and in the order of insertion where deadlines are equal;
//! - telling how long the loop may sleep.
//!
//! Time is cut into ticks of 2^20 ns (about a millisecond). `current` is the tick that time has
//! reached. An entry of a later tick hangs in a list: level 0 has one list for each of the 64
//! ticks that share all but the last six bits with `current`, level 1 one list for each 64 ticks
//! that share all but the last twelve, and so on. Put differently, the level is the highest group
//! of six bits in which the entry's tick differs from `current`, and the slot is the value of that
//! group. Two things follow, and the code leans on them:
//! - within a level every occupied slot lies *above* the one of `current`, so slots never wrap
//!   around, and the first occupied slot of the lowest occupied level holds the earliest entries;
//! - `current` can jump to any tick before that slot without touching a single entry.
//!
//! When time enters a slot its entries are placed anew, relative to the tick that was reached,
//! which takes those that are due out of the lists at once however far the jump. Entries of the
//! reached tick wait in a small heap, ordered by their nanosecond. Within a list entries keep the
//! order of insertion, and they are placed anew in that order before anything else can be put into
//! the tick they stand for; so numbering them as they enter the heap keeps ties in order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::task::Waker;

use self::entries::{Entries, NIL};
use crate::scheduler::{TaskId, Wake};

mod entries;

/// A tick is 2^20 ns: 1.05 ms.
const TICK_SHIFT: u32 = 20;
const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
/// Eight levels of six bits hold the 44 bits that a `u64` of nanoseconds leaves for ticks.
const LEVELS: usize = 8;

/// Where an entry is, if not in the list of that number.
const IN_HEAP: u16 = (LEVELS * SLOTS) as u16;
/// Where the earliest entry is, if there is none or it is not known.
const NOWHERE: u16 = IN_HEAP + 1;
/// How many entries of a list are looked at to find its earliest deadline. Looking costs a turn of
/// the loop some 2 ns each; not knowing costs a wake-up that finds nothing due, once in each slot.
const SCAN_MAX: usize = 16;
/// Below this many cancelled entries the heap is not worth tidying.
const STALE_MIN: usize = 32;

/// Names one armed entry; it is never valid again once that entry has fired or been cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerKey {
    index: u32,
    generation: u32,
}

/// What a key stands for when its owner comes back with a waker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The entry is gone: it fired (or was cancelled, which its owner would know).
    Gone,
    /// The entry stands and will wake this waker.
    Same,
    /// The entry stands but will wake another waker.
    Other,
}

#[derive(Clone, Copy, Debug)]
struct List {
    head: u32,
    tail: u32,
}

const EMPTY: List = List { head: NIL, tail: NIL };

/// An entry of the tick that was reached. The order of the fields is the order of firing.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    deadline: u64,
    sequence: u64,
    key: TimerKey,
}

/// The answer of `next_deadline`, kept until something makes it wrong.
///
/// Nothing lies before time zero and nothing after its end, so an insertion has one comparison to
/// make: with what is not known it never lies before, with an empty wheel nearly always.
#[derive(Clone, Copy, Debug)]
struct Earliest {
    deadline: u64,
    place: u16,
}

impl Earliest {
    const UNKNOWN: Earliest = Earliest { deadline: 0, place: NOWHERE };
    const NONE: Earliest = Earliest { deadline: u64::MAX, place: NOWHERE };
}

#[derive(Debug)]
pub(crate) struct Wheel {
    current: u64,
    entries: Entries,
    lists: Box<[List; LEVELS * SLOTS]>,
    occupied: [u64; LEVELS],
    heap: BinaryHeap<Reverse<Due>>,
    /// How many entries of the heap were cancelled; they are dropped when met, or all at once when
    /// they are the greater part.
    stale: usize,
    sequence: u64,
    earliest: Earliest,
}

impl Wheel {
    /// An empty wheel at the time `now`, in nanoseconds.
    pub(crate) fn new(now: u64) -> Self {
        Wheel {
            current: now >> TICK_SHIFT,
            entries: Entries::default(),
            lists: Box::new([EMPTY; LEVELS * SLOTS]),
            occupied: [0; LEVELS],
            heap: BinaryHeap::new(),
            stale: 0,
            sequence: 0,
            earliest: Earliest::NONE,
        }
    }

    /// How many entries stand.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Every entry that stands, in no order: its deadline and its task, if that is one of ours.
    pub(crate) fn standing_entries(&self) -> impl Iterator<Item = (u64, Option<TaskId>)> {
        self.entries.standing()
    }

    /// Arms an entry: `wake` comes out of the first [`fire_due`](Self::fire_due) at or after
    /// `deadline`, which may lie in the past.
    #[inline(always)]
    pub(crate) fn insert(&mut self, deadline: u64, wake: Wake) -> TimerKey {
        let place = self.place_of(deadline);
        if deadline < self.earliest.deadline {
            self.earliest = Earliest { deadline, place };
        }
        if place == IN_HEAP {
            let key = self.entries.add(deadline, wake, place, NIL);
            self.enter_heap(deadline, key);
            return key;
        }
        let tail = self.lists[place as usize].tail;
        let key = self.entries.add(deadline, wake, place, tail);
        self.append(place, key.index, tail);
        key
    }

    /// Takes an entry out; `None` if it has fired or was cancelled before.
    #[inline(always)]
    pub(crate) fn cancel(&mut self, key: TimerKey) -> Option<Wake> {
        let entry = self.entries.live(key)?;
        let (deadline, place) = (entry.deadline, entry.place);
        let (previous, next) = (entry.previous, entry.next);
        let wake = self.entries.release(key.index);
        if place == IN_HEAP {
            self.note_cancelled_in_heap(deadline);
            return Some(wake);
        }
        let emptied = self.unlink(place, previous, next);
        if self.earliest.place == place && (emptied || self.earliest.deadline == deadline) {
            self.forget_earliest();
        }
        Some(wake)
    }

    /// Whether the entry stands, and whether it would wake `waker`.
    #[inline]
    pub(super) fn standing(&self, key: TimerKey, waker: &Waker) -> Standing {
        match self.entries.live(key) {
            None => Standing::Gone,
            Some(entry) if self.entries.wakes(entry, waker) => Standing::Same,
            Some(_) => Standing::Other,
        }
    }

    /// Has a standing entry wake another and hands back the one that is not needed: the old one,
    /// or `wake` itself if the entry is gone.
    pub(crate) fn set_wake(&mut self, key: TimerKey, wake: Wake) -> Wake {
        self.entries.set_wake(key, wake)
    }

    /// Takes out every entry whose deadline is at or before `now` and appends whom it wakes to
    /// `due`, in order. The cost is that of the entries that fire or move, not of the time that
    /// has passed. A `now` before one seen earlier is legal and moves nothing.
    pub(crate) fn fire_due(&mut self, now: u64, due: &mut Vec<Wake>) {
        let now_tick = now >> TICK_SHIFT;
        self.pop_due(now, due);
        while let Some((level, slot)) = self.first_slot() {
            let (first_tick, last_tick) = self.ticks_of(level, slot);
            if first_tick > now_tick {
                break;
            }
            self.current = last_tick.min(now_tick);
            self.place_anew(level, slot);
            self.pop_due(now, due);
        }
        self.current = self.current.max(now_tick);
    }

    /// When the loop has to call [`fire_due`](Self::fire_due) again, in nanoseconds: the earliest
    /// deadline exactly, or, where more than 16 entries share its slot, the beginning of that slot.
    /// It lies after every `now` that was fired, unless a deadline in the past was armed since.
    #[inline]
    pub(crate) fn next_deadline(&mut self) -> Option<u64> {
        if self.len() == 0 {
            return None;
        }
        if self.earliest.deadline == 0 {
            self.earliest = self.find_earliest()?;
        }
        Some(self.earliest.deadline)
    }

    #[inline]
    fn forget_earliest(&mut self) {
        self.earliest = if self.len() == 0 { Earliest::NONE } else { Earliest::UNKNOWN };
    }

    /// Where a deadline belongs, relative to `current`.
    #[inline]
    fn place_of(&self, deadline: u64) -> u16 {
        let tick = deadline >> TICK_SHIFT;
        if tick <= self.current {
            return IN_HEAP;
        }
        let level = (63 - (tick ^ self.current).leading_zeros()) / SLOT_BITS;
        let slot = (tick >> (level * SLOT_BITS)) as u32 % SLOTS as u32;
        (level * SLOTS as u32 + slot) as u16
    }

    /// Puts an entry behind the last of its list, which it knows already.
    #[inline]
    fn append(&mut self, place: u16, index: u32, tail: u32) {
        let list = &mut self.lists[place as usize];
        list.tail = index;
        if tail == NIL {
            list.head = index;
            self.occupied[place as usize / SLOTS] |= 1 << (place as usize % SLOTS);
        } else {
            self.entries.at_mut(tail).next = index;
        }
    }

    #[inline(never)]
    fn enter_heap(&mut self, deadline: u64, key: TimerKey) {
        self.heap.push(Reverse(Due { deadline, sequence: self.sequence, key }));
        self.sequence += 1;
    }

    #[inline(never)]
    fn note_cancelled_in_heap(&mut self, deadline: u64) {
        self.stale += 1;
        if self.stale > STALE_MIN && self.stale > self.heap.len() / 2 {
            let entries = &self.entries;
            self.heap.retain(|Reverse(Due { key, .. })| entries.live(*key).is_some());
            self.stale = 0;
        }
        if self.earliest.deadline == deadline {
            self.forget_earliest();
        }
    }

    /// Takes an entry with these neighbours out of its list; says whether that has emptied the list.
    #[inline(always)]
    fn unlink(&mut self, place: u16, previous: u32, next: u32) -> bool {
        if previous == NIL {
            self.lists[place as usize].head = next;
        } else {
            self.entries.at_mut(previous).next = next;
        }
        if next == NIL {
            self.lists[place as usize].tail = previous;
        } else {
            self.entries.at_mut(next).previous = previous;
        }
        if previous != NIL || next != NIL {
            return false;
        }
        self.occupied[place as usize / SLOTS] &= !(1 << (place as usize % SLOTS));
        true
    }

    /// Empties a slot that `current` has entered; no entry of it falls back into the same slot.
    fn place_anew(&mut self, level: usize, slot: usize) {
        let mut index = std::mem::replace(&mut self.lists[level * SLOTS + slot], EMPTY).head;
        self.occupied[level] &= !(1 << slot);
        self.earliest = Earliest::UNKNOWN;
        while index != NIL {
            let place = self.place_of(self.entries.at(index).deadline);
            let tail = self.lists.get(place as usize).map_or(NIL, |list| list.tail);
            let entry = self.entries.at_mut(index);
            let next = std::mem::replace(&mut entry.next, NIL);
            entry.place = place;
            entry.previous = tail;
            if place == IN_HEAP {
                let (deadline, key) = (entry.deadline, entry.key(index));
                self.enter_heap(deadline, key);
            } else {
                self.append(place, index, tail);
            }
            index = next;
        }
    }

    fn pop_due(&mut self, now: u64, wakes: &mut Vec<Wake>) {
        while let Some(Reverse(due)) = self.heap.peek() {
            let key = due.key;
            if self.entries.live(key).is_none() {
                self.stale -= 1;
            } else if due.deadline <= now {
                wakes.push(self.entries.release(key.index));
                self.forget_earliest();
            } else {
                break;
            }
            self.heap.pop();
        }
    }

    /// The slot of the earliest entries that are not in the heap.
    fn first_slot(&self) -> Option<(usize, usize)> {
        let level = self.occupied.iter().position(|slots| *slots != 0)?;
        Some((level, self.occupied[level].trailing_zeros() as usize))
    }

    /// The first and the last tick of a slot.
    fn ticks_of(&self, level: usize, slot: usize) -> (u64, u64) {
        let shift = level as u32 * SLOT_BITS;
        let above = !0 << (shift + SLOT_BITS);
        let first = (self.current & above) | (slot as u64) << shift;
        (first, first | !(!0 << shift))
    }

    fn find_earliest(&mut self) -> Option<Earliest> {
        while let Some(Reverse(due)) = self.heap.peek() {
            if self.entries.live(due.key).is_some() {
                return Some(Earliest { deadline: due.deadline, place: IN_HEAP });
            }
            self.heap.pop();
            self.stale -= 1;
        }
        let (level, slot) = self.first_slot()?;
        let number = level * SLOTS + slot;
        let place = number as u16;
        let mut index = self.lists[number].head;
        let mut deadline = u64::MAX;
        for _ in 0..SCAN_MAX {
            if index == NIL {
                return Some(Earliest { deadline, place });
            }
            let entry = self.entries.at(index);
            deadline = deadline.min(entry.deadline);
            index = entry.next;
        }
        if index != NIL {
            deadline = self.ticks_of(level, slot).0 << TICK_SHIFT;
        }
        Some(Earliest { deadline, place })
    }
}

#[cfg(test)]
mod tests;
