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
    fn a_foreign_waker_is_not_one_of_ours() {
        assert_eq!(task_of(Waker::noop()), None);
    }
}
