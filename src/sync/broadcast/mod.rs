//! A channel that gives every value to every receiver.
//!
//! Senders never wait. The channel keeps the last values, as many as it was made for; a receiver
//! that falls further behind is told how many it missed ([`RecvError::Lagged`]) and goes on with
//! the oldest that is kept.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

pub use error::{RecvError, SendError, TryRecvError};
pub use receiver::{Receiver, Recv};

use self::ring::Ring;
use super::wait_list::WaitKey;
use super::waking::LocalCell;

mod error;
mod receiver;
mod ring;

type Shared<T> = Rc<LocalCell<Ring<T>>>;

/// Makes a channel that keeps the last `capacity` values.
///
/// # Panics
///
/// When `capacity` is zero.
///
/// ```
/// # annulus::run(async {
/// use annulus::sync::broadcast;
///
/// let (sender, mut one) = broadcast::channel(16);
/// let mut two = sender.subscribe();
/// assert_eq!(sender.send("to all"), Ok(2));
/// assert_eq!(one.recv().await, Ok("to all"));
/// assert_eq!(two.recv().await, Ok("to all"));
/// # }).unwrap();
/// ```
#[must_use]
#[track_caller]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(capacity);
    let receiver = sender.subscribe();
    (sender, receiver)
}

/// Sends values to all receivers; any number of clones may exist.
pub struct Sender<T> {
    shared: Shared<T>,
}

impl<T> Sender<T> {
    /// Makes a sender without receivers; [`subscribe`](Sender::subscribe) makes them.
    ///
    /// # Panics
    ///
    /// When `capacity` is zero.
    #[must_use]
    #[track_caller]
    pub fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a broadcast channel keeps one value at least");
        Sender { shared: Rc::new(LocalCell::new(Ring::new(capacity))) }
    }

    /// Sends `value` to everybody who receives now, and returns how many these are.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the value in it, when there are no receivers.
    pub fn send(&self, value: T) -> Result<usize, SendError<T>> {
        let receivers = self.receiver_count();
        if receivers == 0 {
            return Err(SendError(value));
        }
        let value = Rc::new(value);
        let oldest = self.shared.update(|ring| ring.send(value));
        drop(oldest);
        Ok(receivers)
    }

    /// A new receiver, which gets what is sent from now on.
    #[must_use]
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::subscribe(&self.shared)
    }

    /// How many values are kept because a receiver has still to get them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.read(Ring::len)
    }

    /// Whether all receivers have got everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many receivers there are.
    #[must_use]
    pub fn receiver_count(&self) -> usize {
        self.shared.read(Ring::receivers)
    }

    /// Whether both senders send to the same receivers.
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.shared, &other.shared)
    }

    /// Waits until there are no receivers.
    ///
    /// # Cancellation
    ///
    /// Dropping the future has no effect on others.
    pub fn closed(&self) -> Closed<'_, T> {
        Closed { shared: &self.shared, key: None }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.update(|ring| ring.senders += 1);
        Sender { shared: Rc::clone(&self.shared) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.update(Ring::remove_sender);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("len", &self.len())
            .field("receiver_count", &self.receiver_count())
            .finish_non_exhaustive()
    }
}

/// The future of [`Sender::closed`].
#[must_use = "futures do nothing unless awaited"]
pub struct Closed<'a, T> {
    shared: &'a Shared<T>,
    key: Option<WaitKey>,
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Closed { shared, key } = self.get_mut();
        shared.poll(cx, |ring, waker| ring.poll_closed(key, waker))
    }
}

impl<T> Drop for Closed<'_, T> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.shared.update(|ring| ring.leave_closed(key));
        }
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").field("in_line", &self.key.is_some()).finish_non_exhaustive()
    }
}
