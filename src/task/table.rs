//! The tasks of a loop.
//!
//! A task is polled outside of the table's borrow ([`run`](super::run)), so that whatever it does,
//! spawn, abort, wake or drop, finds the table free.

use std::mem::ManuallyDrop;
use std::panic::Location;
use std::task::Waker;
use std::time::Duration;

use super::budget::Budget;
use super::crew::{CrewId, Crews, Link};
use super::extra::{Cleanup, Extra};
use super::memory::{Blocks, BoxedTask};
use super::place::Place;
use super::watch::Watch;
use crate::growth;
use crate::local::Local;
use crate::scheduler::{self, TaskId};

thread_local! {
    static TASKS: Local<Tasks> = const { Local::new() };
}

/// All tasks of one loop.
pub(crate) struct Tasks {
    runtime: u32,
    pub(super) slots: Vec<Slot>,
    pub(super) current: Option<TaskId>,
    is_closing: bool,
    pub(super) counters: Counters,
    pub(super) crews: Crews,
    pub(super) blocks: Blocks,
    /// The group whose body is being polled.
    pub(super) region: Option<CrewId>,
    pub(super) budget: Budget,
    pub(super) cleanup_limit: Option<Duration>,
    /// Where somebody asked for it.
    pub(super) watch: Option<Box<Watch>>,
}

/// What has happened to tasks since the loop began.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counters {
    pub(crate) spawned: u64,
    pub(crate) finished: u64,
    pub(crate) cancelled: u64,
    pub(crate) aborted: u64,
    pub(crate) panicked: u64,
    pub(crate) polls: u64,
}

impl Counters {
    /// Tasks that have not ended.
    pub(crate) fn alive(&self) -> u64 {
        self.spawned - self.finished
    }
}

/// How a task was asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stop {
    No,
    /// At its await point, with its clean-up, when nothing shields it.
    Cancel,
    /// At its await point, as it is.
    Abort,
}

pub(super) struct Slot {
    /// Empty when the slot is free, and where the loop's root future has its name.
    pub(super) task: Place,
    /// The task that awaits the end, or [`TaskId::NOBODY`]; who awaits it by another kind of waker
    /// stands in `extra`.
    pub(super) joiner: TaskId,
    pub(super) site: &'static Location<'static>,
    /// When the task has ended: only its panic, until somebody takes the end.
    pub(super) extra: Option<Box<Extra>>,
    /// Its place among the tasks that somebody watches with it.
    pub(super) link: Link,
    pub(super) generation: u32,
    pub(super) state: State,
    pub(super) stop: Stop,
    /// How many shields hold a cancel back.
    pub(super) shields: u16,
    /// Whether a join handle is there to take the end.
    pub(super) is_joinable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Alive,
    Free,
    /// The future is gone, the deferred clean-up runs.
    CleaningUp,
    Ended,
}

impl Tasks {
    pub(crate) fn new(runtime: u32) -> Self {
        Tasks {
            runtime,
            slots: Vec::new(),
            current: None,
            is_closing: false,
            counters: Counters::default(),
            crews: Crews::new(runtime),
            blocks: Blocks::new(),
            region: None,
            budget: Budget::default(),
            cleanup_limit: None,
            watch: None,
        }
    }

    /// Watches the tasks from now on.
    pub(crate) fn set_watch(&mut self, watch: Watch) {
        self.watch = Some(Box::new(watch));
    }

    /// What is known of the tasks of a loop that is watched.
    pub(crate) fn watch(&self) -> Option<&Watch> {
        if cfg!(annulus_unwatched) { None } else { self.watch.as_deref() }
    }

    /// How many slots there are, used or not.
    pub(crate) fn slot_count(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn counters(&self) -> Counters {
        self.counters
    }

    pub(super) fn runtime(&self) -> u32 {
        self.runtime
    }

    /// Whether tasks are refused because the loop ends.
    pub(super) fn is_closing(&self) -> bool {
        self.is_closing
    }

    /// No task is accepted from now on.
    pub(crate) fn set_closing(&mut self) {
        self.is_closing = true;
    }

    /// Gives a task its slot; the loop's root future has one without a task in it.
    #[inline]
    pub(super) fn insert(
        &mut self,
        id: TaskId,
        task: Option<BoxedTask>,
        site: &'static Location<'static>,
    ) {
        self.counters.spawned += u64::from(task.is_some());
        match self.slots.get_mut(id.index() as usize) {
            Some(place) => {
                debug_assert!(place.task.is_empty() && place.extra.is_none(), "a slot was in use");
                // A free slot holds nothing that would have to be dropped.
                let _before =
                    ManuallyDrop::new(std::mem::replace(place, Slot::new(id, task, site)));
            }
            None => self.add(id, task, site),
        }
    }

    #[cold]
    #[inline(never)]
    fn add(&mut self, id: TaskId, task: Option<BoxedTask>, site: &'static Location<'static>) {
        debug_assert_eq!(id.index() as usize, self.slots.len(), "names are given in their order");
        growth::push(&mut self.slots, Slot::new(id, task, site));
    }

    #[inline]
    pub(super) fn slot(&mut self, id: TaskId) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(id.index() as usize)?;
        (slot.generation == id.generation() && slot.state != State::Free).then_some(slot)
    }

    /// Frees the slot of the loop's root future; what it still had is to be dropped.
    pub(super) fn free_root(&mut self, id: TaskId) -> Option<Box<Extra>> {
        let extra = self.slot(id)?.extra.take();
        self.free(id);
        extra
    }

    #[inline]
    pub(super) fn free(&mut self, id: TaskId) {
        if let Some(slot) = self.slot(id) {
            slot.free();
        }
        let _ended = scheduler::with(|scheduler| scheduler.release(id));
    }

    /// Whether the task has ended.
    pub(super) fn is_finished(&mut self, id: TaskId) -> bool {
        self.slot(id).is_none_or(|slot| slot.state == State::Ended)
    }

    /// Asks a task to end; who has to be woken for it, or `None` when that changes nothing.
    pub(super) fn stop(&mut self, id: TaskId, stop: Stop) -> Option<Vec<Waker>> {
        let slot = self.slot(id)?;
        if slot.state == State::Ended || slot.stop >= stop {
            return None;
        }
        slot.stop = stop;
        match stop {
            Stop::Abort => self.counters.aborted += 1,
            _ => self.counters.cancelled += 1,
        }
        let extra = self.slot(id)?.extra.as_mut();
        Some(extra.map(|extra| std::mem::take(&mut extra.cancel_wakers)).unwrap_or_default())
    }

    /// Whether a task was asked to end.
    pub(super) fn is_stopping(&mut self, id: TaskId) -> bool {
        self.slot(id).is_some_and(|slot| slot.stop != Stop::No)
    }

    /// Holds cancels of a task back, or no longer; whether one that was held back is due now.
    pub(super) fn shield(&mut self, id: TaskId, on: bool) -> bool {
        let Some(slot) = self.slot(id) else { return false };
        if on {
            slot.shields = slot.shields.saturating_add(1);
            return false;
        }
        slot.shields = slot.shields.saturating_sub(1);
        slot.shields == 0 && slot.stop == Stop::Cancel
    }

    /// What a task is called.
    pub(super) fn name(&mut self, id: TaskId) -> Option<&str> {
        self.slot(id)?.extra.as_ref()?.name.as_deref()
    }

    #[cold]
    pub(super) fn set_name(&mut self, id: TaskId, name: Option<Box<str>>) {
        if let Some(extra) = self.extra(id) {
            extra.name = name;
        }
    }

    /// The rare part of a task.
    pub(super) fn extra(&mut self, id: TaskId) -> Option<&mut Extra> {
        let slot = self.slot(id)?;
        Some(slot.extra.get_or_insert_default())
    }

    /// The clean-up that a task deferred last.
    pub(super) fn pop_deferred(&mut self, id: TaskId) -> Option<Cleanup> {
        self.slot(id)?.extra.as_mut()?.pop_deferred()
    }

    /// Every task that has not ended, the root excluded.
    pub(crate) fn alive(&self) -> Vec<TaskId> {
        let slots = self.slots.iter().enumerate();
        let alive = slots.filter(|(_, slot)| {
            matches!(slot.state, State::Alive | State::CleaningUp) && !slot.task.is_empty()
        });
        alive
            .map(|(index, slot)| TaskId::named(self.runtime, slot.generation, index as u32))
            .collect()
    }
}

impl Slot {
    #[inline]
    fn new(id: TaskId, task: Option<BoxedTask>, site: &'static Location<'static>) -> Slot {
        let is_joinable = task.is_some();
        Slot {
            task: Place::of(task),
            joiner: TaskId::NOBODY,
            site,
            extra: None,
            link: Link::NONE,
            generation: id.generation(),
            state: State::Alive,
            stop: Stop::No,
            shields: 0,
            is_joinable,
        }
    }

    /// There is no task any more.
    #[inline]
    pub(super) fn free(&mut self) {
        self.state = State::Free;
        if self.extra.is_some() {
            self.drop_extra();
        }
    }

    /// Drops what is left of a task that has panicked and was joined.
    #[cold]
    fn drop_extra(&mut self) {
        self.extra = None;
    }

    /// Keeps the waker of a joiner that is no task of ours, and hands the one before out.
    #[cold]
    pub(super) fn note_foreign_joiner(&mut self, waker: &mut Option<Waker>) {
        self.joiner = TaskId::NOBODY;
        std::mem::swap(&mut self.extra.get_or_insert_default().joiner, waker);
    }

    /// The join handle is gone; a waker that was kept comes back, for dropping it may run anything.
    pub(super) fn forget_joiner(&mut self) -> Option<Waker> {
        self.joiner = TaskId::NOBODY;
        self.extra.as_mut()?.joiner.take()
    }

    /// Whether it is alive and was not asked to end: then each of the two is the first of its kind,
    /// which is one comparison.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.state as u8 | self.stop as u8 == State::Alive as u8 | Stop::No as u8
    }

    /// What a task that is about to be polled has to do: a shield holds a cancel back, and one
    /// that cleans up has been cancelled already.
    pub(super) fn effective_stop(&self) -> Stop {
        match self.stop {
            Stop::Cancel if self.shields > 0 || self.state == State::CleaningUp => Stop::No,
            stop => stop,
        }
    }
}

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tasks").field("counters", &self.counters).finish_non_exhaustive()
    }
}

/// Runs `f` on this thread's tasks; `None` outside a loop.
#[inline]
pub(crate) fn with<R>(f: impl FnOnce(&mut Tasks) -> R) -> Option<R> {
    TASKS.try_with(|tasks| tasks.with(f)).ok().flatten()
}

/// Makes `tasks` this thread's and returns those before.
pub(crate) fn install(tasks: Option<Box<Tasks>>) -> Option<Box<Tasks>> {
    TASKS.with(|place| place.replace(tasks))
}
