//! The guards that keep a reader-writer lock alive.
//!
//! Without a borrow to hold on to, a read guard shares the value by its reference count, and a
//! write guard takes it out of the lock. The permits see to it that the one never meets the other.

use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::{READER, RwLock, VALUE_IS_HOME, WRITER};
use crate::sync::mutex::never_closed;
use crate::sync::semaphore::{Gate, Ticket};

/// The future of [`RwLock::read_owned`].
#[must_use = "futures do nothing unless awaited"]
pub struct ReadOwned<T> {
    ticket: Ticket<Rc<RwLock<T>>>,
}

/// The future of [`RwLock::write_owned`].
#[must_use = "futures do nothing unless awaited"]
pub struct WriteOwned<T> {
    ticket: Ticket<Rc<RwLock<T>>>,
}

/// Shared access to the value of an [`RwLock`] that keeps the lock alive; unlocks on drop.
#[must_use = "a guard that is dropped at once unlocks at once"]
pub struct OwnedRwLockReadGuard<T> {
    /// Always there until the guard is dropped.
    value: Option<Rc<T>>,
    lock: Rc<RwLock<T>>,
}

/// Sole access to the value of an [`RwLock`] that keeps the lock alive; unlocks on drop.
///
/// A guard that is leaked leaves the lock taken for good, and takes the value with it.
#[must_use = "a guard that is dropped at once unlocks at once"]
pub struct OwnedRwLockWriteGuard<T> {
    /// Always there until the guard is dropped, and shared with nobody.
    value: Option<Rc<T>>,
    lock: Rc<RwLock<T>>,
}

impl<T> ReadOwned<T> {
    pub(super) fn new(lock: Rc<RwLock<T>>) -> Self {
        ReadOwned { ticket: Ticket::new(lock, READER) }
    }
}

impl<T> WriteOwned<T> {
    pub(super) fn new(lock: Rc<RwLock<T>>) -> Self {
        WriteOwned { ticket: Ticket::new(lock, WRITER) }
    }
}

impl<T> OwnedRwLockReadGuard<T> {
    /// Shares the value of `lock`, of which the caller has taken a reader's permit.
    pub(super) fn new(lock: Rc<RwLock<T>>) -> Self {
        let value = lock.value.borrow().clone();
        OwnedRwLockReadGuard { value, lock }
    }
}

impl<T> OwnedRwLockWriteGuard<T> {
    /// Takes the value out of `lock`, of which the caller has taken the writer's permits.
    pub(super) fn new(lock: Rc<RwLock<T>>) -> Self {
        let value = lock.value.borrow_mut().take();
        OwnedRwLockWriteGuard { value, lock }
    }

    /// Turns writing into reading with no writer in between, and lets the readers in who are next.
    pub fn downgrade(mut self) -> OwnedRwLockReadGuard<T> {
        let lock = Rc::clone(&self.lock);
        *lock.value.borrow_mut() = self.value.take();
        // The guard first: were a waker to panic, it would still give back the rest.
        let guard = OwnedRwLockReadGuard::new(Rc::clone(&lock));
        lock.turn.release(WRITER - READER);
        guard
    }
}

impl<T> Future for ReadOwned<T> {
    type Output = OwnedRwLockReadGuard<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        never_closed(ready!(self.ticket.poll(cx)));
        Poll::Ready(OwnedRwLockReadGuard::new(Rc::clone(self.ticket.gate())))
    }
}

impl<T> Future for WriteOwned<T> {
    type Output = OwnedRwLockWriteGuard<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        never_closed(ready!(self.ticket.poll(cx)));
        Poll::Ready(OwnedRwLockWriteGuard::new(Rc::clone(self.ticket.gate())))
    }
}

impl<T> Drop for OwnedRwLockReadGuard<T> {
    fn drop(&mut self) {
        // The lock has a share too, so this is never the end of the value.
        self.value = None;
        self.lock.semaphore().release(READER);
    }
}

impl<T> Drop for OwnedRwLockWriteGuard<T> {
    fn drop(&mut self) {
        // A guard that was downgraded has given back its value, and all but its reader's permit.
        if let Some(value) = self.value.take() {
            *self.lock.value.borrow_mut() = Some(value);
            self.lock.semaphore().release(WRITER);
        }
    }
}

impl<T> Deref for OwnedRwLockReadGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_deref().expect(VALUE_IS_HOME)
    }
}

impl<T> Deref for OwnedRwLockWriteGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_deref().expect(VALUE_IS_HOME)
    }
}

impl<T> DerefMut for OwnedRwLockWriteGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().and_then(Rc::get_mut).expect(VALUE_IS_HOME)
    }
}

impl<T> fmt::Debug for ReadOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadOwned").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for WriteOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteOwned").finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for OwnedRwLockReadGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: fmt::Debug> fmt::Debug for OwnedRwLockWriteGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
