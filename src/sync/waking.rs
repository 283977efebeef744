//! Wakes that happen outside of borrows: the rule of this room, kept in one place.
//!
//! A waker is other people's code. Waking, cloning or dropping one may poll a task, drop a
//! future, and come back into the very primitive that is at work. So every primitive here is
//! made of two layers:
//!
//! - a *machine*: plain state that is changed through `&mut self` and never runs foreign code.
//!   It only marks whom to wake ([`Machine::next_wake`] tells, one at a time) and hands back what
//!   is to be dropped;
//! - a *cell* around it, [`LocalCell`] for one thread and `CrossCell` for many, which makes the
//!   change under its borrow or lock, lets go of it, and then wakes.
//!
//! [`LazyWaker`] does the same for the clone that a waiter leaves behind: it is made only when
//! somebody has to wait, and between two borrows.
//!
//! The waker of a loop's own task is nobody else's code. It is a name, so it is cloned where it is
//! needed, and tasks of one thread are woken within the borrow, which puts them into a queue.

use std::any::Any;
use std::cell::{RefCell, RefMut};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::{Context, Poll, Waker};

use crate::scheduler::{self, TaskId};

/// State that waiters wait on.
pub(crate) trait Machine {
    /// Takes out the next waker that has to be called, once all borrows have ended.
    fn next_wake(&mut self) -> Option<Waker>;
}

/// A machine shared by the tasks of one thread.
#[derive(Debug, Default)]
pub(crate) struct LocalCell<M>(RefCell<M>);

impl<M> LocalCell<M> {
    pub(crate) const fn new(machine: M) -> Self {
        LocalCell(RefCell::new(machine))
    }

    /// Looks at the machine.
    #[inline]
    pub(crate) fn read<R>(&self, look: impl FnOnce(&M) -> R) -> R {
        look(&self.0.borrow())
    }
}

impl<M: Machine> LocalCell<M> {
    /// Changes the machine, then wakes those whom the change concerns.
    #[inline]
    pub(crate) fn update<R>(&self, change: impl FnOnce(&mut M) -> R) -> R {
        let mut machine = self.0.borrow_mut();
        let result = change(&mut machine);
        if let Some(first) = machine.next_wake() {
            self.wake_all(machine, first);
        }
        result
    }

    /// Wakes whom the machine has marked: tasks within the borrow, others from the first of them on
    /// after it. Not inlined, so that a change that wakes nobody costs nothing of it.
    #[inline(never)]
    fn wake_all(&self, mut machine: RefMut<'_, M>, first: Waker) {
        let mut next = Some(first);
        while let Some(waker) = next {
            match name_of(waker) {
                Ok(task) => scheduler::wake(task),
                Err(foreign) => {
                    drop(machine);
                    return wake_each(foreign, || self.0.borrow_mut().next_wake());
                }
            }
            next = machine.next_wake();
        }
    }

    /// Changes the machine in a way that gives nobody a reason to be woken.
    #[inline]
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut M) -> R) -> R {
        change(&mut self.0.borrow_mut())
    }

    /// Changes the machine on behalf of a future that may have to leave its waker.
    #[inline]
    pub(crate) fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        mut attempt: impl FnMut(&mut M, &mut LazyWaker<'_>) -> Poll<R>,
    ) -> Poll<R> {
        LazyWaker::poll(cx, |waker| self.update(|machine| attempt(machine, waker)))
    }
}

/// The task that a waker is the name of.
#[inline]
fn name_of(waker: Waker) -> Result<TaskId, Waker> {
    let Some(task) = scheduler::task_of(&waker) else { return Err(waker) };
    // A name owns nothing that would have to be dropped.
    let _name = ManuallyDrop::new(waker);
    Ok(task)
}

/// Calls `first`, then whatever `next` gives until it gives nothing.
///
/// A panic of one waker must not leave the others asleep, so it is held back until all are
/// called. During an unwinding it is swallowed: a second panic would end the process.
#[inline(never)]
pub(crate) fn wake_each(first: Waker, mut next: impl FnMut() -> Option<Waker>) {
    let mut panic: Option<Box<dyn Any + Send>> = None;
    let mut waker = Some(first);
    while let Some(current) = waker {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| current.wake())) {
            panic.get_or_insert(payload);
        }
        waker = next();
    }
    if let Some(payload) = panic {
        if !std::thread::panicking() {
            resume_unwind(payload);
        }
    }
}

/// The waker of the current poll, cloned only when somebody has to keep it.
pub(crate) struct LazyWaker<'a> {
    current: &'a Waker,
    owned: Option<Waker>,
    spent: Option<Waker>,
    wanted: bool,
}

impl<'a> LazyWaker<'a> {
    /// Runs `attempt`, and when it asked for a waker of its own, clones one and runs it again.
    ///
    /// The clone is made outside of `attempt`, and so is the drop of every waker that became
    /// superfluous. A second attempt looks at everything afresh, since the clone may have changed
    /// the state.
    #[inline]
    pub(crate) fn poll<R>(
        cx: &mut Context<'a>,
        mut attempt: impl FnMut(&mut LazyWaker<'_>) -> Poll<R>,
    ) -> Poll<R> {
        let mut lazy = LazyWaker { current: cx.waker(), owned: None, spent: None, wanted: false };
        loop {
            let outcome = attempt(&mut lazy);
            if outcome.is_ready() || !lazy.wanted {
                return outcome;
            }
            lazy.wanted = false;
            lazy.spent = None;
            lazy.owned = Some(lazy.current.clone());
        }
    }

    /// An owned waker; `None` in the first attempt, which is then repeated, unless it is a name.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Waker> {
        if let Some(task) = scheduler::task_of(self.current) {
            return Some(scheduler::waker_of(task));
        }
        let owned = self.owned.take();
        self.wanted = owned.is_none();
        owned
    }

    /// Makes `slot` hold a waker of the current task.
    #[inline]
    pub(crate) fn store(&mut self, slot: &mut Option<Waker>) {
        if slot.as_ref().is_some_and(|kept| kept.will_wake(self.current)) {
            return;
        }
        if let Some(owned) = self.take() {
            self.discard(slot.replace(owned));
        }
    }

    /// Keeps a superfluous waker until the borrows have ended, and drops it then.
    #[inline]
    pub(crate) fn discard(&mut self, waker: Option<Waker>) {
        let Some(Err(foreign)) = waker.map(name_of) else { return };
        debug_assert!(self.spent.is_none(), "one attempt gives up one waker at most");
        self.spent = Some(foreign);
    }
}

/// The place of a waiter that is alone by construction, such as the only receiver.
#[derive(Debug, Default)]
pub(crate) struct SoleWaiter {
    waker: Option<Waker>,
    due: bool,
}

impl SoleWaiter {
    pub(crate) const fn new() -> Self {
        SoleWaiter { waker: None, due: false }
    }

    /// Leaves the waker of the current task.
    #[inline]
    pub(crate) fn wait(&mut self, waker: &mut LazyWaker<'_>) {
        self.due = false;
        waker.store(&mut self.waker);
    }

    /// Marks the waiter to be woken.
    #[inline]
    pub(crate) fn notify(&mut self) {
        self.due = self.waker.is_some();
    }

    /// Takes the waker out without a call of it, for the caller to drop after its borrow.
    pub(crate) fn leave(&mut self) -> Option<Waker> {
        self.due = false;
        self.waker.take()
    }
}

impl Machine for SoleWaiter {
    #[inline]
    fn next_wake(&mut self) -> Option<Waker> {
        if !self.due {
            return None;
        }
        self.leave()
    }
}
