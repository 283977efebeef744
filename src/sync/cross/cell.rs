//! A machine shared by threads.

use std::sync::PoisonError;
use std::task::{Context, Poll};

use crate::sync::waking::{LazyWaker, Machine, wake_each};
use crate::threads::{Mutex, MutexGuard};

/// As `LocalCell`, with a lock in place of the borrow.
#[derive(Debug)]
pub(super) struct CrossCell<M>(Mutex<M>);

impl<M: Machine> CrossCell<M> {
    pub(super) fn new(machine: M) -> Self {
        CrossCell(Mutex::new(machine))
    }

    /// Looks at the machine.
    pub(super) fn read<R>(&self, look: impl FnOnce(&M) -> R) -> R {
        look(&self.lock())
    }

    /// Changes the machine, then wakes those whom the change concerns.
    pub(super) fn update<R>(&self, change: impl FnOnce(&mut M) -> R) -> R {
        let mut machine = self.lock();
        let result = change(&mut machine);
        let first = machine.next_wake();
        drop(machine);
        if let Some(first) = first {
            wake_each(first, || self.lock().next_wake());
        }
        result
    }

    /// Changes the machine on behalf of a future that may have to leave its waker.
    pub(super) fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        mut attempt: impl FnMut(&mut M, &mut LazyWaker<'_>) -> Poll<R>,
    ) -> Poll<R> {
        LazyWaker::poll(cx, |waker| self.update(|machine| attempt(machine, waker)))
    }

    /// Machines run no foreign code and check before they change, so a poisoned one is whole.
    fn lock(&self) -> MutexGuard<'_, M> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
