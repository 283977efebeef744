//! Channels with many senders and one receiver, within one loop.
//!
//! [`channel`] makes one with room for so many messages, where senders wait for room, and
//! [`unbounded_channel`] one where they never wait. The ends close the channel: when the last
//! sender is dropped the receiver gets what is left and then `None`; when the receiver is dropped
//! senders get their messages back.
//!
//! For ends on different threads see [`cross::mpsc`](super::cross::mpsc).

use std::rc::Rc;

pub use error::{SendError, TryRecvError, TrySendError};
pub use permit::{OwnedPermit, Permit};
pub use receiver::{Receiver, Recv, RecvMany, UnboundedReceiver};
pub use sender::{Closed, Reserve, SendMessage, Sender, WeakSender};
pub use unbounded::{UnboundedSender, WeakUnboundedSender};

use super::channel::{Channel, UNBOUNDED};
use super::waking::LocalCell;

mod error;
mod permit;
mod receiver;
mod sender;
mod unbounded;

type Shared<T> = Rc<LocalCell<Channel<T>>>;

/// Makes a channel with room for `bound` messages.
///
/// # Panics
///
/// When `bound` is zero or exceeds [`Semaphore::MAX_PERMITS`](super::Semaphore::MAX_PERMITS).
///
/// ```
/// # annulus::run(async {
/// use annulus::sync::mpsc;
///
/// let (sender, mut receiver) = mpsc::channel(1);
/// annulus::spawn(async move {
///     for message in 0..3 {
///         sender.send(message).await.unwrap();
///     }
/// });
/// assert_eq!(receiver.recv().await, Some(0));
/// assert_eq!(receiver.recv().await, Some(1));
/// assert_eq!(receiver.recv().await, Some(2));
/// assert_eq!(receiver.recv().await, None);
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
/// let (sender, mut receiver) = annulus::sync::mpsc::unbounded_channel();
/// sender.send(1).unwrap();
/// assert_eq!(receiver.recv().await, Some(1));
/// # }).unwrap();
/// ```
#[must_use]
pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let (sender, receiver) = open(UNBOUNDED);
    (UnboundedSender::new(sender), receiver)
}

fn open<T>(bound: usize) -> (Sender<T>, Receiver<T>) {
    let shared = Rc::new(LocalCell::new(Channel::new(bound)));
    (Sender::first(Rc::clone(&shared)), Receiver::new(shared))
}
