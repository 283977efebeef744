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

/// A tick is 2^20 ns: 1.05 ms.
const TICK_SHIFT: u32 = 20;
const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
/// Eight levels of six bits hold the 44 bits that a `u64` of nanoseconds leaves for ticks.
const LEVELS: usize = 8;

/// The end of a list.
const NIL: u32 = u32::MAX;
/// Where an entry is, if not in the list of that number.
const IN_HEAP: u16 = (LEVELS * SLOTS) as u16;
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

#[derive(Debug)]
struct Entry {
    deadline: u64,
    waker: Option<Waker>,
    previous: u32,
    next: u32,
    generation: u32,
    place: u16,
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
#[derive(Clone, Copy, Debug)]
struct Earliest {
    deadline: u64,
    place: u16,
}

#[derive(Debug)]
pub(crate) struct Wheel {
    current: u64,
    entries: Vec<Entry>,
    /// The entries that are not in use, the last one freed on top. A list through the entries
    /// would cost a chain of cache misses where many were freed in no order.
    free: Vec<u32>,
    lists: Box<[List; LEVELS * SLOTS]>,
    occupied: [u64; LEVELS],
    heap: BinaryHeap<Reverse<Due>>,
    /// How many entries of the heap were cancelled; they are dropped when met, or all at once when
    /// they are the greater part.
    stale: usize,
    sequence: u64,
    earliest: Option<Earliest>,
}

impl Wheel {
    /// An empty wheel at the time `now`, in nanoseconds.
    pub(crate) fn new(now: u64) -> Self {
        Wheel {
            current: now >> TICK_SHIFT,
            entries: Vec::new(),
            free: Vec::new(),
            lists: Box::new([EMPTY; LEVELS * SLOTS]),
            occupied: [0; LEVELS],
            heap: BinaryHeap::new(),
            stale: 0,
            sequence: 0,
            earliest: None,
        }
    }

    /// How many entries stand.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Arms an entry: `waker` comes out of the first [`fire_due`](Self::fire_due) at or after
    /// `deadline`, which may lie in the past.
    #[inline]
    pub(crate) fn insert(&mut self, deadline: u64, waker: Waker) -> TimerKey {
        let index = self.take_free(deadline, waker);
        self.place(index, deadline);
        let entry = &self.entries[index as usize];
        let key = TimerKey { index, generation: entry.generation };
        if self.len() == 1 || self.earliest.is_some_and(|earliest| deadline < earliest.deadline) {
            self.earliest = Some(Earliest { deadline, place: entry.place });
        }
        key
    }

    /// Takes an entry out; `None` if it has fired or was cancelled before.
    #[inline]
    pub(crate) fn cancel(&mut self, key: TimerKey) -> Option<Waker> {
        let &Entry { deadline, place, .. } = self.live(key)?;
        if place == IN_HEAP {
            return self.cancel_in_heap(key.index, deadline);
        }
        let emptied = self.unlink(key.index);
        if self.earliest.is_some_and(|earliest| {
            earliest.place == place && (emptied || earliest.deadline == deadline)
        }) {
            self.earliest = None;
        }
        self.release(key.index)
    }

    /// Whether the entry stands, and whether it would wake `waker`.
    #[inline]
    pub(super) fn standing(&self, key: TimerKey, waker: &Waker) -> Standing {
        match self.live(key) {
            None => Standing::Gone,
            Some(Entry { waker: Some(own), .. }) if own.will_wake(waker) => Standing::Same,
            Some(_) => Standing::Other,
        }
    }

    /// Gives a standing entry another waker and hands back the one that is not needed: the old
    /// one, or `waker` itself if the entry is gone.
    pub(crate) fn set_waker(&mut self, key: TimerKey, waker: Waker) -> Option<Waker> {
        match self.entries.get_mut(key.index as usize) {
            Some(entry) if entry.generation == key.generation => entry.waker.replace(waker),
            _ => Some(waker),
        }
    }

    /// Takes out every entry whose deadline is at or before `now` and appends its waker to
    /// `wakers`, in order. The cost is that of the entries that fire or move, not of the time that
    /// has passed. A `now` before one seen earlier is legal and moves nothing.
    pub(crate) fn fire_due(&mut self, now: u64, wakers: &mut Vec<Waker>) {
        let now_tick = now >> TICK_SHIFT;
        self.pop_due(now, wakers);
        while let Some((level, slot)) = self.first_slot() {
            let (first_tick, last_tick) = self.ticks_of(level, slot);
            if first_tick > now_tick {
                break;
            }
            self.current = last_tick.min(now_tick);
            self.place_anew(level, slot);
            self.pop_due(now, wakers);
        }
        self.current = self.current.max(now_tick);
    }

    /// When the loop has to call [`fire_due`](Self::fire_due) again, in nanoseconds: the earliest
    /// deadline exactly, or, where more than 16 entries share its slot, the beginning of that slot.
    /// It lies after every `now` that was fired, unless a deadline in the past was armed since.
    pub(crate) fn next_deadline(&mut self) -> Option<u64> {
        if self.len() == 0 {
            return None;
        }
        let earliest = match self.earliest {
            Some(earliest) => earliest,
            None => self.find_earliest()?,
        };
        self.earliest = Some(earliest);
        Some(earliest.deadline)
    }

    #[inline]
    fn live(&self, key: TimerKey) -> Option<&Entry> {
        self.entries.get(key.index as usize).filter(|entry| entry.generation == key.generation)
    }

    #[inline]
    fn take_free(&mut self, deadline: u64, waker: Waker) -> u32 {
        let Some(index) = self.free.pop() else {
            return self.grow(deadline, waker);
        };
        let entry = &mut self.entries[index as usize];
        entry.deadline = deadline;
        entry.waker = Some(waker);
        index
    }

    #[inline(never)]
    fn grow(&mut self, deadline: u64, waker: Waker) -> u32 {
        let index = self.entries.len();
        assert!(index < NIL as usize, "more than 2^32 - 2 timers stand at a time on one loop");
        let waker = Some(waker);
        let (previous, next) = (NIL, NIL);
        self.entries.push(Entry { deadline, waker, previous, next, generation: 0, place: IN_HEAP });
        // So that giving back never has to allocate.
        self.free.reserve(self.entries.capacity());
        index as u32
    }

    /// Gives an entry that is in no list back; its key is void from here on.
    #[inline]
    fn release(&mut self, index: u32) -> Option<Waker> {
        let entry = &mut self.entries[index as usize];
        entry.generation = entry.generation.wrapping_add(1);
        self.free.push(index);
        entry.waker.take()
    }

    /// Puts an entry where its deadline belongs, relative to `current`.
    #[inline]
    fn place(&mut self, index: u32, deadline: u64) {
        let tick = deadline >> TICK_SHIFT;
        if tick <= self.current {
            return self.enter_heap(index);
        }
        let level = (63 - (tick ^ self.current).leading_zeros()) / SLOT_BITS;
        let slot = (tick >> (level * SLOT_BITS)) as usize % SLOTS;
        let number = level as usize * SLOTS + slot;
        let list = &mut self.lists[number];
        let entry = &mut self.entries[index as usize];
        let tail = list.tail;
        entry.place = number as u16;
        entry.previous = tail;
        entry.next = NIL;
        list.tail = index;
        if tail == NIL {
            list.head = index;
            self.occupied[level as usize] |= 1 << slot;
        } else {
            self.entries[tail as usize].next = index;
        }
    }

    #[inline(never)]
    fn enter_heap(&mut self, index: u32) {
        let entry = &mut self.entries[index as usize];
        entry.place = IN_HEAP;
        let key = TimerKey { index, generation: entry.generation };
        self.heap.push(Reverse(Due { deadline: entry.deadline, sequence: self.sequence, key }));
        self.sequence += 1;
    }

    #[inline(never)]
    fn cancel_in_heap(&mut self, index: u32, deadline: u64) -> Option<Waker> {
        let waker = self.release(index);
        self.stale += 1;
        if self.stale > STALE_MIN && self.stale > self.heap.len() / 2 {
            let entries = &self.entries;
            self.heap.retain(|Reverse(Due { key, .. })| {
                entries[key.index as usize].generation == key.generation
            });
            self.stale = 0;
        }
        if self.earliest.is_some_and(|earliest| earliest.deadline == deadline) {
            self.earliest = None;
        }
        waker
    }

    /// Takes an entry out of its list; says whether that has emptied the list.
    #[inline]
    fn unlink(&mut self, index: u32) -> bool {
        let Entry { previous, next, place, .. } = self.entries[index as usize];
        let number = place as usize;
        if previous == NIL {
            self.lists[number].head = next;
        } else {
            self.entries[previous as usize].next = next;
        }
        if next == NIL {
            self.lists[number].tail = previous;
        } else {
            self.entries[next as usize].previous = previous;
        }
        if previous != NIL || next != NIL {
            return false;
        }
        self.occupied[number / SLOTS] &= !(1 << (number % SLOTS));
        true
    }

    /// Empties a slot that `current` has entered; no entry of it falls back into the same slot.
    fn place_anew(&mut self, level: usize, slot: usize) {
        let mut index = std::mem::replace(&mut self.lists[level * SLOTS + slot], EMPTY).head;
        self.occupied[level] &= !(1 << slot);
        self.earliest = None;
        while index != NIL {
            let Entry { next, deadline, .. } = self.entries[index as usize];
            self.place(index, deadline);
            index = next;
        }
    }

    fn pop_due(&mut self, now: u64, wakers: &mut Vec<Waker>) {
        while let Some(Reverse(due)) = self.heap.peek() {
            let key = due.key;
            if self.live(key).is_none() {
                self.stale -= 1;
            } else if due.deadline <= now {
                self.earliest = None;
                wakers.extend(self.release(key.index));
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
            if self.live(due.key).is_some() {
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
            let entry = &self.entries[index as usize];
            deadline = deadline.min(entry.deadline);
            index = entry.next;
        }
        if index != NIL {
            deadline = self.ticks_of(level, slot).0 << TICK_SHIFT;
        }
        Some(Earliest { deadline, place })
    }
}

mod inspect;
#[cfg(test)]
mod tests;
