//! What a queue knows: its items, and who waits for items, for room, and for the end of the work.
//!
//! An item or a free place that is granted to a waiter stays in the queue until that waiter comes
//! for it; it is only *promised*. So a waiter that is cancelled with a grant in its hand loses
//! nothing: [`State::settle`] promises it to the next. Every change ends with `settle`, which
//! restores the rule of the queue: nobody waits for what is there and promised to nobody.

use std::task::{Poll, Waker};

use super::order::Order;
use crate::sync::wait_list::{WaitKey, WaitList};
use crate::sync::waking::{LazyWaker, Machine};

pub(super) struct State<O> {
    items: O,
    capacity: usize,
    /// Items granted to getters that have not come for them yet.
    promised_items: usize,
    /// Free places granted to putters that have not come for them yet.
    promised_places: usize,
    /// Items put for which `task_done` was not called yet.
    unfinished: usize,
    closed: bool,
    getters: WaitList<(), Grant>,
    putters: WaitList<(), Grant>,
    joiners: WaitList<(), ()>,
}

#[derive(Clone, Copy, Debug)]
enum Grant {
    Go,
    Closed,
}

/// Why an item was not had, or not put, at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Wait,
    Closed,
}

impl<O: Order> State<O> {
    pub(super) fn new(capacity: usize) -> Self {
        State {
            items: O::empty(),
            capacity,
            promised_items: 0,
            promised_places: 0,
            unfinished: 0,
            closed: false,
            getters: WaitList::new(),
            putters: WaitList::new(),
            joiners: WaitList::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn has_room(&self) -> bool {
        self.items.len() + self.promised_places < self.capacity
    }

    fn has_item(&self) -> bool {
        self.items.len() > self.promised_items
    }

    /// Puts the item if there is room that nobody waits for. It stays in `item` otherwise.
    pub(super) fn try_put(&mut self, item: &mut Option<O::Item>) -> Result<(), Refusal> {
        if self.closed {
            return Err(Refusal::Closed);
        }
        if !self.has_room() {
            return Err(Refusal::Wait);
        }
        let place = item.as_ref().map(|item| self.items.place(item));
        self.push(item, place);
        Ok(())
    }

    /// Puts the item or gets in line. It stays in `item` when the queue is closed.
    pub(super) fn poll_put(
        &mut self,
        item: &mut Option<O::Item>,
        key: &mut Option<WaitKey>,
        waker: &mut LazyWaker<'_>,
    ) -> Poll<()> {
        let Some(in_line) = *key else {
            return match self.try_put(item) {
                Ok(()) | Err(Refusal::Closed) => Poll::Ready(()),
                Err(Refusal::Wait) => {
                    self.putters.join(key, (), waker);
                    Poll::Pending
                }
            };
        };
        if self.putters.poll_granted(in_line, waker).is_pending() {
            return Poll::Pending;
        }
        // All comparisons come before the grant is taken: they may panic.
        let open = !self.closed;
        let place = item.as_ref().filter(|_| open).map(|item| self.items.place(item));
        if let Poll::Ready(Grant::Go) = self.putters.poll_take(key, waker) {
            self.promised_places -= 1;
        }
        if open {
            self.push(item, place);
        }
        Poll::Ready(())
    }

    fn push(&mut self, item: &mut Option<O::Item>, place: Option<usize>) {
        if let (Some(item), Some(place)) = (item.take(), place) {
            self.items.push(item, place);
            self.unfinished += 1;
        }
        self.settle();
    }

    /// Gets an item that nobody waits for.
    pub(super) fn try_get(&mut self) -> Result<O::Item, Refusal> {
        if self.has_item() {
            if let Some(item) = self.items.pop() {
                self.settle();
                return Ok(item);
            }
        }
        // What is promised may come back, and then it is for the next in line.
        if self.closed && self.items.len() == 0 { Err(Refusal::Closed) } else { Err(Refusal::Wait) }
    }

    /// Gets an item or gets in line; `None` when the queue is closed and drained.
    pub(super) fn poll_get(
        &mut self,
        key: &mut Option<WaitKey>,
        waker: &mut LazyWaker<'_>,
    ) -> Poll<Option<O::Item>> {
        let Some(in_line) = *key else {
            return match self.try_get() {
                Ok(item) => Poll::Ready(Some(item)),
                Err(Refusal::Closed) => Poll::Ready(None),
                Err(Refusal::Wait) => {
                    self.getters.join(key, (), waker);
                    Poll::Pending
                }
            };
        };
        let item = match self.getters.poll_granted(in_line, waker) {
            Poll::Pending => return Poll::Pending,
            // Before the grant is taken: comparisons may panic.
            Poll::Ready(Grant::Go) => self.items.pop(),
            Poll::Ready(Grant::Closed) => None,
        };
        if let Poll::Ready(Grant::Go) = self.getters.poll_take(key, waker) {
            self.promised_items -= 1;
        }
        self.settle();
        Poll::Ready(item)
    }

    pub(super) fn leave_put(&mut self, key: WaitKey) -> Option<Waker> {
        let removed = self.putters.remove(key);
        if let Some(Grant::Go) = removed.grant {
            self.promised_places -= 1;
        }
        self.settle();
        removed.waker
    }

    pub(super) fn leave_get(&mut self, key: WaitKey) -> Option<Waker> {
        let removed = self.getters.remove(key);
        if let Some(Grant::Go) = removed.grant {
            self.promised_items -= 1;
        }
        self.settle();
        removed.waker
    }

    /// Marks one item as worked off; `false` if there is none to mark.
    pub(super) fn task_done(&mut self) -> bool {
        let Some(unfinished) = self.unfinished.checked_sub(1) else { return false };
        self.unfinished = unfinished;
        self.settle();
        true
    }

    pub(super) fn poll_join(
        &mut self,
        key: &mut Option<WaitKey>,
        waker: &mut LazyWaker<'_>,
    ) -> Poll<()> {
        if key.is_some() {
            return self.joiners.poll_take(key, waker);
        }
        if self.unfinished == 0 {
            return Poll::Ready(());
        }
        self.joiners.join(key, (), waker);
        Poll::Pending
    }

    pub(super) fn leave_join(&mut self, key: WaitKey) -> Option<Waker> {
        self.joiners.remove(key).waker
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
        self.settle();
    }

    fn settle(&mut self) {
        while self.has_item() && self.getters.grant_front(Grant::Go) {
            self.promised_items += 1;
        }
        if self.closed {
            self.putters.grant_all(Grant::Closed);
            if self.items.len() == 0 {
                self.getters.grant_all(Grant::Closed);
            }
        }
        while self.has_room() && self.putters.grant_front(Grant::Go) {
            self.promised_places += 1;
        }
        if self.unfinished == 0 {
            self.joiners.grant_all(());
        }
    }
}

impl<O> Machine for State<O> {
    fn next_wake(&mut self) -> Option<Waker> {
        self.getters
            .next_wake()
            .or_else(|| self.putters.next_wake())
            .or_else(|| self.joiners.next_wake())
    }
}
