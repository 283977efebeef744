//! Wakers that are a task's name and hold no reference.

#![expect(unsafe_code, reason = "a waker is a word and a table of functions")]

use std::task::{RawWaker, RawWakerVTable, Waker};

use super::TaskId;

#[cfg(not(target_pointer_width = "64"))]
compile_error!("annulus packs a task's name into a 64-bit pointer");

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, drop_nothing);

/// The waker of a task.
#[inline]
pub(crate) fn waker_of(task: TaskId) -> Waker {
    let data = std::ptr::without_provenance(task.to_bits() as usize);
    // SAFETY: the data is a plain number that owns nothing, and the functions of the table only
    // read it, on any thread: cloning copies it, waking sends it, dropping does nothing.
    unsafe { Waker::new(data, &VTABLE) }
}

/// The task that a waker wakes, if it is one of ours.
#[inline]
pub(crate) fn task_of(waker: &Waker) -> Option<TaskId> {
    std::ptr::eq(waker.vtable(), &VTABLE).then(|| TaskId::from_bits(waker.data().addr() as u64))
}

/// Whom to wake: a task by its name, or somebody by a waker that is not one of ours.
///
/// A name is a plain word: it is kept, woken and let go of without a call through a table.
#[derive(Debug)]
pub(crate) enum Wake {
    Task(TaskId),
    Other(Waker),
}

impl Wake {
    /// Whom this waker wakes.
    #[inline]
    pub(crate) fn of(waker: &Waker) -> Wake {
        match task_of(waker) {
            Some(task) => Wake::Task(task),
            None => Wake::Other(waker.clone()),
        }
    }

    /// Whether this waker wakes the same.
    #[inline]
    pub(crate) fn is_of(&self, waker: &Waker) -> bool {
        match self {
            Wake::Task(task) => task_of(waker) == Some(*task),
            Wake::Other(known) => known.will_wake(waker),
        }
    }

    /// Has the one to wake be this waker's.
    #[inline]
    pub(crate) fn update(&mut self, waker: &Waker) {
        if !self.is_of(waker) {
            *self = Wake::of(waker);
        }
    }

    #[inline]
    pub(crate) fn wake(self) {
        match self {
            Wake::Task(task) => super::wake(task),
            Wake::Other(waker) => waker.wake(),
        }
    }

    /// A waker for who asks by it, as a dump does.
    pub(crate) fn to_waker(&self) -> Waker {
        match self {
            Wake::Task(task) => waker_of(*task),
            Wake::Other(waker) => waker.clone(),
        }
    }
}

fn clone(data: *const ()) -> RawWaker {
    RawWaker::new(data, &VTABLE)
}

fn wake(data: *const ()) {
    super::wake(TaskId::from_bits(data.addr() as u64));
}

fn drop_nothing(_data: *const ()) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waker_carries_its_task_through_clones() {
        let task = TaskId::new(1000, 7, 42);
        let waker = waker_of(task);
        assert_eq!(task_of(&waker.clone()), Some(task));
        assert!(waker.will_wake(&waker_of(task)));
        assert!(!waker.will_wake(&waker_of(TaskId::new(1000, 8, 42))));
    }

    #[test]
    fn a_wake_is_of_the_one_whose_waker_came_last() {
        let [first, second] = [1, 2].map(|index| waker_of(TaskId::new(1, 0, index)));
        let mut wake = Wake::of(&first);
        wake.update(&second);
        assert!(wake.to_waker().will_wake(&second));
        wake.update(Waker::noop());
        assert!(matches!(wake, Wake::Other(_)));
        wake.update(&first);
        assert!(matches!(wake, Wake::Task(task) if task.index() == 1));
        assert_eq!(size_of::<Wake>(), size_of::<Waker>());
    }

    #[test]
    fn a_foreign_waker_is_not_one_of_ours() {
        assert_eq!(task_of(Waker::noop()), None);
    }
}
