//! Room for one message, taken before the message is there.

use std::fmt;

use super::{Sender, TrySendError};
use crate::sync::channel::Channel;

/// Room for one message in a channel; given back on drop if it is not used.
///
/// Sending with it succeeds even after the receiver has closed the channel, and the receiver waits
/// for it. If the receiver is gone, the message is dropped.
#[must_use = "a permit that is dropped sends nothing"]
pub struct Permit<'a, T> {
    sender: &'a Sender<T>,
    is_unused: bool,
}

impl<'a, T> Permit<'a, T> {
    /// A permit for a caller that has reserved room.
    pub(super) fn new(sender: &'a Sender<T>) -> Self {
        Permit { sender, is_unused: true }
    }

    /// Sends `message`, without waiting.
    pub fn send(mut self, message: T) {
        self.is_unused = false;
        let refused = self.sender.shared.update(|channel| channel.send(message));
        drop(refused);
    }

    /// Leaves the room reserved.
    pub(super) fn keep(mut self) {
        self.is_unused = false;
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        if self.is_unused {
            self.sender.shared.update(Channel::release);
        }
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

/// A [`Sender`] with room for one message; given back on drop if it is not used.
#[must_use = "a permit that is dropped sends nothing"]
pub struct OwnedPermit<T> {
    /// `None` once the sender has been given back.
    sender: Option<Sender<T>>,
}

impl<T> OwnedPermit<T> {
    /// A permit for a caller that has reserved room.
    pub(super) fn new(sender: Sender<T>) -> Self {
        OwnedPermit { sender: Some(sender) }
    }

    /// Sends `message`, without waiting, and gives the sender back.
    pub fn send(mut self, message: T) -> Sender<T> {
        let sender = self.take();
        Permit::new(&sender).send(message);
        sender
    }

    /// Gives the room and the sender back.
    pub fn release(mut self) -> Sender<T> {
        let sender = self.take();
        drop(Permit::new(&sender));
        sender
    }

    fn take(&mut self) -> Sender<T> {
        self.sender.take().expect("a permit has its sender until it is used")
    }
}

impl<T> Sender<T> {
    /// As [`try_reserve`](Sender::try_reserve), with a permit that the sender moves into.
    ///
    /// # Errors
    ///
    /// [`TrySendError`], with the sender in it.
    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        match self.try_reserve().map(Permit::keep) {
            Ok(()) => Ok(OwnedPermit::new(self)),
            Err(TrySendError::Full(())) => Err(TrySendError::Full(self)),
            Err(TrySendError::Closed(())) => Err(TrySendError::Closed(self)),
        }
    }
}

impl<T> Drop for OwnedPermit<T> {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            drop(Permit::new(&sender));
        }
    }
}

impl<T> fmt::Debug for OwnedPermit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit").finish_non_exhaustive()
    }
}
