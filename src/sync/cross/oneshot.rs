//! A channel for one value, whose ends may live on different threads.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::cell::CrossCell;
use super::thread::block_on;
use crate::sync::handover::{Handover, NoValue};
pub use crate::sync::oneshot::{RecvError, TryRecvError};

/// Makes a channel for one value.
///
/// ```
/// # annulus::run(async {
/// use annulus::sync::cross::oneshot;
///
/// let (sender, receiver) = oneshot::channel();
/// std::thread::spawn(move || sender.send("from a thread"));
/// assert_eq!(receiver.await, Ok("from a thread"));
/// # }).unwrap();
/// ```
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(CrossCell::new(Handover::new()));
    (Sender { shared: Arc::clone(&shared) }, Receiver { shared })
}

/// The end that sends the value. Dropping it without one tells the receiver so.
pub struct Sender<T> {
    shared: Arc<CrossCell<Handover<T>>>,
}

/// The end that receives the value: a future of it.
///
/// # Errors
///
/// [`RecvError`] when the sender was dropped without sending.
///
/// # Cancellation
///
/// The receiver is the future: awaited by reference it loses nothing. Dropping it drops a value
/// that was sent, on the receiver's thread, and tells the sender.
#[must_use = "the receiver of a oneshot channel does nothing unless awaited"]
pub struct Receiver<T> {
    shared: Arc<CrossCell<Handover<T>>>,
}

impl<T> Sender<T> {
    /// Sends `value`, without waiting.
    ///
    /// That it was sent does not mean that it will be received: the receiver may still be dropped.
    ///
    /// # Errors
    ///
    /// The value itself, when the receiver is gone or has closed the channel.
    pub fn send(self, value: T) -> Result<(), T> {
        self.shared.update(|handover| handover.send(value)).map_or(Ok(()), Err)
    }

    /// Whether the receiver is gone or has closed the channel.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.read(Handover::is_closed)
    }

    /// Waits until the receiver is gone or has closed the channel.
    ///
    /// # Cancellation
    ///
    /// Dropping the future has no effect.
    pub async fn closed(&mut self) {
        poll_fn(|cx| self.poll_closed(cx)).await;
    }

    /// As [`closed`](Sender::closed), for use in a hand-written future.
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.poll(cx, Handover::poll_closed)
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let waker = self.shared.update(Handover::finish_sender);
        drop(waker);
    }
}

impl<T> Receiver<T> {
    /// Receives the value, and blocks the thread meanwhile.
    ///
    /// For threads that run no loop: on one that does, all its tasks stand still.
    ///
    /// # Errors
    ///
    /// [`RecvError`] when the sender was dropped without sending.
    pub fn blocking_recv(self) -> Result<T, RecvError> {
        block_on(self)
    }

    /// Closes the channel: the sender can send no more. A value that was sent can be received.
    pub fn close(&mut self) {
        self.shared.update(Handover::close);
    }

    /// Receives the value if it was sent.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] when it was not sent yet, and [`TryRecvError::Closed`] when it never
    /// will be, or was received already.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.shared.update(Handover::try_receive).map_err(|none| match none {
            NoValue::Yet => TryRecvError::Empty,
            NoValue::Ever => TryRecvError::Closed,
        })
    }

    /// Whether no value is there to be received at once.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.shared.read(Handover::has_value)
    }

    /// Whether the value was received, or none can come any more.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        self.shared.read(Handover::is_over)
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.shared.poll(cx, Handover::poll_receive).map(|value| value.ok_or(RecvError(())))
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let rest = self.shared.update(Handover::remove_receiver);
        drop(rest);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("is_closed", &self.is_closed()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("is_empty", &self.is_empty())
            .field("is_terminated", &self.is_terminated())
            .finish_non_exhaustive()
    }
}
