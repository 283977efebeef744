//! A task's place in the table, and how it is polled there.
//!
//! While a task is polled the table is not borrowed, so that whatever the task does, spawn, abort,
//! wake or drop, finds it free. The task stays in its place all the same: only what it points to is
//! lent to who polls it. Taking it out and putting it back would be two walks to the slot, each poll.
//!
//! That is sound as long as nobody takes the task away meanwhile. Three take tasks out of their
//! places, and none of them one that is polled: who joins or detaches a task that has *ended*, who
//! notes the end of a task after its last poll, and who has it clean up, likewise after a poll.

#![expect(unsafe_code, reason = "polls a task where it lies in the table")]

use std::pin::Pin;
use std::ptr::NonNull;

use super::cell::Run;
use super::memory::BoxedTask;
use super::table::{State, Stop, Tasks};
use crate::scheduler::TaskId;

/// Where the table keeps a task; empty when there is none.
pub(super) struct Place(Option<BoxedTask>);

impl Place {
    #[inline]
    pub(super) fn of(task: Option<BoxedTask>) -> Place {
        Place(task)
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Takes the task out for good. It has ended, or its poll has.
    #[inline]
    pub(super) fn take(&mut self) -> Option<BoxedTask> {
        self.0.take()
    }

    /// Puts another task here, which is empty.
    pub(super) fn fill(&mut self, task: BoxedTask) {
        let before = self.0.replace(task);
        debug_assert!(before.is_none(), "there was a task in this place");
    }

    /// Lends the task out to be polled or dropped, once at a time.
    #[inline]
    pub(super) fn lend(&mut self) -> Option<Lent> {
        self.0.as_ref().map(|task| Lent(task.address()))
    }
}

/// A task that is being polled, or dropped, in its place.
pub(super) struct Lent(NonNull<dyn Run>);

impl Lent {
    #[inline]
    pub(super) fn as_mut(&mut self) -> Pin<&mut dyn Run> {
        // SAFETY: the task is in its place, which nobody takes it out of while it is lent, and it
        // is lent to one at a time: see the beginning of this file.
        let task = unsafe { self.0.as_mut() };
        // SAFETY: a task stays at its address until it is dropped there.
        unsafe { Pin::new_unchecked(task) }
    }
}

/// A task that is about to be polled for the last time, or that cleans up.
pub(super) struct Taken {
    pub(super) task: Lent,
    pub(super) stop: Stop,
    pub(super) is_cleaning_up: bool,
}

impl Tasks {
    /// The task that the scheduler has taken out of its queue, if there is nothing to do but poll
    /// it; else [`begin_rare`](Self::begin_rare) tells what it is.
    #[inline]
    pub(super) fn begin_poll(&mut self, id: TaskId) -> Option<Lent> {
        let slot = self.slots.get_mut(id.index() as usize)?;
        if !slot.is_plain() {
            return None;
        }
        debug_assert_eq!(slot.generation, id.generation(), "the scheduler knows who is alive");
        let task = slot.task.lend()?;
        self.current = Some(id);
        self.counters.polls += 1;
        Some(task)
    }

    /// A task and what has to be done with it; `None` when it has ended.
    #[cold]
    pub(super) fn begin_rare(&mut self, id: TaskId) -> Option<Taken> {
        let slot = self.slot(id).filter(|slot| slot.state != State::Ended)?;
        let stop = slot.effective_stop();
        let is_cleaning_up = slot.state == State::CleaningUp;
        let task = slot.task.lend()?;
        self.current = Some(id);
        self.counters.polls += 1;
        Some(Taken { task, stop, is_cleaning_up })
    }

    /// No task is polled any more.
    #[inline]
    pub(super) fn end_polls(&mut self) {
        self.current = None;
    }

    /// The future has ended or was dropped: whether there is clean-up to run before the task ends.
    #[inline]
    pub(super) fn begin_cleanup(&mut self, id: TaskId) -> bool {
        let Some(slot) = self.slot(id) else { return false };
        let has_deferred = slot.extra.as_ref().is_some_and(|extra| extra.has_deferred());
        let begins = has_deferred && slot.state == State::Alive;
        if begins {
            slot.state = State::CleaningUp;
            slot.shields = 0;
        }
        begins
    }

    /// Takes a task that is not polled any more, to be put into another that stands for it.
    #[cold]
    pub(super) fn take(&mut self, id: TaskId) -> Option<BoxedTask> {
        self.slot(id)?.task.take()
    }

    /// Puts the other into its place.
    #[cold]
    pub(super) fn replace(&mut self, id: TaskId, task: BoxedTask) {
        self.current = None;
        let slot = self.slot(id).expect("a task that cleans up keeps its slot");
        slot.task.fill(task);
    }
}
