//! The sending end of a channel that always has room.

use std::fmt;

use super::{Closed, SendError, Sender, TrySendError, WeakSender};

/// The sending end of a channel that always has room; any number of clones may exist.
pub struct UnboundedSender<T> {
    sender: Sender<T>,
}

impl<T> UnboundedSender<T> {
    pub(super) fn new(sender: Sender<T>) -> Self {
        UnboundedSender { sender }
    }

    /// Sends `message`, without waiting.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the message in it, when the receiver is gone or has closed the channel.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.sender.try_send(message).map_err(|refused| match refused {
            // More messages than this fit into no memory.
            TrySendError::Full(message) | TrySendError::Closed(message) => SendError(message),
        })
    }

    /// Waits until the receiver is gone or has closed the channel.
    ///
    /// # Cancellation
    ///
    /// Dropping the future has no effect on others.
    pub fn closed(&self) -> Closed<'_, T> {
        self.sender.closed()
    }

    /// Whether the receiver is gone or has closed the channel.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Whether both senders lead to the same receiver.
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        self.sender.same_channel(&other.sender)
    }

    /// A sender that does not keep the channel open.
    #[must_use]
    pub fn downgrade(&self) -> WeakUnboundedSender<T> {
        WeakUnboundedSender { sender: self.sender.downgrade() }
    }

    /// How many senders there are, weak ones not counted.
    #[must_use]
    pub fn strong_count(&self) -> usize {
        self.sender.strong_count()
    }
}

impl<T> Clone for UnboundedSender<T> {
    fn clone(&self) -> Self {
        UnboundedSender { sender: self.sender.clone() }
    }
}

impl<T> fmt::Debug for UnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnboundedSender")
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// An [`UnboundedSender`] that does not keep the channel open, nor its receiver waiting.
pub struct WeakUnboundedSender<T> {
    sender: WeakSender<T>,
}

impl<T> WeakUnboundedSender<T> {
    /// A sender, if there is still one.
    #[must_use]
    pub fn upgrade(&self) -> Option<UnboundedSender<T>> {
        self.sender.upgrade().map(UnboundedSender::new)
    }
}

impl<T> Clone for WeakUnboundedSender<T> {
    fn clone(&self) -> Self {
        WeakUnboundedSender { sender: self.sender.clone() }
    }
}

impl<T> fmt::Debug for WeakUnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakUnboundedSender").finish_non_exhaustive()
    }
}
