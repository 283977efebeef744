//! The entries of a wheel, in one table of 32 bytes each: two lie in a line of the cache, and a
//! million take no more memory than they need.
//!
//! Whom an entry wakes is a task of this loop nearly always: then its name is all that is kept.
//! Other wakers, which take two words, stand apart.

use std::task::Waker;

use slab::Slab;

use super::TimerKey;
use crate::growth;
use crate::scheduler::{TaskId, Wake, task_of};

/// The end of a list.
pub(super) const NIL: u32 = u32::MAX;

/// A deadline that stands, or one that did.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) deadline: u64,
    /// A task's name, or a place among the wakers that are none.
    who: u64,
    pub(super) previous: u32,
    pub(super) next: u32,
    generation: u32,
    /// The list in which it is, or one of the places that are no list.
    pub(super) place: u16,
    is_foreign: bool,
    stands: bool,
}

const _: () = assert!(size_of::<Entry>() == 32);

impl Entry {
    /// Its key, being at this index.
    #[inline]
    pub(super) fn key(&self, index: u32) -> TimerKey {
        TimerKey { index, generation: self.generation }
    }
}

#[derive(Debug, Default)]
pub(super) struct Entries {
    all: Vec<Entry>,
    /// The entries that are not in use, the last one freed on top. A list through the entries
    /// would cost a chain of cache misses where many were freed in no order.
    free: Vec<u32>,
    foreign: Slab<Waker>,
}

impl Entries {
    /// How many stand.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.all.len() - self.free.len()
    }

    /// How many there is room for without growing.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.all.len()
    }

    #[inline]
    pub(super) fn at(&self, index: u32) -> &Entry {
        &self.all[index as usize]
    }

    #[inline]
    pub(super) fn at_mut(&mut self, index: u32) -> &mut Entry {
        &mut self.all[index as usize]
    }

    /// The entry of a key, while it stands.
    #[inline]
    pub(super) fn live(&self, key: TimerKey) -> Option<&Entry> {
        self.all.get(key.index as usize).filter(|entry| entry.generation == key.generation)
    }

    /// An entry at `place`, with `previous` before it and none behind it.
    #[inline]
    pub(super) fn add(&mut self, deadline: u64, wake: Wake, place: u16, previous: u32) -> TimerKey {
        let (who, is_foreign) = match wake {
            Wake::Task(task) => (task.to_bits(), false),
            Wake::Other(waker) => (self.keep(waker), true),
        };
        let Some(index) = self.free.pop() else {
            return self.grow(deadline, who, is_foreign, place, previous);
        };
        // Field by field: an entry that is put together elsewhere and copied waits for itself.
        let entry = &mut self.all[index as usize];
        entry.deadline = deadline;
        entry.who = who;
        entry.previous = previous;
        entry.next = NIL;
        entry.place = place;
        entry.is_foreign = is_foreign;
        entry.stands = true;
        entry.key(index)
    }

    #[cold]
    #[inline(never)]
    fn keep(&mut self, waker: Waker) -> u64 {
        self.foreign.insert(waker) as u64
    }

    #[inline(never)]
    fn grow(
        &mut self,
        deadline: u64,
        who: u64,
        is_foreign: bool,
        place: u16,
        previous: u32,
    ) -> TimerKey {
        let index = self.all.len();
        assert!(index < NIL as usize, "more than 2^32 - 2 timers stand at a time on one loop");
        let (next, generation, stands) = (NIL, 0, true);
        growth::push(
            &mut self.all,
            Entry { deadline, who, previous, next, generation, place, is_foreign, stands },
        );
        if self.free.capacity() < self.all.capacity() {
            // So that giving back never has to allocate.
            self.free.reserve_exact(self.all.capacity());
        }
        TimerKey { index: index as u32, generation: 0 }
    }

    /// Gives an entry that is in no list back; its key is void from here on.
    #[inline(always)]
    pub(super) fn release(&mut self, index: u32) -> Wake {
        let entry = &mut self.all[index as usize];
        entry.generation = entry.generation.wrapping_add(1);
        entry.stands = false;
        self.free.push(index);
        if entry.is_foreign {
            return Wake::Other(take_foreign(&mut self.foreign, entry.who));
        }
        Wake::Task(TaskId::from_bits(entry.who))
    }

    /// Whether an entry wakes this waker.
    #[inline]
    pub(super) fn wakes(&self, entry: &Entry, waker: &Waker) -> bool {
        if entry.is_foreign {
            return self.foreign[entry.who as usize].will_wake(waker);
        }
        task_of(waker).is_some_and(|task| task.to_bits() == entry.who)
    }

    /// Has an entry that stands wake another, and hands back the one that is not needed: the old
    /// one, or `wake` itself if the entry is gone.
    pub(super) fn set_wake(&mut self, key: TimerKey, wake: Wake) -> Wake {
        let Some(entry) = self.all.get_mut(key.index as usize) else { return wake };
        if entry.generation != key.generation {
            return wake;
        }
        let (who, was_foreign) = (entry.who, entry.is_foreign);
        (entry.who, entry.is_foreign) = match wake {
            Wake::Task(task) => (task.to_bits(), false),
            Wake::Other(waker) => (self.foreign.insert(waker) as u64, true),
        };
        if was_foreign {
            return Wake::Other(take_foreign(&mut self.foreign, who));
        }
        Wake::Task(TaskId::from_bits(who))
    }

    /// Every entry that stands, in no order: its deadline and its task, if that is one of ours.
    pub(super) fn standing(&self) -> impl Iterator<Item = (u64, Option<TaskId>)> {
        let standing = self.all.iter().filter(|entry| entry.stands);
        standing.map(|entry| {
            let task = (!entry.is_foreign).then(|| TaskId::from_bits(entry.who));
            (entry.deadline, task)
        })
    }
}

#[cold]
#[inline(never)]
fn take_foreign(foreign: &mut Slab<Waker>, place: u64) -> Waker {
    foreign.remove(place as usize)
}
