//! The count behind a semaphore: how many permits are free, and who waits for how many.
//!
//! A machine without a cell (see `waking`), so that the semaphore of one thread and the bounded
//! channel between threads count by the same rules:
//!
//! - permits go to the first in line as soon as they suffice for it, and to nobody else before;
//! - a waiter that leaves after it was granted gives its permits back, which serves the next;
//! - closing ends those who wait, not those who were granted.

use std::task::{Poll, Waker};

use super::semaphore::{AcquireError, TryAcquireError};
use super::wait_list::{WaitKey, WaitList};
use super::waking::{LazyWaker, Machine};

/// The most permits that can be counted.
pub(crate) const PERMITS_MAX: usize = usize::MAX >> 3;

#[derive(Debug)]
pub(crate) struct Permits {
    available: usize,
    closed: bool,
    waiters: WaitList<usize, Grant>,
}

#[derive(Clone, Copy, Debug)]
enum Grant {
    Permits,
    Closed,
}

impl Permits {
    pub(crate) const fn new(permits: usize) -> Self {
        assert!(permits <= PERMITS_MAX, "a semaphore holds at most `Semaphore::MAX_PERMITS`");
        Permits { available: permits, closed: false, waiters: WaitList::new() }
    }

    /// Permits that nobody holds. They may be fewer than the first in line wants.
    #[inline]
    pub(crate) fn available(&self) -> usize {
        self.available
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    #[inline]
    pub(crate) fn try_acquire(&mut self, count: usize) -> Result<(), TryAcquireError> {
        if self.closed {
            return Err(TryAcquireError::Closed);
        }
        let is_next = count == 0 || self.waiters.waiting() == 0;
        if !is_next || self.available < count {
            return Err(TryAcquireError::NoPermits);
        }
        self.available -= count;
        Ok(())
    }

    /// Takes `count` permits or gets in line for them; `key` is the place in that line.
    #[inline]
    pub(crate) fn poll_acquire(
        &mut self,
        count: usize,
        key: &mut Option<WaitKey>,
        waker: &mut LazyWaker<'_>,
    ) -> Poll<Result<(), AcquireError>> {
        if key.is_some() {
            return self.waiters.poll_take(key, waker).map(|grant| match grant {
                Grant::Permits => Ok(()),
                Grant::Closed => Err(AcquireError(())),
            });
        }
        match self.try_acquire(count) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(TryAcquireError::Closed) => Poll::Ready(Err(AcquireError(()))),
            Err(TryAcquireError::NoPermits) => {
                self.waiters.join(key, count, waker);
                Poll::Pending
            }
        }
    }

    /// Leaves the line; permits that were granted already go to the next.
    pub(crate) fn cancel(&mut self, key: WaitKey) -> Option<Waker> {
        let removed = self.waiters.remove(key);
        let unused = if let Some(Grant::Permits) = removed.grant { removed.want } else { 0 };
        self.release(unused);
        removed.waker
    }

    /// Gives `count` permits back, or adds them.
    #[inline]
    pub(crate) fn release(&mut self, count: usize) {
        self.available += count;
        while let Some(&want) = self.waiters.front() {
            if want > self.available {
                break;
            }
            self.available -= want;
            self.waiters.grant_front(Grant::Permits);
        }
    }

    /// Takes up to `count` free permits out of circulation and returns how many it took.
    pub(crate) fn forget(&mut self, count: usize) -> usize {
        let taken = count.min(self.available);
        self.available -= taken;
        taken
    }

    /// Refuses every further acquisition, and those who wait.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.waiters.grant_all(Grant::Closed);
    }
}

impl Machine for Permits {
    #[inline]
    fn next_wake(&mut self) -> Option<Waker> {
        self.waiters.next_wake()
    }
}
