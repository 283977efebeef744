//! The sending ends, for any thread.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::{SendError, Shared, TrySendError};
use crate::sync::channel::Channel;
use crate::sync::cross::thread::block_on;
use crate::sync::semaphore::TryAcquireError;
use crate::sync::wait_list::WaitKey;

/// The sending end of a bounded channel; any number of clones may exist, on any threads.
pub struct Sender<T> {
    shared: Shared<T>,
}

impl<T> Sender<T> {
    /// The sender that a new channel counts already.
    pub(super) fn first(shared: Shared<T>) -> Self {
        Sender { shared }
    }

    /// Sends `message` when there is room for it.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the message in it, when the receiver is gone or has closed the channel.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops the message with it and gives up the place in line. If there was
    /// room for the message already, the next in line has it.
    pub fn send(&self, message: T) -> SendMessage<'_, T> {
        SendMessage { sender: self, message: Some(message), key: None }
    }

    /// Sends `message` when there is room for it, and blocks the thread meanwhile.
    ///
    /// For threads that run no loop: on one that does, all its tasks stand still.
    ///
    /// # Errors
    ///
    /// As [`send`](Sender::send).
    pub fn blocking_send(&self, message: T) -> Result<(), SendError<T>> {
        block_on(self.send(message))
    }

    /// Sends `message` if there is room and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`TrySendError`], with the message in it.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let mut message = Some(message);
        let outcome = self.shared.update(|channel| channel.try_send(&mut message));
        match (outcome, message) {
            (Err(TryAcquireError::NoPermits), Some(message)) => Err(TrySendError::Full(message)),
            (Err(TryAcquireError::Closed), Some(message)) => Err(TrySendError::Closed(message)),
            _ => Ok(()),
        }
    }

    /// Waits until the receiver is gone or has closed the channel.
    ///
    /// # Cancellation
    ///
    /// Dropping the future has no effect on others.
    pub fn closed(&self) -> Closed<'_, T> {
        Closed { shared: &self.shared, key: None }
    }

    /// Whether the receiver is gone or has closed the channel.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.read(Channel::is_closed)
    }

    /// Whether both senders lead to the same receiver.
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// For how many more messages there is room.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.read(Channel::capacity)
    }

    /// For how many messages there is room when the channel is empty.
    #[must_use]
    pub fn max_capacity(&self) -> usize {
        self.shared.read(Channel::bound)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.update(Channel::add_sender);
        Sender { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.update(Channel::remove_sender);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("capacity", &self.capacity())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// The sending end of a channel that always has room; any number of clones may exist, on any
/// threads.
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
        self.sender.try_send(message).map_err(|refused| SendError(refused.into_inner()))
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

/// The future of [`Sender::send`].
#[must_use = "futures do nothing unless awaited"]
pub struct SendMessage<'a, T> {
    sender: &'a Sender<T>,
    message: Option<T>,
    key: Option<WaitKey>,
}

// The message is never pinned.
impl<T> Unpin for SendMessage<'_, T> {}

impl<T> Future for SendMessage<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let SendMessage { sender, message, key } = self.get_mut();
        assert!(message.is_some(), "polled after completion");
        ready!(sender.shared.poll(cx, |channel, waker| channel.poll_send(message, key, waker)));
        Poll::Ready(message.take().map_or(Ok(()), |message| Err(SendError(message))))
    }
}

impl<T> Drop for SendMessage<'_, T> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            let waker = self.sender.shared.update(|channel| channel.leave_reserve(key));
            drop(waker);
        }
    }
}

impl<T> fmt::Debug for SendMessage<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendMessage").field("in_line", &self.key.is_some()).finish_non_exhaustive()
    }
}

/// The future of [`Sender::closed`] and [`UnboundedSender::closed`].
#[must_use = "futures do nothing unless awaited"]
pub struct Closed<'a, T> {
    shared: &'a Shared<T>,
    key: Option<WaitKey>,
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Closed { shared, key } = self.get_mut();
        shared.poll(cx, |channel, waker| channel.poll_closed(key, waker))
    }
}

impl<T> Drop for Closed<'_, T> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            let waker = self.shared.update(|channel| channel.leave_closed(key));
            drop(waker);
        }
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").field("in_line", &self.key.is_some()).finish_non_exhaustive()
    }
}
