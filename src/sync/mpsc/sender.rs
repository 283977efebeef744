//! The sending end of a channel.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::{OwnedPermit, Permit, SendError, Shared, TrySendError};
use crate::sync::channel::Channel;
use crate::sync::semaphore::TryAcquireError;
use crate::sync::wait_list::WaitKey;

/// The sending end of a bounded channel; any number of clones may exist.
pub struct Sender<T> {
    pub(super) shared: Shared<T>,
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
    /// room for the message already, the next in line has it. To keep the message, use
    /// [`reserve`](Sender::reserve).
    pub fn send(&self, message: T) -> SendMessage<'_, T> {
        SendMessage { reserve: self.reserve(), message: Some(message) }
    }

    /// Sends `message` if there is room and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`TrySendError`], with the message in it.
    ///
    /// ```
    /// use annulus::sync::mpsc::{self, TrySendError};
    ///
    /// let (sender, _receiver) = mpsc::channel(1);
    /// sender.try_send(1).unwrap();
    /// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    /// ```
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let mut message = Some(message);
        let outcome = self.shared.update(|channel| channel.try_send(&mut message));
        match (outcome, message) {
            (Err(TryAcquireError::NoPermits), Some(message)) => Err(TrySendError::Full(message)),
            (Err(TryAcquireError::Closed), Some(message)) => Err(TrySendError::Closed(message)),
            _ => Ok(()),
        }
    }

    /// Waits for room for one message, to be used later.
    ///
    /// # Errors
    ///
    /// [`SendError`] when the receiver is gone or has closed the channel.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives up its place in line. If it had got room already, the next in
    /// line has it.
    ///
    /// ```
    /// # annulus::run(async {
    /// let (sender, mut receiver) = annulus::sync::mpsc::channel(1);
    /// let permit = sender.reserve().await.unwrap();
    /// assert!(sender.try_send("no room").is_err());
    /// permit.send("reserved");
    /// assert_eq!(receiver.recv().await, Some("reserved"));
    /// # }).unwrap();
    /// ```
    pub fn reserve(&self) -> Reserve<'_, T> {
        Reserve { sender: self, key: None }
    }

    /// Takes room for one message if there is some and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`TrySendError`].
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        match self.shared.update(Channel::try_reserve) {
            Ok(()) => Ok(Permit::new(self)),
            Err(TryAcquireError::NoPermits) => Err(TrySendError::Full(())),
            Err(TryAcquireError::Closed) => Err(TrySendError::Closed(())),
        }
    }

    /// As [`reserve`](Sender::reserve), with a permit that the sender moves into.
    ///
    /// # Errors
    ///
    /// [`SendError`] when the receiver is gone or has closed the channel.
    ///
    /// # Cancellation
    ///
    /// As [`reserve`](Sender::reserve); this sender is dropped with the future.
    ///
    /// ```
    /// # annulus::run(async {
    /// let (sender, mut receiver) = annulus::sync::mpsc::channel(1);
    /// let permit = sender.reserve_owned().await.unwrap();
    /// let sender = permit.send(1);
    /// assert_eq!(receiver.recv().await, Some(1));
    /// assert_eq!(sender.capacity(), 1);
    /// # }).unwrap();
    /// ```
    pub async fn reserve_owned(self) -> Result<OwnedPermit<T>, SendError<()>> {
        self.reserve().await?.keep();
        Ok(OwnedPermit::new(self))
    }

    /// Waits until the receiver is gone or has closed the channel.
    ///
    /// # Cancellation
    ///
    /// Dropping the future has no effect on others.
    ///
    /// ```
    /// # annulus::run(async {
    /// let (sender, receiver) = annulus::sync::mpsc::channel::<u8>(1);
    /// drop(receiver);
    /// sender.closed().await;
    /// assert!(sender.is_closed());
    /// # }).unwrap();
    /// ```
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
        Rc::ptr_eq(&self.shared, &other.shared)
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

    /// A sender that does not keep the channel open.
    #[must_use]
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender { shared: Rc::clone(&self.shared) }
    }

    /// How many senders there are, weak ones not counted.
    #[must_use]
    pub fn strong_count(&self) -> usize {
        self.shared.read(Channel::senders)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.update(Channel::add_sender);
        Sender { shared: Rc::clone(&self.shared) }
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

/// A [`Sender`] that does not keep the channel open, nor its receiver waiting.
///
/// ```
/// let (sender, _receiver) = annulus::sync::mpsc::channel::<u8>(1);
/// let weak = sender.downgrade();
/// assert!(weak.upgrade().is_some());
/// drop(sender);
/// assert!(weak.upgrade().is_none());
/// ```
pub struct WeakSender<T> {
    shared: Shared<T>,
}

impl<T> WeakSender<T> {
    /// A sender, if there is still one.
    #[must_use]
    pub fn upgrade(&self) -> Option<Sender<T>> {
        let is_open = self.shared.update(|channel| {
            let is_open = channel.senders() > 0;
            if is_open {
                channel.add_sender();
            }
            is_open
        });
        is_open.then(|| Sender { shared: Rc::clone(&self.shared) })
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        WeakSender { shared: Rc::clone(&self.shared) }
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSender").finish_non_exhaustive()
    }
}

/// The future of [`Sender::reserve`].
#[must_use = "futures do nothing unless awaited"]
pub struct Reserve<'a, T> {
    sender: &'a Sender<T>,
    key: Option<WaitKey>,
}

impl<'a, T> Future for Reserve<'a, T> {
    type Output = Result<Permit<'a, T>, SendError<()>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Reserve { sender, key } = self.get_mut();
        let has_room =
            ready!(sender.shared.poll(cx, |channel, waker| channel.poll_reserve(key, waker)));
        Poll::Ready(if has_room { Ok(Permit::new(sender)) } else { Err(SendError(())) })
    }
}

impl<T> Drop for Reserve<'_, T> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.sender.shared.update(|channel| channel.leave_reserve(key));
        }
    }
}

impl<T> fmt::Debug for Reserve<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserve").field("in_line", &self.key.is_some()).finish_non_exhaustive()
    }
}

/// The future of [`Sender::send`].
#[must_use = "futures do nothing unless awaited"]
pub struct SendMessage<'a, T> {
    reserve: Reserve<'a, T>,
    message: Option<T>,
}

// The message is never pinned.
impl<T> Unpin for SendMessage<'_, T> {}

impl<T> Future for SendMessage<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let SendMessage { reserve: Reserve { sender, key }, message } = self.get_mut();
        assert!(message.is_some(), "polled after completion");
        ready!(sender.shared.poll(cx, |channel, waker| channel.poll_send(message, key, waker)));
        Poll::Ready(message.take().map_or(Ok(()), |message| Err(SendError(message))))
    }
}

impl<T> fmt::Debug for SendMessage<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendMessage").field("reserve", &self.reserve).finish_non_exhaustive()
    }
}

/// The future of [`Sender::closed`] and [`UnboundedSender::closed`](super::UnboundedSender).
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
            self.shared.update(|channel| channel.leave_closed(key));
        }
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").field("in_line", &self.key.is_some()).finish_non_exhaustive()
    }
}
