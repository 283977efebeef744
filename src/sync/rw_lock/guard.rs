//! The guards that borrow a reader-writer lock.

use std::cell::{Ref, RefMut};
use std::fmt;
use std::ops::{Deref, DerefMut};

use super::{READER, RwLock, WRITER};
use crate::sync::semaphore::Semaphore;

/// Shared access to the value of an [`RwLock`]; unlocks on drop.
#[must_use = "a guard that is dropped at once unlocks at once"]
pub struct RwLockReadGuard<'a, T> {
    // Declared, and so dropped, before the turn goes to the next task.
    value: Ref<'a, T>,
    _turn: Turn<'a>,
}

/// Sole access to the value of an [`RwLock`]; unlocks on drop.
#[must_use = "a guard that is dropped at once unlocks at once"]
pub struct RwLockWriteGuard<'a, T> {
    // Declared, and so dropped, before the turn goes to the next task.
    value: RefMut<'a, T>,
    turn: Turn<'a>,
    lock: &'a RwLock<T>,
}

/// Permits of the lock, given back on drop.
struct Turn<'a> {
    semaphore: &'a Semaphore,
    count: usize,
}

impl<'a, T> RwLockReadGuard<'a, T> {
    /// Guards `value` for a caller that has taken a reader's permit.
    pub(super) fn new(value: Ref<'a, T>, lock: &'a RwLock<T>) -> Self {
        RwLockReadGuard { value, _turn: Turn { semaphore: &lock.turn, count: READER } }
    }
}

impl<'a, T> RwLockWriteGuard<'a, T> {
    /// Guards `value` for a caller that has taken the writer's permits.
    pub(super) fn new(value: RefMut<'a, T>, lock: &'a RwLock<T>) -> Self {
        RwLockWriteGuard { value, turn: Turn { semaphore: &lock.turn, count: WRITER }, lock }
    }

    /// Turns writing into reading with no writer in between, and lets the readers in who are next.
    ///
    /// ```
    /// # annulus::run(async {
    /// let lock = annulus::sync::RwLock::new(1);
    /// let mut writing = lock.write().await;
    /// *writing = 2;
    /// let reading = writing.downgrade();
    /// assert_eq!(*reading, 2);
    /// assert!(lock.try_read().is_ok());
    /// # }).unwrap();
    /// ```
    pub fn downgrade(self) -> RwLockReadGuard<'a, T> {
        let RwLockWriteGuard { value, mut turn, lock } = self;
        drop(value);
        // The guard first: were a waker to panic, it would still give back the rest.
        let guard = RwLockReadGuard::new(lock.borrow_value(), lock);
        turn.count -= READER;
        drop(turn);
        guard
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.semaphore.release(self.count);
    }
}

impl<T> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
