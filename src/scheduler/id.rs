//! The name of a task: its loop's place, its slot and how often the slot was used.

use std::fmt;

/// A task's name, packed into the word that a waker carries.
///
/// From above: 26 bits say the generation, ten the loop, 27 the slot. A generation that came round
/// would at worst wake a task for nothing, which every future allows. One bit is the scheduler's own,
/// and is never set in a name that somebody else sees: whether the task is in the queue. An
/// instruction can name it, and the generation is had by one and counted on by another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TaskId(u64);

impl TaskId {
    /// A name that no task has.
    pub(crate) const NOBODY: TaskId = TaskId(u64::MAX);
    pub(crate) const INDEX_MAX: u32 = (1 << 27) - 1;
    const PLACE_MAX: usize = (1 << 10) - 1;
    const QUEUED: u64 = 1 << 27;

    #[inline]
    pub(super) fn new(place: usize, generation: u32, index: u32) -> Self {
        TaskId((u64::from(generation) << 38) | ((place as u64) << 28) | u64::from(index))
    }

    /// The name of a task of the runtime with this number.
    pub(crate) fn named(runtime: u32, generation: u32, index: u32) -> Self {
        TaskId::new(crate::remote::place(runtime), generation, index)
    }

    /// The name as its slot has it while the task is in the queue.
    #[inline]
    pub(super) fn queued(self) -> Self {
        TaskId(self.0 | Self::QUEUED)
    }

    #[inline]
    pub(super) fn unqueued(self) -> Self {
        TaskId(self.0 & !Self::QUEUED)
    }

    /// The name of the next task in this slot.
    #[inline]
    pub(super) fn next_of_slot(self) -> Self {
        TaskId(self.0.wrapping_add(1 << 38))
    }

    #[inline]
    pub(crate) fn from_bits(bits: u64) -> Self {
        TaskId(bits)
    }

    #[inline]
    pub(crate) fn to_bits(self) -> u64 {
        self.0
    }

    #[inline]
    pub(crate) fn place(self) -> usize {
        (self.0 >> 28) as usize & Self::PLACE_MAX
    }

    #[inline]
    pub(crate) fn generation(self) -> u32 {
        (self.0 >> 38) as u32
    }

    #[inline]
    pub(crate) fn index(self) -> u32 {
        self.0 as u32 & Self::INDEX_MAX
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.place(), self.index(), self.generation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GENERATION_MAX: u32 = (1 << 26) - 1;

    #[test]
    fn a_name_comes_apart_as_it_was_put_together() {
        for place in [0, 1, 1023] {
            for generation in [0, 5, GENERATION_MAX] {
                for index in [0, 9, TaskId::INDEX_MAX] {
                    let id = TaskId::new(place, generation, index);
                    assert_eq!(
                        (id.place(), id.generation(), id.index()),
                        (place, generation, index)
                    );
                    assert_eq!(TaskId::from_bits(id.to_bits()), id);
                }
            }
        }
    }

    #[test]
    fn the_generation_after_the_last_is_the_first() {
        let [first, last] = [0, GENERATION_MAX].map(|generation| TaskId::new(1023, generation, 42));
        assert_eq!(last.next_of_slot(), first);
        assert_eq!(first.next_of_slot(), TaskId::new(1023, 1, 42));
    }
}
