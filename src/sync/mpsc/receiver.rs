//! The receiving end of a channel.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Shared, TryRecvError};
use crate::sync::channel::{Channel, NoMessage};

/// The receiving end of a channel. Dropping it closes the channel and drops what is in it.
pub struct Receiver<T> {
    shared: Shared<T>,
}

/// The receiving end of a channel that always has room.
pub type UnboundedReceiver<T> = Receiver<T>;

impl<T> Receiver<T> {
    pub(super) fn new(shared: Shared<T>) -> Self {
        Receiver { shared }
    }

    /// Receives the next message; `None` once the channel is empty and no message can come.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing: a message stays in the channel until it is returned.
    pub fn recv(&mut self) -> Recv<'_, T> {
        Recv { receiver: self }
    }

    /// Receives up to `limit` messages, as many as there are, and appends them to `buf`.
    ///
    /// Waits while there are none; returns how many there were. Zero means that no message can come
    /// any more, or that `limit` is zero.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing: messages stay in the channel until they are in `buf`.
    ///
    /// ```
    /// # annulus::run(async {
    /// let (sender, mut receiver) = annulus::sync::mpsc::channel(4);
    /// for message in 0..3 {
    ///     sender.send(message).await.unwrap();
    /// }
    /// let mut buf = Vec::new();
    /// assert_eq!(receiver.recv_many(&mut buf, 16).await, 3);
    /// assert_eq!(buf, [0, 1, 2]);
    /// # }).unwrap();
    /// ```
    pub fn recv_many<'a>(&'a mut self, buf: &'a mut Vec<T>, limit: usize) -> RecvMany<'a, T> {
        RecvMany { receiver: self, buf, limit }
    }

    /// Receives the next message if there is one.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] when there is none yet, and [`TryRecvError::Disconnected`] when none
    /// can come any more.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.shared.update(Channel::try_receive).map_err(|none| match none {
            NoMessage::Yet => TryRecvError::Empty,
            NoMessage::Ever => TryRecvError::Disconnected,
        })
    }

    /// As [`recv`](Receiver::recv), for use in a hand-written future.
    ///
    /// Only the task that polled last is woken.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.shared.poll(cx, Channel::poll_receive)
    }

    /// As [`recv_many`](Receiver::recv_many), for use in a hand-written future.
    ///
    /// Only the task that polled last is woken.
    pub fn poll_recv_many(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        self.shared.poll(cx, |channel, waker| channel.poll_receive_many(buf, limit, waker))
    }

    /// Closes the channel: senders get their messages back, and what was sent can be received.
    ///
    /// A permit that is out can still be used, and is waited for.
    ///
    /// ```
    /// # annulus::run(async {
    /// let (sender, mut receiver) = annulus::sync::mpsc::channel(2);
    /// sender.send(1).await.unwrap();
    /// receiver.close();
    /// assert!(sender.send(2).await.is_err());
    /// assert_eq!(receiver.recv().await, Some(1));
    /// assert_eq!(receiver.recv().await, None);
    /// # }).unwrap();
    /// ```
    pub fn close(&mut self) {
        self.shared.update(Channel::close);
    }

    /// Whether the channel was closed, or has no senders left.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.read(|channel| channel.is_closed() || channel.senders() == 0)
    }

    /// How many messages are in the channel.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.read(Channel::len)
    }

    /// Whether no messages are in the channel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// For how many more messages there is room; without a bound, for more than fit into memory.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.read(Channel::capacity)
    }

    /// For how many messages there is room when the channel is empty.
    #[must_use]
    pub fn max_capacity(&self) -> usize {
        self.shared.read(Channel::bound)
    }

    /// How many senders there are, weak ones not counted.
    #[must_use]
    pub fn sender_strong_count(&self) -> usize {
        self.shared.read(Channel::senders)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let rest = self.shared.update(Channel::remove_receiver);
        drop(rest);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("len", &self.len())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// The future of [`Receiver::recv`].
#[must_use = "futures do nothing unless awaited"]
pub struct Recv<'a, T> {
    receiver: &'a mut Receiver<T>,
}

impl<T> Future for Recv<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.receiver.poll_recv(cx)
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recv").finish_non_exhaustive()
    }
}

/// The future of [`Receiver::recv_many`].
#[must_use = "futures do nothing unless awaited"]
pub struct RecvMany<'a, T> {
    receiver: &'a mut Receiver<T>,
    buf: &'a mut Vec<T>,
    limit: usize,
}

impl<T> Future for RecvMany<'_, T> {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let RecvMany { receiver, buf, limit } = self.get_mut();
        receiver.poll_recv_many(cx, buf, *limit)
    }
}

impl<T> fmt::Debug for RecvMany<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvMany").field("limit", &self.limit).finish_non_exhaustive()
    }
}
