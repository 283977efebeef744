//! What a channel with many senders and one receiver knows, without a cell around it.
//!
//! `mpsc` puts it into a cell for one thread, `cross` into one for many, so both keep the same
//! rules:
//!
//! - room is counted in permits, one for each message or promise of one; who waits for room waits
//!   in the fair line of [`Permits`]. An unbounded channel has more permits than it can use;
//! - closing (by the receiver) refuses new permits. Those that are out may still send, and the
//!   receiver gets everything before it is told that the channel has ended;
//! - the receiver's disappearance refuses everything and hands back what was in the channel.

use std::collections::VecDeque;
use std::task::{Poll, Waker, ready};

use super::permits::{PERMITS_MAX, Permits};
use super::semaphore::TryAcquireError;
use super::wait_list::{WaitKey, WaitList};
use super::waking::{LazyWaker, Machine, SoleWaiter};

#[derive(Debug)]
pub(super) struct Channel<T> {
    messages: VecDeque<T>,
    bound: usize,
    room: Permits,
    senders: usize,
    receiver: SoleWaiter,
    receiver_is_gone: bool,
    /// Senders that wait for the channel to be closed.
    closing: WaitList<(), ()>,
}

/// The bound of a channel that has none.
pub(super) const UNBOUNDED: usize = PERMITS_MAX;

/// Why there was no message at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoMessage {
    Yet,
    Ever,
}

impl<T> Channel<T> {
    /// A channel with one sender.
    pub(super) fn new(bound: usize) -> Self {
        Channel {
            messages: VecDeque::new(),
            bound,
            room: Permits::new(bound),
            senders: 1,
            receiver: SoleWaiter::new(),
            receiver_is_gone: false,
            closing: WaitList::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Room that no message, permit or waiter has.
    pub(super) fn capacity(&self) -> usize {
        self.room.available()
    }

    pub(super) fn bound(&self) -> usize {
        self.bound
    }

    pub(super) fn is_closed(&self) -> bool {
        self.room.is_closed()
    }

    pub(super) fn senders(&self) -> usize {
        self.senders
    }

    pub(super) fn add_sender(&mut self) {
        self.senders += 1;
    }

    pub(super) fn remove_sender(&mut self) {
        self.senders -= 1;
        if self.senders == 0 {
            self.receiver.notify();
        }
    }

    pub(super) fn try_reserve(&mut self) -> Result<(), TryAcquireError> {
        self.room.try_acquire(1)
    }

    /// Takes room for one message or gets in line; `false` when the channel is closed.
    pub(super) fn poll_reserve(
        &mut self,
        key: &mut Option<WaitKey>,
        waker: &mut LazyWaker<'_>,
    ) -> Poll<bool> {
        self.room.poll_acquire(1, key, waker).map(|acquired| {
            if acquired.is_ok() && self.receiver_is_gone {
                self.room.release(1);
                return false;
            }
            acquired.is_ok()
        })
    }

    /// Sends the message when there is room for it. It stays in `message` if the channel is closed.
    ///
    /// Room is taken and filled in one step, so the receiver cannot vanish in between.
    #[inline]
    pub(super) fn poll_send(
        &mut self,
        message: &mut Option<T>,
        key: &mut Option<WaitKey>,
        waker: &mut LazyWaker<'_>,
    ) -> Poll<()> {
        let has_room = ready!(self.poll_reserve(key, waker));
        if has_room {
            *message = message.take().and_then(|message| self.send(message));
        }
        Poll::Ready(())
    }

    /// Sends the message if there is room and nobody waits for it. It stays in `message` otherwise.
    #[inline]
    pub(super) fn try_send(&mut self, message: &mut Option<T>) -> Result<(), TryAcquireError> {
        self.try_reserve()?;
        *message = message.take().and_then(|message| self.send(message));
        Ok(())
    }

    pub(super) fn leave_reserve(&mut self, key: WaitKey) -> Option<Waker> {
        let waker = self.room.cancel(key);
        self.notify_if_ended();
        waker
    }

    /// Gives back room that was reserved and not used.
    pub(super) fn release(&mut self) {
        self.room.release(1);
        self.notify_if_ended();
    }

    /// Sends into room that was reserved; the message comes back if nobody can ever receive it.
    #[must_use]
    pub(super) fn send(&mut self, message: T) -> Option<T> {
        if self.receiver_is_gone {
            self.room.release(1);
            return Some(message);
        }
        self.messages.push_back(message);
        self.receiver.notify();
        None
    }

    pub(super) fn try_receive(&mut self) -> Result<T, NoMessage> {
        match self.messages.pop_front() {
            Some(message) => {
                self.room.release(1);
                Ok(message)
            }
            None if self.has_ended() => Err(NoMessage::Ever),
            None => Err(NoMessage::Yet),
        }
    }

    pub(super) fn poll_receive(&mut self, waker: &mut LazyWaker<'_>) -> Poll<Option<T>> {
        match self.try_receive() {
            Ok(message) => Poll::Ready(Some(message)),
            Err(NoMessage::Ever) => Poll::Ready(None),
            Err(NoMessage::Yet) => {
                self.receiver.wait(waker);
                Poll::Pending
            }
        }
    }

    /// Appends up to `limit` messages to `buf`; ready with zero when there will be none any more.
    pub(super) fn poll_receive_many(
        &mut self,
        buf: &mut Vec<T>,
        limit: usize,
        waker: &mut LazyWaker<'_>,
    ) -> Poll<usize> {
        let count = limit.min(self.messages.len());
        if count > 0 || limit == 0 || self.has_ended() {
            buf.extend(self.messages.drain(..count));
            self.room.release(count);
            return Poll::Ready(count);
        }
        self.receiver.wait(waker);
        Poll::Pending
    }

    /// Refuses further reservations.
    pub(super) fn close(&mut self) {
        self.room.close();
        self.closing.grant_all(());
        self.notify_if_ended();
    }

    /// Ends the channel for good; the caller drops what was in it, and the receiver's waker.
    pub(super) fn remove_receiver(&mut self) -> (VecDeque<T>, Option<Waker>) {
        self.receiver_is_gone = true;
        self.close();
        let messages = std::mem::take(&mut self.messages);
        self.room.release(messages.len());
        (messages, self.receiver.leave())
    }

    pub(super) fn poll_closed(
        &mut self,
        key: &mut Option<WaitKey>,
        waker: &mut LazyWaker<'_>,
    ) -> Poll<()> {
        if key.is_some() {
            return self.closing.poll_take(key, waker);
        }
        if self.is_closed() {
            return Poll::Ready(());
        }
        self.closing.join(key, (), waker);
        Poll::Pending
    }

    pub(super) fn leave_closed(&mut self, key: WaitKey) -> Option<Waker> {
        self.closing.remove(key).waker
    }

    /// Whether no message can come any more: no sender is left, or the channel was closed and
    /// every permit has been used or given back.
    fn has_ended(&self) -> bool {
        self.senders == 0 || self.is_closed() && self.capacity() == self.bound
    }

    /// The receiver of a closed channel may be waiting for the last permit to come back.
    fn notify_if_ended(&mut self) {
        if self.has_ended() {
            self.receiver.notify();
        }
    }
}

impl<T> Machine for Channel<T> {
    #[inline]
    fn next_wake(&mut self) -> Option<Waker> {
        self.receiver
            .next_wake()
            .or_else(|| self.room.next_wake())
            .or_else(|| self.closing.next_wake())
    }
}
