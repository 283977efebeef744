//! Channels with many senders and one receiver, whose ends may live on different threads.
//!
//! As the local [`mpsc`](crate::sync::mpsc): [`channel`] is bounded and its senders wait for room,
//! [`unbounded_channel`] is not and they never wait.

use std::sync::Arc;

pub use receiver::{Receiver, Recv, RecvMany, UnboundedReceiver};
pub use sender::{Closed, SendMessage, Sender, UnboundedSender};

use super::cell::CrossCell;
use crate::sync::channel::{Channel, UNBOUNDED};
pub use crate::sync::mpsc::{SendError, TryRecvError, TrySendError};

mod receiver;
mod sender;

type Shared<T> = Arc<CrossCell<Channel<T>>>;

/// Makes a channel with room for `bound` messages.
///
/// # Panics
///
/// When `bound` is zero or exceeds [`Semaphore::MAX_PERMITS`](crate::sync::Semaphore::MAX_PERMITS).
///
/// ```
/// # annulus::run(async {
/// use annulus::sync::cross::mpsc;
///
/// let (sender, mut receiver) = mpsc::channel(1);
/// let thread = std::thread::spawn(move || {
///     for message in 0..3 {
///         sender.blocking_send(message).unwrap();
///     }
/// });
/// let mut sum = 0;
/// while let Some(message) = receiver.recv().await {
///     sum += message;
/// }
/// assert_eq!(sum, 3);
/// thread.join().unwrap();
/// # }).unwrap();
/// ```
#[must_use]
#[track_caller]
pub fn channel<T>(bound: usize) -> (Sender<T>, Receiver<T>) {
    assert!(bound > 0, "a bounded channel needs room for one message at least");
    open(bound)
}

/// Makes a channel that always has room.
///
/// Nothing holds its senders back: if they are faster than the receiver, memory grows.
///
/// ```
/// # annulus::run(async {
/// let (sender, mut receiver) = annulus::sync::cross::mpsc::unbounded_channel();
/// std::thread::spawn(move || sender.send(1));
/// assert_eq!(receiver.recv().await, Some(1));
/// # }).unwrap();
/// ```
#[must_use]
pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let (sender, receiver) = open(UNBOUNDED);
    (UnboundedSender::new(sender), receiver)
}

fn open<T>(bound: usize) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(CrossCell::new(Channel::new(bound)));
    (Sender::first(Arc::clone(&shared)), Receiver::new(shared))
}
