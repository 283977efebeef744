//! A condition variable: waits, without the lock, until what the lock protects has changed.

use std::fmt;
use std::future::poll_fn;

use super::mutex::{Mutex, MutexGuard};
use super::wait_list::{WaitKey, WaitList};
use super::waking::LocalCell;

/// Lets tasks wait for a change of the value that a [`Mutex`] protects.
///
/// Waiting gives the lock up and takes it again before it returns. Notifications go to those who
/// wait at that moment, in the order in which they came, and are not kept for later. There are no
/// spurious wake-ups, but other tasks may have had the lock in between: wait in a loop, or with
/// [`wait_while`](Condvar::wait_while).
///
/// ```
/// # annulus::run(async {
/// use std::rc::Rc;
/// use annulus::sync::{Condvar, Mutex};
///
/// let stock = Rc::new((Mutex::new(0), Condvar::new()));
/// let buyer = annulus::spawn({
///     let stock = Rc::clone(&stock);
///     async move {
///         let count = stock.0.lock().await;
///         let mut count = stock.1.wait_while(count, |count| *count == 0).await;
///         *count -= 1;
///     }
/// });
/// annulus::yield_now().await;
/// *stock.0.lock().await += 1;
/// stock.1.notify_one();
/// buyer.await.unwrap();
/// assert_eq!(*stock.0.lock().await, 0);
/// # }).unwrap();
/// ```
#[derive(Default)]
pub struct Condvar {
    line: LocalCell<WaitList<(), Grant>>,
}

#[derive(Clone, Copy)]
enum Grant {
    /// Meant for one: if this one does not use it, the next has it.
    One,
    /// Meant for everybody who waited then.
    All,
}

impl Condvar {
    /// Makes a condition variable that nobody waits on.
    #[must_use]
    pub const fn new() -> Self {
        Condvar { line: LocalCell::new(WaitList::new()) }
    }

    /// Unlocks, waits for a notification, and locks again.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the mutex unlocked, or with its next waiter. If a
    /// [`notify_one`](Condvar::notify_one) had reached it and it had not yet returned, the next
    /// waiter gets the notification.
    pub async fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        let mutex: &'a Mutex<T> = MutexGuard::mutex(&guard);
        // In line before the lock is given up, or the next task's notification could be missed.
        // The place, and with it the notification, is kept until the lock is had again.
        let place = Place::new(self);
        drop(guard);
        place.notified().await;
        let guard = mutex.lock().await;
        place.leave();
        guard
    }

    /// Waits for as long as `condition` holds of the value.
    ///
    /// # Cancellation
    ///
    /// As [`wait`](Condvar::wait).
    pub async fn wait_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> MutexGuard<'a, T> {
        while condition(&mut guard) {
            guard = self.wait(guard).await;
        }
        guard
    }

    /// Wakes the task that has waited longest, if any waits.
    pub fn notify_one(&self) {
        self.line.update(|line| line.grant_front(Grant::One));
    }

    /// Wakes everybody who waits.
    pub fn notify_all(&self) {
        self.line.update(|line| line.grant_all(Grant::All));
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.line.read(WaitList::waiting);
        f.debug_struct("Condvar").field("waiting", &waiting).finish()
    }
}

/// A place in the line of a condition variable. Dropped before its time it passes on a
/// notification that it got.
struct Place<'a> {
    condvar: &'a Condvar,
    key: Option<WaitKey>,
}

impl<'a> Place<'a> {
    fn new(condvar: &'a Condvar) -> Self {
        let key = condvar.line.update(|line| line.push_back((), None));
        Place { condvar, key: Some(key) }
    }

    /// Waits for the notification, and leaves it in its place.
    async fn notified(&self) {
        let Some(key) = self.key else { return };
        let line = &self.condvar.line;
        poll_fn(|cx| line.poll(cx, |line, waker| line.poll_granted(key, waker).map(|_| ()))).await;
    }

    /// Leaves the line, with the notification used.
    fn leave(mut self) {
        if let Some(key) = self.key.take() {
            self.condvar.line.update(|line| line.remove(key).waker);
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.condvar.line.update(|line| {
                let removed = line.remove(key);
                if let Some(Grant::One) = removed.grant {
                    line.grant_front(Grant::One);
                }
                removed.waker
            });
        }
    }
}
