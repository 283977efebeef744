//! A mutex: one task at a time may use a value, also across await points.
//!
//! Tasks of one loop never run at the same moment, so a value that is only touched between two
//! awaits needs a `Cell` or a `RefCell` and no lock. This is for a value that must stay as it is
//! while its user awaits.

use std::cell::{RefCell, RefMut};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

pub use guard::{MutexGuard, OwnedMutexGuard};

use super::semaphore::{AcquireError, Gate, Semaphore, Ticket};

mod guard;

/// Lets one task at a time use a value, also while that task awaits.
///
/// The lock is fair: it goes to the task that came first. A guard that is dropped, also by a panic
/// or a cancelled task, unlocks; there is no poisoning.
///
/// ```
/// # annulus::run(async {
/// use std::rc::Rc;
/// use annulus::sync::Mutex;
///
/// let log = Rc::new(Mutex::new(Vec::new()));
/// let writer = annulus::spawn({
///     let log = Rc::clone(&log);
///     async move {
///         let mut log = log.lock().await;
///         log.push("begin");
///         annulus::yield_now().await;
///         log.push("end");
///     }
/// });
/// annulus::yield_now().await;
/// assert_eq!(*log.lock().await, ["begin", "end"]);
/// # writer.await.unwrap();
/// # }).unwrap();
/// ```
pub struct Mutex<T> {
    turn: Semaphore,
    /// `None` while an owned guard carries the value.
    value: RefCell<Option<T>>,
}

impl<T> Mutex<T> {
    /// Makes an unlocked mutex.
    pub const fn new(value: T) -> Self {
        Mutex { turn: Semaphore::new(1), value: RefCell::new(Some(value)) }
    }

    /// Waits for the lock.
    ///
    /// A task that locks a mutex which it holds already waits for itself forever.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives up its place in line. If the lock was handed to it already, the
    /// next waiter gets it.
    pub fn lock(&self) -> Lock<'_, T> {
        Lock { ticket: Ticket::new(&self.turn, 1), mutex: self }
    }

    /// Takes the lock if nobody holds it or waits for it.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] when it is not to be had at once.
    ///
    /// ```
    /// let mutex = annulus::sync::Mutex::new(1);
    /// let guard = mutex.try_lock().unwrap();
    /// assert!(mutex.try_lock().is_err());
    /// ```
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        self.turn.try_take(1).map_err(|_| TryLockError(()))?;
        Ok(MutexGuard::new(self, self.borrow_value()))
    }

    /// As [`lock`](Mutex::lock), with a guard that keeps the mutex alive.
    ///
    /// The value moves into the guard and back, so a large one is better kept in a `Box`.
    ///
    /// # Cancellation
    ///
    /// As [`lock`](Mutex::lock).
    ///
    /// ```
    /// # annulus::run(async {
    /// use std::rc::Rc;
    /// use annulus::sync::Mutex;
    ///
    /// let mutex = Rc::new(Mutex::new(1));
    /// let mut guard = Rc::clone(&mutex).lock_owned().await;
    /// annulus::spawn(async move { *guard += 1 }).await.unwrap();
    /// assert_eq!(*mutex.lock().await, 2);
    /// # }).unwrap();
    /// ```
    pub fn lock_owned(self: Rc<Self>) -> LockOwned<T> {
        LockOwned { ticket: Ticket::new(self, 1) }
    }

    /// As [`try_lock`](Mutex::try_lock), with a guard that keeps the mutex alive.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] when it is not to be had at once.
    pub fn try_lock_owned(self: Rc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        self.turn.try_take(1).map_err(|_| TryLockError(()))?;
        Ok(OwnedMutexGuard::new(self))
    }

    /// The value of a mutex that nobody else can lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut().as_mut().expect(VALUE_IS_HOME)
    }

    /// Takes the mutex apart.
    pub fn into_inner(self) -> T {
        self.value.into_inner().expect(VALUE_IS_HOME)
    }

    fn borrow_value(&self) -> RefMut<'_, T> {
        RefMut::map(self.value.borrow_mut(), |value| value.as_mut().expect(VALUE_IS_HOME))
    }
}

/// Guards that carry the value away hold the lock and a reference to the mutex.
const VALUE_IS_HOME: &str = "the value is in its mutex while nobody holds the lock";

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Mutex::new(value)
    }
}

impl<T: fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut mutex = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(value) => mutex.field("value", &*value),
            Err(_) => mutex.field("value", &format_args!("<locked>")),
        };
        mutex.finish()
    }
}

impl<T> Gate for Rc<Mutex<T>> {
    fn semaphore(&self) -> &Semaphore {
        &self.turn
    }
}

/// The future of [`Mutex::lock`].
#[must_use = "futures do nothing unless awaited"]
pub struct Lock<'a, T> {
    ticket: Ticket<&'a Semaphore>,
    mutex: &'a Mutex<T>,
}

impl<'a, T> Future for Lock<'a, T> {
    type Output = MutexGuard<'a, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        never_closed(ready!(self.ticket.poll(cx)));
        Poll::Ready(MutexGuard::new(self.mutex, self.mutex.borrow_value()))
    }
}

impl<T> fmt::Debug for Lock<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").finish_non_exhaustive()
    }
}

/// The future of [`Mutex::lock_owned`].
#[must_use = "futures do nothing unless awaited"]
pub struct LockOwned<T> {
    ticket: Ticket<Rc<Mutex<T>>>,
}

impl<T> Future for LockOwned<T> {
    type Output = OwnedMutexGuard<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        never_closed(ready!(self.ticket.poll(cx)));
        Poll::Ready(OwnedMutexGuard::new(Rc::clone(self.ticket.gate())))
    }
}

impl<T> fmt::Debug for LockOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockOwned").finish_non_exhaustive()
    }
}

/// The semaphore of a lock is private to it and is never closed.
pub(super) fn never_closed(acquired: Result<(), AcquireError>) {
    acquired.expect("the semaphore of a lock is never closed");
}

/// The lock was not to be had at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TryLockError(pub(super) ());

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lock is held, or others wait for it")
    }
}

impl Error for TryLockError {}
