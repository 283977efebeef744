//! A reader-writer lock: many tasks may read a value at once, or one may write it.
//!
//! A reader takes one permit of a semaphore and a writer takes all, in one fair line. So a writer
//! that waits holds back the readers that come after it and cannot be starved, and readers that
//! stand behind one another are let in together.

use std::cell::{Ref, RefCell, RefMut};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

pub use guard::{RwLockReadGuard, RwLockWriteGuard};
pub use owned::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, ReadOwned, WriteOwned};

use super::mutex::{TryLockError, never_closed};
use super::permits::PERMITS_MAX;
use super::semaphore::{Gate, Semaphore, Ticket};

mod guard;
mod owned;

/// All permits: more than there can be guards in memory.
const WRITER: usize = PERMITS_MAX;
const READER: usize = 1;

/// Lets many tasks read a value at the same time, or one task write it, also while they await.
///
/// The lock is fair: readers and writers are served in the order in which they came, and readers
/// that stand next to one another together. A reader that comes while a writer waits waits behind
/// it; so a task that reads must not ask to read again before it dropped its first guard.
///
/// ```
/// # annulus::run(async {
/// use annulus::sync::RwLock;
///
/// let settings = RwLock::new(String::from("old"));
/// {
///     let (one, two) = (settings.read().await, settings.read().await);
///     assert_eq!((one.as_str(), two.as_str()), ("old", "old"));
/// }
/// *settings.write().await = String::from("new");
/// assert_eq!(*settings.read().await, "new");
/// # }).unwrap();
/// ```
pub struct RwLock<T> {
    turn: Semaphore,
    /// The value is shared with owned read guards, and is `None` while an owned write guard
    /// carries it.
    value: RefCell<Option<Rc<T>>>,
}

impl<T> RwLock<T> {
    /// Makes an unlocked lock.
    pub fn new(value: T) -> Self {
        RwLock { turn: Semaphore::new(WRITER), value: RefCell::new(Some(Rc::new(value))) }
    }

    /// Waits until the value can be read.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives up its place in line. If the lock was handed to it already, those
    /// who are next get it.
    pub fn read(&self) -> Read<'_, T> {
        Read { ticket: Ticket::new(&self.turn, READER), lock: self }
    }

    /// Waits until the value can be written.
    ///
    /// # Cancellation
    ///
    /// As [`read`](RwLock::read).
    pub fn write(&self) -> Write<'_, T> {
        Write { ticket: Ticket::new(&self.turn, WRITER), lock: self }
    }

    /// Takes the lock for reading if no task writes or waits.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] when it is not to be had at once.
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        self.try_take(READER)?;
        Ok(RwLockReadGuard::new(self.borrow_value(), self))
    }

    /// Takes the lock for writing if no task holds it or waits.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] when it is not to be had at once.
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        self.try_take(WRITER)?;
        Ok(RwLockWriteGuard::new(self.borrow_value_mut(), self))
    }

    /// As [`read`](RwLock::read), with a guard that keeps the lock alive.
    ///
    /// # Cancellation
    ///
    /// As [`read`](RwLock::read).
    pub fn read_owned(self: Rc<Self>) -> ReadOwned<T> {
        ReadOwned::new(self)
    }

    /// As [`write`](RwLock::write), with a guard that keeps the lock alive.
    ///
    /// # Cancellation
    ///
    /// As [`read`](RwLock::read).
    pub fn write_owned(self: Rc<Self>) -> WriteOwned<T> {
        WriteOwned::new(self)
    }

    /// As [`try_read`](RwLock::try_read), with a guard that keeps the lock alive.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] when it is not to be had at once.
    pub fn try_read_owned(self: Rc<Self>) -> Result<OwnedRwLockReadGuard<T>, TryLockError> {
        self.try_take(READER)?;
        Ok(OwnedRwLockReadGuard::new(self))
    }

    /// As [`try_write`](RwLock::try_write), with a guard that keeps the lock alive.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] when it is not to be had at once.
    pub fn try_write_owned(self: Rc<Self>) -> Result<OwnedRwLockWriteGuard<T>, TryLockError> {
        self.try_take(WRITER)?;
        Ok(OwnedRwLockWriteGuard::new(self))
    }

    /// The value of a lock that nobody else can take.
    pub fn get_mut(&mut self) -> &mut T {
        let value = self.value.get_mut().as_mut();
        value.and_then(Rc::get_mut).expect(VALUE_IS_HOME)
    }

    /// Takes the lock apart.
    pub fn into_inner(self) -> T {
        self.value.into_inner().and_then(Rc::into_inner).expect(VALUE_IS_HOME)
    }

    fn try_take(&self, count: usize) -> Result<(), TryLockError> {
        self.turn.try_take(count).map_err(|_| TryLockError(()))
    }

    fn borrow_value(&self) -> Ref<'_, T> {
        Ref::map(self.value.borrow(), |value| value.as_deref().expect(VALUE_IS_HOME))
    }

    fn borrow_value_mut(&self) -> RefMut<'_, T> {
        RefMut::map(self.value.borrow_mut(), |value| {
            value.as_mut().and_then(Rc::get_mut).expect(VALUE_IS_HOME)
        })
    }
}

/// Owned guards, which share the value or carry it away, hold permits and a reference to the lock.
const VALUE_IS_HOME: &str = "the value is in its lock, and there alone, while nobody else uses it";

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        RwLock::new(value)
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lock = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(value) => lock.field("value", &*value),
            Err(_) => lock.field("value", &format_args!("<locked>")),
        };
        lock.finish()
    }
}

impl<T> Gate for Rc<RwLock<T>> {
    fn semaphore(&self) -> &Semaphore {
        &self.turn
    }
}

/// The future of [`RwLock::read`].
#[must_use = "futures do nothing unless awaited"]
pub struct Read<'a, T> {
    ticket: Ticket<&'a Semaphore>,
    lock: &'a RwLock<T>,
}

impl<'a, T> Future for Read<'a, T> {
    type Output = RwLockReadGuard<'a, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        never_closed(ready!(self.ticket.poll(cx)));
        Poll::Ready(RwLockReadGuard::new(self.lock.borrow_value(), self.lock))
    }
}

impl<T> fmt::Debug for Read<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Read").finish_non_exhaustive()
    }
}

/// The future of [`RwLock::write`].
#[must_use = "futures do nothing unless awaited"]
pub struct Write<'a, T> {
    ticket: Ticket<&'a Semaphore>,
    lock: &'a RwLock<T>,
}

impl<'a, T> Future for Write<'a, T> {
    type Output = RwLockWriteGuard<'a, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        never_closed(ready!(self.ticket.poll(cx)));
        Poll::Ready(RwLockWriteGuard::new(self.lock.borrow_value_mut(), self.lock))
    }
}

impl<T> fmt::Debug for Write<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Write").finish_non_exhaustive()
    }
}
