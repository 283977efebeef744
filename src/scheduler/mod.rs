//! Decides which woken task runs next on this thread.
//!
//! It deals in names only: a [`TaskId`] says which loop, which slot and how often the slot was
//! used. A task's waker *is* its name, so cloning and dropping one costs nothing, and a waker that
//! outlives its task wakes nobody. What a task is, room `task` knows.
//!
//! The queue is first in, first out, and each task is in it at most once: a task that wakes itself
//! goes to the end and cannot starve the others.

#[cfg(feature = "sim")]
mod fairness;
mod id;
mod queue;
mod waker;

pub(crate) use self::id::TaskId;
use self::queue::Queue;
pub(crate) use self::waker::{Wake, task_of, waker_of};
use crate::growth;
use crate::local::Local;
use crate::remote::{self, Remote};
use crate::threads::per_thread;

per_thread! {
    static SCHEDULER: Local<Scheduler> = const { Local::new() };
}

/// The run queue of one loop and what it knows of its tasks.
#[derive(Debug)]
pub(crate) struct Scheduler {
    place: usize,
    slots: Vec<Slot>,
    free: Vec<u32>,
    queue: Queue,
    /// Tasks that woke themselves while they were polled: they yield to I/O, too, and are queued
    /// again after the next turn.
    yielded: Vec<TaskId>,
    /// The task taken out last, or [`TaskId::NOBODY`].
    running: TaskId,
    woken: u64,
    #[cfg(feature = "sim")]
    ledger: fairness::Ledger,
}

/// The name of the task in a slot, or of the next one, and whether it is in the queue.
///
/// Both in one word, so that a wake asks one question: is this the name of a task of this loop that
/// is alive and not queued?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot(TaskId);

impl Scheduler {
    pub(crate) fn new(runtime: u32) -> Self {
        Scheduler {
            place: remote::place(runtime),
            slots: Vec::new(),
            free: Vec::new(),
            queue: Queue::default(),
            yielded: Vec::new(),
            running: TaskId::NOBODY,
            woken: 0,
            #[cfg(feature = "sim")]
            ledger: fairness::Ledger::default(),
        }
    }

    /// A name for a new task.
    ///
    /// # Panics
    ///
    /// At more tasks than a name can count (134 million).
    #[inline]
    pub(crate) fn allocate(&mut self) -> TaskId {
        match self.free.pop() {
            // An old waker of another loop in this place may have queued the name before it was
            // anybody's: then that entry is the new task's, and wakes it for nothing.
            Some(index) => self.slots[index as usize].0.unqueued(),
            None => self.add(),
        }
    }

    /// As [`allocate`](Self::allocate), and the task is woken: nobody is polled before it is where
    /// it can be found, so it may be in the queue before that.
    #[inline]
    pub(crate) fn allocate_woken(&mut self) -> TaskId {
        let task = self.allocate();
        self.wake(task);
        task
    }

    #[cold]
    fn add(&mut self) -> TaskId {
        let index = self.slots.len() as u32;
        assert!(index < TaskId::INDEX_MAX, "too many tasks on one loop");
        let name = TaskId::new(self.place, 0, index);
        growth::push(&mut self.slots, Slot(name));
        name
    }

    /// Takes a name back: it wakes nobody from now on.
    #[inline]
    pub(crate) fn release(&mut self, task: TaskId) {
        let Some(slot) = self.slots.get_mut(task.index() as usize) else { return };
        if slot.0.unqueued() == task {
            *slot = Slot(task.next_of_slot());
            #[cfg(feature = "sim")]
            self.ledger.released(task);
            growth::push(&mut self.free, task.index());
        }
    }

    /// Puts a task at the end of the queue unless it is in there; `false` when the name is no such
    /// task's: it is queued, has ended, or is another loop's.
    #[inline]
    pub(crate) fn wake(&mut self, task: TaskId) -> bool {
        self.wake_within_room(task) || self.wake_making_room(task)
    }

    #[cold]
    #[inline(never)]
    fn wake_making_room(&mut self, task: TaskId) -> bool {
        self.queue.make_room();
        growth::make_room(&mut self.yielded);
        self.wake_within_room(task)
    }

    /// As [`wake`](Self::wake); also `false` when there is no room, which it does not make: so it
    /// calls nothing, and needs to save no registers.
    #[inline]
    fn wake_within_room(&mut self, task: TaskId) -> bool {
        let Some(slot) = self.slots.get_mut(task.index() as usize) else { return false };
        if slot.0 != task {
            return false;
        }
        let is_pushed = if self.running == task {
            push_within_room(&mut self.yielded, task)
        } else {
            push_within_room(self.queue.names(), task)
        };
        if !is_pushed {
            return false;
        }
        *slot = Slot(task.queued());
        self.woken += 1;
        #[cfg(feature = "sim")]
        {
            let ahead = (self.running != task).then(|| self.queue.len() - 1);
            self.ledger.woken(task, self.woken, ahead);
        }
        true
    }

    /// Wakes who is a task of this loop; all others come back, for waking them may run anything.
    #[inline(always)]
    pub(crate) fn wake_own(&mut self, wake: Wake) -> Option<Wake> {
        match wake {
            Wake::Task(task) if self.wake(task) || task.place() == self.place => None,
            other => Some(other),
        }
    }

    /// A turn has been made: tasks that yielded may run again.
    #[inline]
    pub(crate) fn begin_tick(&mut self) {
        self.running = TaskId::NOBODY;
        #[cfg(feature = "sim")]
        {
            self.ledger.turned();
            for (index, task) in self.yielded.iter().enumerate() {
                self.ledger.queued(*task, self.queue.len() + index);
            }
        }
        self.queue.append(&mut self.yielded);
    }

    /// The task to run next.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<TaskId> {
        loop {
            let Some(task) = self.queue.pop() else {
                self.running = TaskId::NOBODY;
                return None;
            };
            let is_passed_over = planted!("ready task passed over") && self.queue.len() > 2;
            let task = if is_passed_over { self.queue.pass_over(task) } else { task };
            if planted!("ready task forgotten") && self.queue.len() > 2 {
                continue;
            }
            if let Some(slot) = self.slots.get_mut(task.index() as usize) {
                // A name that was queued and has ended since is no more the slot's.
                if *slot == Slot(task.queued()) {
                    *slot = Slot(task);
                    self.running = task;
                    #[cfg(feature = "sim")]
                    self.ledger.polled(task);
                    return Some(task);
                }
            }
        }
    }

    /// How many tasks are in the queue.
    #[inline]
    pub(crate) fn queued(&self) -> usize {
        self.queue.len() + self.yielded.len()
    }

    /// What of the queue's order has been broken since this was last asked.
    #[cfg(feature = "sim")]
    pub(crate) fn unfairness(&mut self) -> Option<String> {
        self.ledger.broken()
    }

    /// As [`unfairness`](Self::unfairness), before the loop sleeps.
    #[cfg(feature = "sim")]
    pub(crate) fn unfairness_before_sleep(&mut self) -> Option<String> {
        self.ledger.sleeps();
        self.ledger.broken()
    }

    /// Whether a task is in the queue.
    pub(crate) fn is_queued(&self, task: TaskId) -> bool {
        self.slots.get(task.index() as usize) == Some(&Slot(task.queued()))
    }

    /// Wakes since the loop began.
    pub(crate) fn woken(&self) -> u64 {
        self.woken
    }
}

/// Pushes a name if there is room for it.
#[inline]
fn push_within_room(names: &mut Vec<TaskId>, task: TaskId) -> bool {
    let has_room = names.len() < names.capacity();
    if has_room {
        names.push(task);
    }
    has_room
}

/// Runs `f` on this thread's scheduler; `None` outside a loop.
#[inline]
pub(crate) fn with<R>(f: impl FnOnce(&mut Scheduler) -> R) -> Option<R> {
    SCHEDULER.try_with(|scheduler| scheduler.with(f)).ok().flatten()
}

/// Makes `scheduler` this thread's and returns the one before.
pub(crate) fn install(scheduler: Option<Box<Scheduler>>) -> Option<Box<Scheduler>> {
    SCHEDULER.with(|place| place.replace(scheduler))
}

/// Puts the one to wake into the run queue, if it is a task of this thread's loop: that runs no code
/// of anybody's. All others come back, for they may do anything.
#[inline]
pub(crate) fn wake_own(wake: Wake) -> Option<Wake> {
    let mut wake = Some(wake);
    let _elsewhere = with(|scheduler| wake = wake.take().and_then(|wake| scheduler.wake_own(wake)));
    wake
}

/// Wakes a task from any thread.
#[inline]
pub(crate) fn wake(task: TaskId) {
    if with(|scheduler| scheduler.wake_within_room(task)) != Some(true) {
        wake_slowly(task);
    }
}

/// A name that is no waiting task's on this thread's loop, or for which there was no room: there is
/// nothing to do, or the queue grows, or another loop is told.
#[cold]
#[inline(never)]
fn wake_slowly(task: TaskId) {
    let is_done = with(|scheduler| scheduler.wake(task) || scheduler.place == task.place());
    if is_done != Some(true) {
        Remote::of(task.place() as u32).wake(task.index() as usize, task.to_bits());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheduler() -> Scheduler {
        Scheduler::new(3)
    }

    #[test]
    fn tasks_run_in_the_order_in_which_they_were_woken_and_once() {
        let mut scheduler = scheduler();
        let [a, b] = [scheduler.allocate(), scheduler.allocate()];
        scheduler.wake(b);
        scheduler.wake(a);
        scheduler.wake(b);
        assert_eq!(
            [scheduler.next(), scheduler.next(), scheduler.next()],
            [Some(b), Some(a), None]
        );
    }

    #[test]
    fn a_task_that_wakes_itself_waits_for_the_next_turn() {
        let mut scheduler = scheduler();
        let [a, b] = [scheduler.allocate(), scheduler.allocate()];
        scheduler.wake(a);
        scheduler.wake(b);
        assert_eq!(scheduler.next(), Some(a));
        scheduler.wake(a);
        assert_eq!([scheduler.next(), scheduler.next()], [Some(b), None]);
        assert_eq!(scheduler.queued(), 1);
        scheduler.begin_tick();
        assert_eq!([scheduler.next(), scheduler.next()], [Some(a), None]);
    }

    #[test]
    fn the_name_of_an_ended_task_wakes_nobody() {
        let mut scheduler = scheduler();
        let old = scheduler.allocate();
        scheduler.wake(old);
        scheduler.release(old);
        let new = scheduler.allocate();
        assert_eq!(old.index(), new.index());
        assert_eq!(scheduler.next(), None);
        scheduler.wake(old);
        assert_eq!(scheduler.next(), None);
        scheduler.wake(new);
        assert_eq!(scheduler.next(), Some(new));
    }

    #[test]
    fn a_name_that_was_woken_before_it_was_given_is_the_name_of_a_task_like_others() {
        let mut scheduler = scheduler();
        let first = scheduler.allocate();
        scheduler.release(first);
        let early = TaskId::new(first.place(), first.generation() + 1, first.index());
        assert!(scheduler.wake(early));
        let task = scheduler.allocate();
        assert_eq!(task, early);
        scheduler.wake(task);
        assert_eq!([scheduler.next(), scheduler.next()], [Some(task), None]);
        assert!(scheduler.wake(task));
        scheduler.begin_tick();
        assert_eq!(scheduler.next(), Some(task));
        scheduler.release(task);
        assert_eq!(scheduler.allocate().index(), task.index());
    }

    #[test]
    fn a_release_in_the_queue_does_not_keep_the_next_task_out_of_it() {
        let mut scheduler = scheduler();
        let old = scheduler.allocate();
        scheduler.wake(old);
        scheduler.release(old);
        let new = scheduler.allocate();
        scheduler.wake(new);
        assert_eq!([scheduler.next(), scheduler.next()], [Some(new), None]);
    }
}
