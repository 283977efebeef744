//! The watching end.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use super::{Changed, Ends, RecvError, Ref, Shared};

/// Watches a value. Clones watch on their own, from what the original has seen.
pub struct Receiver<T> {
    shared: Rc<Shared<T>>,
    /// The version that was last marked as seen.
    seen: Cell<u64>,
}

impl<T> Receiver<T> {
    /// A receiver that is counted already.
    pub(super) fn of(shared: Rc<Shared<T>>, seen: u64) -> Self {
        Receiver { shared, seen: Cell::new(seen) }
    }

    /// Looks at the value without marking it as seen.
    ///
    /// # Panics
    ///
    /// In a closure that modifies the value.
    #[track_caller]
    pub fn borrow(&self) -> Ref<'_, T> {
        self.shared.borrow(self.seen.get())
    }

    /// Looks at the value and marks it as seen.
    ///
    /// # Panics
    ///
    /// In a closure that modifies the value.
    ///
    /// ```
    /// let (sender, mut receiver) = annulus::sync::watch::channel(0);
    /// sender.send(1).unwrap();
    /// assert_eq!(*receiver.borrow_and_update(), 1);
    /// assert_eq!(receiver.has_changed(), Ok(false));
    /// ```
    #[track_caller]
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let seen = self.seen.replace(self.shared.version());
        self.shared.borrow(seen)
    }

    /// Waits for a value that was not seen yet, and marks it as seen. Returns at once if there is
    /// one.
    ///
    /// # Errors
    ///
    /// [`RecvError`] when all senders are gone and the last value was seen.
    ///
    /// # Cancellation
    ///
    /// Dropping the future marks nothing as seen, so nothing is missed.
    pub fn changed(&mut self) -> Changed<'_, T> {
        Changed { shared: &self.shared, seen: &self.seen, key: None }
    }

    /// Waits until `condition` holds of the value, looks at it and marks it as seen. Returns at
    /// once if it holds of the present value, seen or not.
    ///
    /// # Errors
    ///
    /// [`RecvError`] when all senders are gone and `condition` does not hold of the last value.
    ///
    /// # Cancellation
    ///
    /// Dropping the future may leave a value marked as seen of which `condition` did not hold.
    ///
    /// ```
    /// # annulus::run(async {
    /// let (sender, mut receiver) = annulus::sync::watch::channel(0);
    /// annulus::spawn(async move {
    ///     for value in 1..=3 {
    ///         sender.send_replace(value);
    ///         annulus::yield_now().await;
    ///     }
    /// });
    /// assert!(*receiver.wait_for(|value| *value >= 2).await.unwrap() >= 2);
    /// # }).unwrap();
    /// ```
    pub async fn wait_for(
        &mut self,
        mut condition: impl FnMut(&T) -> bool,
    ) -> Result<Ref<'_, T>, RecvError> {
        let seen = self.seen.get();
        while !condition(&self.borrow_and_update()) {
            self.changed().await?;
        }
        let mut value = self.shared.borrow(seen);
        value.has_changed = self.seen.get() != seen;
        Ok(value)
    }

    /// Whether there is a value that was not seen yet.
    ///
    /// # Errors
    ///
    /// [`RecvError`] when there is none and all senders are gone.
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        match self.shared.ends.read(|ends| ends.has_changed(self.seen.get())) {
            None => Ok(false),
            Some(changed) => changed.map(|()| true),
        }
    }

    /// Marks the present value as new, so that [`changed`](Receiver::changed) returns at once.
    pub fn mark_changed(&mut self) {
        self.seen.set(self.shared.version().wrapping_sub(1));
    }

    /// Marks the present value as seen.
    pub fn mark_unchanged(&mut self) {
        self.seen.set(self.shared.version());
    }

    /// Whether both receivers watch the same value.
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.ends.update(|ends| ends.receivers += 1);
        Receiver { shared: Rc::clone(&self.shared), seen: self.seen.clone() }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.ends.update(Ends::remove_receiver);
    }
}

impl<T: fmt::Debug> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("value", &self.shared.value).finish_non_exhaustive()
    }
}
