//! A channel for one value, within one loop.
//!
//! For ends on different threads see [`cross::oneshot`](super::cross::oneshot).

use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::handover::{Handover, NoValue};
use super::waking::LocalCell;

/// Makes a channel for one value.
///
/// ```
/// # annulus::run(async {
/// use annulus::sync::oneshot;
///
/// let (sender, receiver) = oneshot::channel();
/// annulus::spawn(async move { sender.send("done") });
/// assert_eq!(receiver.await, Ok("done"));
/// # }).unwrap();
/// ```
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Rc::new(LocalCell::new(Handover::new()));
    (Sender { shared: Rc::clone(&shared) }, Receiver { shared })
}

/// The end that sends the value. Dropping it without one tells the receiver so.
pub struct Sender<T> {
    shared: Rc<LocalCell<Handover<T>>>,
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
/// that was sent, and tells the sender.
#[must_use = "the receiver of a oneshot channel does nothing unless awaited"]
pub struct Receiver<T> {
    shared: Rc<LocalCell<Handover<T>>>,
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
    ///
    /// ```
    /// # annulus::run(async {
    /// let (mut sender, receiver) = annulus::sync::oneshot::channel::<u8>();
    /// drop(receiver);
    /// sender.closed().await;
    /// assert_eq!(sender.send(1), Err(1));
    /// # }).unwrap();
    /// ```
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
        self.shared.update(Handover::finish_sender);
    }
}

impl<T> Receiver<T> {
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

/// The sender was dropped without sending, or the value was received already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecvError(pub(super) ());

/// Why there was no value at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// It was not sent yet.
    Empty,
    /// It will never be sent, or was received already.
    Closed,
}

const CLOSED: &str = "the channel is closed and holds no value";

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(CLOSED)
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryRecvError::Empty => "no value was sent yet",
            TryRecvError::Closed => CLOSED,
        })
    }
}

impl Error for RecvError {}
impl Error for TryRecvError {}
