//! The sending end of a watched value.

use std::fmt;
use std::rc::Rc;

use super::{Closed, Ends, Receiver, Ref, SendError, Shared};

/// Sends new values to those who watch; any number of clones may exist.
pub struct Sender<T> {
    shared: Rc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Makes a sender without receivers; [`subscribe`](Sender::subscribe) makes them.
    #[must_use]
    pub fn new(value: T) -> Self {
        let shared = Rc::new(Shared::new(value));
        shared.ends.update(|ends| ends.senders = 1);
        Sender::of(shared)
    }

    /// A sender that is counted already.
    pub(super) fn of(shared: Rc<Shared<T>>) -> Self {
        Sender { shared }
    }

    /// Replaces the value and tells the receivers.
    ///
    /// # Errors
    ///
    /// [`SendError`], with `value` in it, when there are no receivers; the old value stays.
    ///
    /// # Panics
    ///
    /// While a [`Ref`] of the value lives.
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.is_closed() {
            return Err(SendError(value));
        }
        drop(self.send_replace(value));
        Ok(())
    }

    /// Replaces the value, whether anybody watches or not, and returns the old one.
    ///
    /// # Panics
    ///
    /// While a [`Ref`] of the value lives.
    #[track_caller]
    pub fn send_replace(&self, value: T) -> T {
        let old = std::mem::replace(&mut *self.shared.borrow_mut(), value);
        self.shared.ends.update(Ends::publish);
        old
    }

    /// Changes the value in place and tells the receivers.
    ///
    /// If `modify` panics the receivers are not told.
    ///
    /// # Panics
    ///
    /// While a [`Ref`] of the value lives.
    #[track_caller]
    pub fn send_modify(&self, modify: impl FnOnce(&mut T)) {
        self.send_if_modified(|value| {
            modify(value);
            true
        });
    }

    /// Changes the value in place, and tells the receivers if `modify` says that it did.
    ///
    /// Returns what `modify` said. If it panics the receivers are not told.
    ///
    /// # Panics
    ///
    /// While a [`Ref`] of the value lives.
    ///
    /// ```
    /// let (sender, receiver) = annulus::sync::watch::channel(1);
    /// let raise = |to: u32| {
    ///     sender.send_if_modified(|value| {
    ///         let higher = to > *value;
    ///         *value = to.max(*value);
    ///         higher
    ///     })
    /// };
    /// assert!(!raise(1));
    /// assert!(raise(5));
    /// assert_eq!(*receiver.borrow(), 5);
    /// ```
    #[track_caller]
    pub fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        let modified = modify(&mut self.shared.borrow_mut());
        if modified {
            self.shared.ends.update(Ends::publish);
        }
        modified
    }

    /// Looks at the value.
    ///
    /// # Panics
    ///
    /// In a closure that modifies the value.
    #[track_caller]
    pub fn borrow(&self) -> Ref<'_, T> {
        self.shared.borrow(self.shared.version())
    }

    /// A new receiver, which counts the present value as seen.
    #[must_use]
    pub fn subscribe(&self) -> Receiver<T> {
        self.shared.ends.update(|ends| ends.receivers += 1);
        Receiver::of(Rc::clone(&self.shared), self.shared.version())
    }

    /// Whether there are no receivers.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// Waits until there are no receivers.
    ///
    /// # Cancellation
    ///
    /// Dropping the future has no effect on others.
    pub fn closed(&self) -> Closed<'_, T> {
        Closed { shared: &self.shared, key: None }
    }

    /// How many receivers there are.
    #[must_use]
    pub fn receiver_count(&self) -> usize {
        self.shared.ends.read(|ends| ends.receivers)
    }

    /// How many senders there are.
    #[must_use]
    pub fn sender_count(&self) -> usize {
        self.shared.ends.read(|ends| ends.senders)
    }

    /// Whether both senders send to the same receivers.
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.ends.update(|ends| ends.senders += 1);
        Sender { shared: Rc::clone(&self.shared) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.ends.update(Ends::remove_sender);
    }
}

impl<T: Default> Default for Sender<T> {
    fn default() -> Self {
        Sender::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("value", &self.shared.value).finish_non_exhaustive()
    }
}
