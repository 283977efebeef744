//! What a broadcast channel knows: the last values, who has still to see each, and who waits.
//!
//! Values are numbered from zero. The ring keeps the youngest of them; `first` is the number of the
//! oldest kept. Each receiver knows the number that it wants next, and each value counts the
//! receivers that have it still to come, so a value is let go when the last of them has seen it.
//! Receivers see values in order, so the ones that nobody needs are always the oldest.

use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Poll, Waker};

use crate::sync::wait_list::{WaitKey, WaitList};
use crate::sync::waking::{LazyWaker, Machine};

pub(super) struct Ring<T> {
    values: VecDeque<Kept<T>>,
    first: u64,
    capacity: usize,
    pub(super) senders: usize,
    receivers: usize,
    /// Receivers that wait for a value.
    waiting: WaitList<(), ()>,
    /// Senders that wait for the last receiver to go.
    closing: WaitList<(), ()>,
}

/// A value in the ring. It is shared with the receivers that clone it, which is the user's code and
/// happens after the borrow.
struct Kept<T> {
    value: Rc<T>,
    unseen_by: usize,
}

/// Why a receiver got no value at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    Yet,
    Ever,
    Overwritten(u64),
}

impl<T> Ring<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Ring {
            values: VecDeque::new(),
            first: 0,
            capacity,
            senders: 1,
            receivers: 0,
            waiting: WaitList::new(),
            closing: WaitList::new(),
        }
    }

    /// The number of the next value to be sent.
    fn end(&self) -> u64 {
        self.first + self.values.len() as u64
    }

    pub(super) fn receivers(&self) -> usize {
        self.receivers
    }

    /// How many values are kept because somebody has still to see them.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// How many values a receiver that wants `next` can still get.
    pub(super) fn len_from(&self, next: u64) -> usize {
        (self.end() - next.max(self.first)) as usize
    }

    /// Counts a receiver in, and says which value it will get first.
    pub(super) fn add_receiver(&mut self) -> u64 {
        self.receivers += 1;
        self.end()
    }

    /// Counts a receiver out; the caller drops the values that only it had still to see.
    pub(super) fn remove_receiver(&mut self, next: u64) -> Vec<Rc<T>> {
        let seen = self.values.len() - self.len_from(next);
        for kept in self.values.iter_mut().skip(seen) {
            kept.unseen_by -= 1;
        }
        self.receivers -= 1;
        if self.receivers == 0 {
            self.closing.grant_all(());
        }
        let unneeded = self.values.iter().take_while(|kept| kept.unseen_by == 0).count();
        self.first += unneeded as u64;
        self.values.drain(..unneeded).map(|kept| kept.value).collect()
    }

    pub(super) fn remove_sender(&mut self) {
        self.senders -= 1;
        if self.senders == 0 {
            self.waiting.grant_all(());
        }
    }

    /// Keeps `value` for all receivers, of which there must be some; the caller drops the value
    /// that had to give way.
    pub(super) fn send(&mut self, value: Rc<T>) -> Option<Rc<T>> {
        let mut oldest = None;
        if self.values.len() == self.capacity {
            oldest = self.values.pop_front();
            self.first += 1;
        }
        self.values.push_back(Kept { value, unseen_by: self.receivers });
        self.waiting.grant_all(());
        oldest.map(|kept| kept.value)
    }

    /// The value with the number `next`, which is moved on.
    pub(super) fn try_receive(&mut self, next: &mut u64) -> Result<Rc<T>, Missing> {
        if *next < self.first {
            let missed = self.first - *next;
            *next = self.first;
            return Err(Missing::Overwritten(missed));
        }
        let index = (*next - self.first) as usize;
        let Some(kept) = self.values.get_mut(index) else {
            return Err(if self.senders == 0 { Missing::Ever } else { Missing::Yet });
        };
        *next += 1;
        kept.unseen_by -= 1;
        if kept.unseen_by > 0 {
            return Ok(Rc::clone(&kept.value));
        }
        self.first += 1;
        self.values.pop_front().map(|kept| kept.value).ok_or(Missing::Yet)
    }

    pub(super) fn poll_receive(
        &mut self,
        next: &mut u64,
        key: &mut Option<WaitKey>,
        waker: &mut LazyWaker<'_>,
    ) -> Poll<Result<Rc<T>, Missing>> {
        if key.is_some() && self.waiting.poll_take(key, waker).is_pending() {
            return Poll::Pending;
        }
        match self.try_receive(next) {
            Err(Missing::Yet) => {
                self.waiting.join(key, (), waker);
                Poll::Pending
            }
            received => Poll::Ready(received),
        }
    }

    pub(super) fn leave_receive(&mut self, key: WaitKey) -> Option<Waker> {
        self.waiting.remove(key).waker
    }

    pub(super) fn poll_closed(
        &mut self,
        key: &mut Option<WaitKey>,
        waker: &mut LazyWaker<'_>,
    ) -> Poll<()> {
        if key.is_some() && self.closing.poll_take(key, waker).is_pending() {
            return Poll::Pending;
        }
        if self.receivers == 0 {
            return Poll::Ready(());
        }
        self.closing.join(key, (), waker);
        Poll::Pending
    }

    pub(super) fn leave_closed(&mut self, key: WaitKey) -> Option<Waker> {
        self.closing.remove(key).waker
    }
}

impl<T> Machine for Ring<T> {
    fn next_wake(&mut self) -> Option<Waker> {
        self.waiting.next_wake().or_else(|| self.closing.next_wake())
    }
}
