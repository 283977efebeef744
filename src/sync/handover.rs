//! What a oneshot channel knows, without a cell around it: one value, handed over once.
//!
//! `oneshot` puts it into a cell for one thread, `cross::oneshot` into one for many.

use std::task::{Poll, Waker};

use super::waking::{LazyWaker, Machine, SoleWaiter};

#[derive(Debug)]
pub(super) struct Handover<T> {
    value: Option<T>,
    sender_is_done: bool,
    is_closed: bool,
    receiver: SoleWaiter,
    sender: SoleWaiter,
}

/// Why there was no value at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoValue {
    Yet,
    Ever,
}

impl<T> Handover<T> {
    pub(super) const fn new() -> Self {
        Handover {
            value: None,
            sender_is_done: false,
            is_closed: false,
            receiver: SoleWaiter::new(),
            sender: SoleWaiter::new(),
        }
    }

    /// Leaves the value for the receiver, or returns it if the receiver does not want it.
    #[must_use]
    pub(super) fn send(&mut self, value: T) -> Option<T> {
        if self.is_closed {
            return Some(value);
        }
        self.value = Some(value);
        None
    }

    /// The sender has sent, or is gone; its waker is for the caller to drop.
    pub(super) fn finish_sender(&mut self) -> Option<Waker> {
        self.sender_is_done = true;
        self.receiver.notify();
        self.sender.leave()
    }

    /// The receiver wants no value any more. One that was sent before stays.
    pub(super) fn close(&mut self) {
        self.is_closed = true;
        self.sender.notify();
    }

    /// The receiver is gone; what it leaves is for the caller to drop.
    pub(super) fn remove_receiver(&mut self) -> (Option<T>, Option<Waker>) {
        self.close();
        (self.value.take(), self.receiver.leave())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    pub(super) fn has_value(&self) -> bool {
        self.value.is_some()
    }

    /// Whether the receiver has had, or can have, no value any more.
    pub(super) fn is_over(&self) -> bool {
        self.value.is_none() && (self.sender_is_done || self.is_closed)
    }

    pub(super) fn try_receive(&mut self) -> Result<T, NoValue> {
        let none = if self.is_over() { NoValue::Ever } else { NoValue::Yet };
        self.value.take().ok_or(none)
    }

    pub(super) fn poll_receive(&mut self, waker: &mut LazyWaker<'_>) -> Poll<Option<T>> {
        match self.try_receive() {
            Ok(value) => Poll::Ready(Some(value)),
            Err(NoValue::Ever) => Poll::Ready(None),
            Err(NoValue::Yet) => {
                self.receiver.wait(waker);
                Poll::Pending
            }
        }
    }

    pub(super) fn poll_closed(&mut self, waker: &mut LazyWaker<'_>) -> Poll<()> {
        if self.is_closed {
            return Poll::Ready(());
        }
        self.sender.wait(waker);
        Poll::Pending
    }
}

impl<T> Machine for Handover<T> {
    #[inline]
    fn next_wake(&mut self) -> Option<Waker> {
        self.receiver.next_wake().or_else(|| self.sender.next_wake())
    }
}
