//! The tasks of a loop, and how one of them is run.
//!
//! A task's future is taken out of its slot while it is polled, so that whatever it does, spawn,
//! abort, wake or drop, finds the table free. Its panics are caught here and become the end that
//! its join handle reports.

use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::JoinError;
use super::cell::Run;
use crate::local::Local;
use crate::scheduler::{self, TaskId};

thread_local! {
    static TASKS: Local<Tasks> = const { Local::new() };
}

pub(super) type BoxedTask = Pin<Box<dyn Run>>;

/// All tasks of one loop.
pub(crate) struct Tasks {
    runtime: u32,
    slots: Vec<Slot>,
    current: Option<TaskId>,
    is_closing: bool,
    counters: Counters,
}

/// What has happened to tasks since the loop began.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counters {
    pub(crate) spawned: u64,
    pub(crate) finished: u64,
    pub(crate) aborted: u64,
    pub(crate) panicked: u64,
    pub(crate) polls: u64,
    /// Tasks that have not ended.
    pub(crate) alive: u64,
}

struct Slot {
    /// Empty while the task is polled and when the slot is free.
    task: Option<BoxedTask>,
    /// Who awaits the end.
    joiner: Option<Waker>,
    site: &'static Location<'static>,
    generation: u32,
    state: State,
    /// Whether a join handle is there to take the end.
    is_joinable: bool,
    is_aborted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Free,
    Alive,
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
        }
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

    pub(super) fn insert(&mut self, id: TaskId, task: BoxedTask, site: &'static Location<'static>) {
        let slot = Slot {
            task: Some(task),
            joiner: None,
            site,
            generation: id.generation(),
            state: State::Alive,
            is_joinable: true,
            is_aborted: false,
        };
        let index = id.index() as usize;
        while self.slots.len() < index {
            // Names are given out in order, but the root's has no task.
            let free = Slot { task: None, state: State::Free, ..Slot::empty(site) };
            self.slots.push(free);
        }
        if index == self.slots.len() {
            self.slots.push(slot);
        } else {
            self.slots[index] = slot;
        }
        self.counters.spawned += 1;
        self.counters.alive += 1;
    }

    fn slot(&mut self, id: TaskId) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(id.index() as usize)?;
        (slot.generation == id.generation() && slot.state != State::Free).then_some(slot)
    }

    /// Takes the task out to poll it, or to drop it when it was aborted.
    fn take(&mut self, id: TaskId) -> Option<(BoxedTask, bool)> {
        let slot = self.slot(id)?;
        if slot.state == State::Ended {
            return None;
        }
        let taken = slot.task.take().map(|task| (task, slot.is_aborted));
        self.current = Some(id);
        taken
    }

    fn put_back(&mut self, id: TaskId, task: BoxedTask) {
        let slot = self.slot(id).expect("a task that is polled keeps its slot");
        slot.task = Some(task);
    }

    /// The task has ended: its joiner, or the task itself when nobody will take its output.
    fn end(&mut self, id: TaskId, task: BoxedTask) -> (Option<Waker>, Option<BoxedTask>) {
        self.counters.finished += 1;
        self.counters.alive -= 1;
        let slot = self.slot(id).expect("a task that is polled keeps its slot");
        slot.state = State::Ended;
        if slot.is_joinable {
            slot.task = Some(task);
            return (slot.joiner.take(), None);
        }
        self.free(id);
        (None, Some(task))
    }

    fn free(&mut self, id: TaskId) {
        if let Some(slot) = self.slot(id) {
            slot.state = State::Free;
            slot.joiner = None;
        }
        let _ended = scheduler::with(|scheduler| scheduler.release(id));
    }

    /// The ended task for its join handle; else the waker is kept.
    ///
    /// `None`: the end has been taken already.
    pub(super) fn poll_join(&mut self, id: TaskId, waker: &Waker) -> Option<Poll<BoxedTask>> {
        let slot = self.slot(id)?;
        if slot.state == State::Ended {
            let task = slot.task.take()?;
            self.free(id);
            return Some(Poll::Ready(task));
        }
        match &mut slot.joiner {
            Some(joiner) if joiner.will_wake(waker) => {}
            joiner => *joiner = Some(waker.clone()),
        }
        Some(Poll::Pending)
    }

    /// The join handle is gone; an output that nobody will take comes back to be dropped.
    pub(super) fn detach(&mut self, id: TaskId) -> Option<BoxedTask> {
        let slot = self.slot(id)?;
        slot.is_joinable = false;
        slot.joiner = None;
        if slot.state != State::Ended {
            return None;
        }
        let task = slot.task.take();
        self.free(id);
        task
    }

    /// Whether the task has ended.
    pub(super) fn is_finished(&mut self, id: TaskId) -> bool {
        self.slot(id).is_none_or(|slot| slot.state == State::Ended)
    }

    /// Asks a task to end at its next turn; whether it was alive.
    pub(super) fn abort(&mut self, id: TaskId) -> bool {
        let Some(slot) = self.slot(id) else { return false };
        if slot.state == State::Ended || std::mem::replace(&mut slot.is_aborted, true) {
            return false;
        }
        self.counters.aborted += 1;
        true
    }

    /// Where a task was spawned.
    pub(crate) fn site(&mut self, id: TaskId) -> Option<&'static Location<'static>> {
        self.slot(id).map(|slot| slot.site)
    }

    /// Every task that has not ended.
    pub(crate) fn alive(&self) -> impl Iterator<Item = (u32, &'static Location<'static>)> {
        let slots = self.slots.iter().enumerate();
        slots
            .filter(|(_, slot)| slot.state == State::Alive)
            .map(|(index, slot)| (index as u32, slot.site))
    }

    /// No task is accepted from now on; every one that is there comes out, to be dropped.
    fn close(&mut self) -> Vec<(TaskId, BoxedTask)> {
        self.is_closing = true;
        let place = self.runtime;
        let alive = self.slots.iter_mut().enumerate();
        let alive = alive.filter(|(_, slot)| slot.state == State::Alive);
        alive
            .filter_map(|(index, slot)| {
                let id = TaskId::named(place, slot.generation, index as u32);
                slot.task.take().map(|task| (id, task))
            })
            .collect()
    }

    /// Outputs that nobody took.
    fn take_ended(&mut self) -> Vec<BoxedTask> {
        self.slots.iter_mut().filter_map(|slot| slot.task.take()).collect()
    }
}

impl Slot {
    fn empty(site: &'static Location<'static>) -> Slot {
        Slot {
            task: None,
            joiner: None,
            site,
            generation: 0,
            state: State::Free,
            is_joinable: false,
            is_aborted: false,
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

/// The task that is being polled on this thread.
pub(crate) fn current() -> Option<TaskId> {
    with(|tasks| tasks.current).flatten()
}

/// Sets which task is being polled, for the loop's root future; returns the one before.
pub(crate) fn set_current(id: Option<TaskId>) -> Option<TaskId> {
    with(|tasks| std::mem::replace(&mut tasks.current, id)).flatten()
}

/// Polls a task once, or drops it when it was aborted.
#[inline]
pub(crate) fn run(id: TaskId) {
    let Some(Some((mut task, is_aborted))) = with(|tasks| tasks.take(id)) else { return };
    if is_aborted {
        drop_contained(&mut task);
        task.as_mut().fail(JoinError::cancelled(Some(id.to_bits())));
        return end(id, task);
    }
    let waker = scheduler::waker_of(id);
    let mut cx = Context::from_waker(&waker);
    match catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(&mut cx))) {
        Ok(Poll::Pending) => {
            with(|tasks| {
                tasks.put_back(id, task);
                tasks.current = None;
                tasks.counters.polls += 1;
            });
        }
        Ok(Poll::Ready(())) => end(id, task),
        Err(payload) => {
            with(|tasks| tasks.counters.panicked += 1);
            drop_contained(&mut task);
            task.as_mut().fail(JoinError::panicked(Some(id.to_bits()), payload));
            end(id, task);
        }
    }
}

/// Notes the end of a task, then wakes its joiner or drops its output.
fn end(id: TaskId, task: BoxedTask) {
    let ended = with(|tasks| {
        tasks.counters.polls += 1;
        tasks.current = None;
        tasks.end(id, task)
    });
    let Some((joiner, unwanted)) = ended else { return };
    if let Some(joiner) = joiner {
        joiner.wake();
    }
    if let Some(unwanted) = unwanted {
        drop_output(unwanted);
    }
}

/// Drops a future whose destructor may panic: the panic was reported by the hook and goes no
/// further, for the task has ended already.
fn drop_contained(task: &mut BoxedTask) {
    let _reported = catch_unwind(AssertUnwindSafe(|| task.as_mut().drop_future()));
}

/// Drops an output that nobody will take, likewise.
pub(super) fn drop_output(task: BoxedTask) {
    let _reported = catch_unwind(AssertUnwindSafe(|| drop(task)));
}

/// Ends every task of this thread's loop: futures are dropped where they are, joins end as
/// cancelled.
pub(crate) fn close() {
    loop {
        let alive = with(Tasks::close).unwrap_or_default();
        if alive.is_empty() {
            break;
        }
        for (id, mut task) in alive {
            drop_contained(&mut task);
            task.as_mut().fail(JoinError::cancelled(Some(id.to_bits())));
            end(id, task);
        }
    }
    for ended in with(Tasks::take_ended).unwrap_or_default() {
        drop_output(ended);
    }
}
