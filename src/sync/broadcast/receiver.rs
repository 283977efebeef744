//! The receiving end of a broadcast.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::ring::{Missing, Ring};
use super::{RecvError, Shared, TryRecvError};
use crate::sync::wait_list::WaitKey;

/// Gets every value that is sent while it exists.
pub struct Receiver<T> {
    shared: Shared<T>,
    /// The number of the value that it gets next.
    next: u64,
}

impl<T> Receiver<T> {
    pub(super) fn subscribe(shared: &Shared<T>) -> Self {
        let next = shared.update(Ring::add_receiver);
        Receiver { shared: Rc::clone(shared), next }
    }

    /// A new receiver, which gets what is sent from now on and nothing of what this one has still
    /// to get.
    #[must_use]
    pub fn resubscribe(&self) -> Self {
        Receiver::subscribe(&self.shared)
    }

    /// How many values this receiver can get at once.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.read(|ring| ring.len_from(self.next))
    }

    /// Whether there is no value to be had at once.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all senders are gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sender_strong_count() == 0
    }

    /// How many senders there are.
    #[must_use]
    pub fn sender_strong_count(&self) -> usize {
        self.shared.read(|ring| ring.senders)
    }

    /// Whether both receivers get their values from the same senders.
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T: Clone> Receiver<T> {
    /// Gets the next value. The last receiver that gets a value gets the value itself, the others
    /// clones.
    ///
    /// # Errors
    ///
    /// [`RecvError::Lagged`] when values were missed, and [`RecvError::Closed`] when everything was
    /// got and all senders are gone.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing: the next call gets the value that this one would have.
    ///
    /// ```
    /// # annulus::run(async {
    /// use annulus::sync::broadcast::{self, RecvError};
    ///
    /// let (sender, mut receiver) = broadcast::channel(2);
    /// for value in 1..=3 {
    ///     sender.send(value).unwrap();
    /// }
    /// assert_eq!(receiver.recv().await, Err(RecvError::Lagged(1)));
    /// assert_eq!(receiver.recv().await, Ok(2));
    /// # }).unwrap();
    /// ```
    pub fn recv(&mut self) -> Recv<'_, T> {
        Recv { receiver: self, key: None }
    }

    /// Gets the next value if it was sent.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] when it was not, and as [`recv`](Receiver::recv).
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let next = &mut self.next;
        match self.shared.update(|ring| ring.try_receive(next)) {
            Ok(value) => Ok(Rc::unwrap_or_clone(value)),
            Err(Missing::Yet) => Err(TryRecvError::Empty),
            Err(Missing::Ever) => Err(TryRecvError::Closed),
            Err(Missing::Overwritten(missed)) => Err(TryRecvError::Lagged(missed)),
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let unneeded = self.shared.update(|ring| ring.remove_receiver(self.next));
        drop(unneeded);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// The future of [`Receiver::recv`].
#[must_use = "futures do nothing unless awaited"]
pub struct Recv<'a, T> {
    receiver: &'a mut Receiver<T>,
    key: Option<WaitKey>,
}

impl<T: Clone> Future for Recv<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Recv { receiver: Receiver { shared, next }, key } = self.get_mut();
        let received = shared.poll(cx, |ring, waker| ring.poll_receive(next, key, waker));
        received.map(|received| match received {
            Ok(value) => Ok(Rc::unwrap_or_clone(value)),
            Err(Missing::Overwritten(missed)) => Err(RecvError::Lagged(missed)),
            Err(Missing::Ever | Missing::Yet) => Err(RecvError::Closed),
        })
    }
}

impl<T> Drop for Recv<'_, T> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.receiver.shared.update(|ring| ring.leave_receive(key));
        }
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recv").field("in_line", &self.key.is_some()).finish_non_exhaustive()
    }
}
