//! The line in which tasks wait: first come, first served, and free to leave at any time.
//!
//! Every primitive of this room that more than one task can wait on has its waiters here. What it
//! is for:
//!
//! - **Order.** Grants are given from the front, and *to the waiter*, not to whoever polls next:
//!   [`WaitList::grant_front`] writes the grant into the waiter's place. Nobody can barge in.
//! - **Leaving.** [`WaitList::remove`] takes a waiter out of the middle of the line in O(1), and
//!   tells whether it leaves a grant behind, which the primitive then has to pass on.
//! - **Waking later.** A granted waiter that left a waker moves to a second line, from which
//!   [`Machine::next_wake`] hands out the wakers one by one after the borrow has ended. All grants
//!   of one call are so given at once, before the first waker runs.
//!
//! Both lines are threaded through one slab, so waiting allocates only while the line grows past
//! its longest so far. A key carries a serial number besides its index: a key that outlived its
//! waiter is a bug of the primitive, and is found rather than served with another's grant.
//!
//! A waiter is in exactly one of these states:
//!
//! | granted | has a waker | in line | meaning |
//! |---|---|---|---|
//! | no | yes or no | `waiting` | waits; without a waker it was enrolled before its first poll |
//! | yes | yes | `waking` | served, its waker is about to be called |
//! | yes | no | none | served, and woken if there was anything to wake |

use std::num::NonZeroU64;
use std::task::{Poll, Waker};

use slab::Slab;

use super::waking::{LazyWaker, Machine};

const NONE: usize = usize::MAX;

/// A line of waiters that want a `W` each and are served with a `G`.
#[derive(Debug)]
pub(crate) struct WaitList<W, G> {
    waiters: Slab<Waiter<W, G>>,
    waiting: Ends,
    waking: Ends,
    waiting_count: usize,
    next_serial: NonZeroU64,
}

/// Names one waiter for as long as it is in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WaitKey {
    index: usize,
    serial: NonZeroU64,
}

/// What a waiter leaves behind.
#[derive(Debug)]
#[must_use = "a grant that is left behind must be passed on"]
pub(crate) struct Removed<W, G> {
    /// What it wanted.
    pub(crate) want: W,
    /// What it had been granted and did not use.
    pub(crate) grant: Option<G>,
    /// Its waker, to be dropped after the borrow.
    pub(crate) waker: Option<Waker>,
}

#[derive(Debug)]
struct Waiter<W, G> {
    want: W,
    grant: Option<G>,
    waker: Option<Waker>,
    serial: NonZeroU64,
    previous: usize,
    next: usize,
}

#[derive(Debug)]
struct Ends {
    first: usize,
    last: usize,
}

impl<W, G> WaitList<W, G> {
    pub(crate) const fn new() -> Self {
        WaitList {
            waiters: Slab::new(),
            waiting: Ends::EMPTY,
            waking: Ends::EMPTY,
            waiting_count: 0,
            next_serial: NonZeroU64::MIN,
        }
    }

    /// How many wait and are not granted anything yet.
    #[inline]
    pub(crate) fn waiting(&self) -> usize {
        self.waiting_count
    }

    /// How many places have been allocated.
    #[cfg(test)]
    pub(crate) fn slab_capacity(&self) -> usize {
        self.waiters.capacity()
    }

    /// What the first in line wants.
    #[inline]
    pub(crate) fn front(&self) -> Option<&W> {
        self.waiters.get(self.waiting.first).map(|waiter| &waiter.want)
    }

    /// Takes everybody out.
    #[cfg(test)]
    pub(crate) fn clear(&mut self) {
        self.waiters.clear();
    }

    /// Joins the end of the line.
    pub(crate) fn push_back(&mut self, want: W, waker: Option<Waker>) -> WaitKey {
        let serial = self.next_serial;
        self.next_serial = serial.checked_add(1).expect("2^64 waits outlast every process");
        let waiter = Waiter { want, grant: None, waker, serial, previous: NONE, next: NONE };
        let index = self.waiters.insert(waiter);
        link_back(&mut self.waiters, &mut self.waiting, index);
        self.waiting_count += 1;
        WaitKey { index, serial }
    }

    /// Serves the first in line; `false`, and the grant unused, when nobody waits.
    #[inline]
    pub(crate) fn grant_front(&mut self, grant: G) -> bool {
        if self.waiting.first == NONE {
            return false;
        }
        self.grant_first(grant);
        true
    }

    #[inline(never)]
    fn grant_first(&mut self, grant: G) {
        let index = self.waiting.first;
        unlink(&mut self.waiters, &mut self.waiting, index);
        self.waiting_count -= 1;
        let waiter = &mut self.waiters[index];
        waiter.grant = Some(grant);
        if waiter.waker.is_some() {
            link_back(&mut self.waiters, &mut self.waking, index);
        }
    }

    /// Serves everybody who waits now, in order.
    pub(crate) fn grant_all(&mut self, grant: G)
    where
        G: Copy,
    {
        while self.grant_front(grant) {}
    }

    /// What the waiter has been granted, if anything.
    #[inline]
    pub(crate) fn granted(&self, key: WaitKey) -> Option<&G> {
        let waiter = self.waiters.get(key.index).filter(|waiter| waiter.serial == key.serial);
        waiter.expect(STALE_KEY).grant.as_ref()
    }

    /// Takes a waiter out, wherever it is.
    pub(crate) fn remove(&mut self, key: WaitKey) -> Removed<W, G> {
        if self.granted(key).is_none() {
            unlink(&mut self.waiters, &mut self.waiting, key.index);
            self.waiting_count -= 1;
        } else if self.waiters[key.index].waker.is_some() {
            unlink(&mut self.waiters, &mut self.waking, key.index);
        }
        let Waiter { want, grant, waker, .. } = self.waiters.remove(key.index);
        Removed { want, grant, waker }
    }

    /// Not inlined, so that finding nobody to wake costs a comparison.
    #[inline(never)]
    fn pop_waking(&mut self) -> Option<Waker> {
        let index = self.waking.first;
        unlink(&mut self.waiters, &mut self.waking, index);
        self.waiters[index].waker.take()
    }

    /// Joins the line on behalf of a future that has no place in it yet.
    #[inline]
    pub(crate) fn join(&mut self, key: &mut Option<WaitKey>, want: W, waker: &mut LazyWaker<'_>) {
        debug_assert!(key.is_none(), "a future waits once at a time");
        if let Some(owned) = waker.take() {
            *key = Some(self.push_back(want, Some(owned)));
        }
    }

    /// Whether the waiter has been granted anything; if not, its waker is renewed.
    #[inline]
    pub(crate) fn poll_granted(&mut self, key: WaitKey, waker: &mut LazyWaker<'_>) -> Poll<&G> {
        if self.granted(key).is_none() {
            waker.store(&mut self.waiters[key.index].waker);
            return Poll::Pending;
        }
        self.granted(key).map_or(Poll::Pending, Poll::Ready)
    }

    /// Takes the grant of a waiter together with its place; `Pending` while there is none.
    #[inline]
    pub(crate) fn poll_take(
        &mut self,
        key: &mut Option<WaitKey>,
        waker: &mut LazyWaker<'_>,
    ) -> Poll<G> {
        let Some(place) = *key else { return Poll::Pending };
        if self.poll_granted(place, waker).is_pending() {
            return Poll::Pending;
        }
        *key = None;
        let removed = self.remove(place);
        waker.discard(removed.waker);
        removed.grant.map_or(Poll::Pending, Poll::Ready)
    }
}

const STALE_KEY: &str = "a waiter keeps its place until it takes itself out";

impl<W, G> Default for WaitList<W, G> {
    fn default() -> Self {
        WaitList::new()
    }
}

impl<W, G> Machine for WaitList<W, G> {
    #[inline]
    fn next_wake(&mut self) -> Option<Waker> {
        if self.waking.first == NONE {
            return None;
        }
        self.pop_waking()
    }
}

/// Every test that uses a primitive also shows that its waiters leave their places.
#[cfg(test)]
impl<W, G> Drop for WaitList<W, G> {
    fn drop(&mut self) {
        let left = self.waiters.len();
        assert!(left == 0 || std::thread::panicking(), "{left} places were never given up");
    }
}

impl Ends {
    const EMPTY: Ends = Ends { first: NONE, last: NONE };
}

fn link_back<W, G>(waiters: &mut Slab<Waiter<W, G>>, ends: &mut Ends, index: usize) {
    let last = ends.last;
    let waiter = &mut waiters[index];
    waiter.previous = last;
    waiter.next = NONE;
    match waiters.get_mut(last) {
        Some(before) => before.next = index,
        None => ends.first = index,
    }
    ends.last = index;
}

fn unlink<W, G>(waiters: &mut Slab<Waiter<W, G>>, ends: &mut Ends, index: usize) {
    let Waiter { previous, next, .. } = waiters[index];
    match waiters.get_mut(previous) {
        Some(before) => before.next = next,
        None => ends.first = next,
    }
    match waiters.get_mut(next) {
        Some(after) => after.previous = previous,
        None => ends.last = previous,
    }
}
