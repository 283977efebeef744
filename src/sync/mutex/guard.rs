//! The guards of a mutex.

use std::cell::RefMut;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use super::{Mutex, VALUE_IS_HOME};
use crate::sync::semaphore::Semaphore;

/// Access to the value of a [`Mutex`]; unlocks on drop.
#[must_use = "a guard that is dropped at once unlocks at once"]
pub struct MutexGuard<'a, T> {
    // Declared, and so dropped, before the turn goes to the next task.
    value: RefMut<'a, T>,
    _turn: Turn<'a>,
    mutex: &'a Mutex<T>,
}

/// The right to the value, given back on drop.
struct Turn<'a>(&'a Semaphore);

impl<'a, T> MutexGuard<'a, T> {
    /// Guards `value` for a caller that has taken the turn.
    pub(super) fn new(mutex: &'a Mutex<T>, value: RefMut<'a, T>) -> Self {
        MutexGuard { value, _turn: Turn(&mutex.turn), mutex }
    }

    /// The mutex that this guard locks.
    #[must_use]
    pub fn mutex(guard: &Self) -> &'a Mutex<T> {
        guard.mutex
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.release(1);
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

/// Access to the value of a [`Mutex`] that keeps the mutex alive; unlocks on drop.
///
/// The value itself is in the guard while the guard lives. A guard that is leaked leaves the mutex
/// locked for good, and takes the value with it.
#[must_use = "a guard that is dropped at once unlocks at once"]
pub struct OwnedMutexGuard<T> {
    /// Always there until the guard is dropped.
    value: Option<T>,
    mutex: Rc<Mutex<T>>,
}

impl<T> OwnedMutexGuard<T> {
    /// Takes the value out of `mutex`, whose turn the caller has taken.
    pub(super) fn new(mutex: Rc<Mutex<T>>) -> Self {
        let value = mutex.value.borrow_mut().take();
        OwnedMutexGuard { value, mutex }
    }

    /// The mutex that this guard locks.
    #[must_use]
    pub fn mutex(guard: &Self) -> &Rc<Mutex<T>> {
        &guard.mutex
    }
}

impl<T> Drop for OwnedMutexGuard<T> {
    fn drop(&mut self) {
        *self.mutex.value.borrow_mut() = self.value.take();
        self.mutex.turn.release(1);
    }
}

impl<T> Deref for OwnedMutexGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect(VALUE_IS_HOME)
    }
}

impl<T> DerefMut for OwnedMutexGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect(VALUE_IS_HOME)
    }
}

impl<T: fmt::Debug> fmt::Debug for OwnedMutexGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: fmt::Display> fmt::Display for OwnedMutexGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}
