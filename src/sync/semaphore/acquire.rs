//! Waiting for permits: the futures, and the ticket that all gated primitives wait with.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::{AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use crate::sync::wait_list::WaitKey;

/// Leads to the semaphore that a primitive is guarded by.
pub(in crate::sync) trait Gate {
    /// The semaphore.
    fn semaphore(&self) -> &Semaphore;
}

impl Gate for &Semaphore {
    fn semaphore(&self) -> &Semaphore {
        self
    }
}

impl Gate for Rc<Semaphore> {
    fn semaphore(&self) -> &Semaphore {
        self
    }
}

/// A request for permits: the place in line, given up on drop.
pub(in crate::sync) struct Ticket<S: Gate> {
    gate: S,
    count: usize,
    key: Option<WaitKey>,
}

impl<S: Gate> Ticket<S> {
    pub(in crate::sync) fn new(gate: S, count: usize) -> Self {
        Ticket { gate, count, key: None }
    }

    pub(in crate::sync) fn gate(&self) -> &S {
        &self.gate
    }

    /// Ready once the permits were taken; they then belong to the caller.
    #[inline]
    pub(in crate::sync) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), AcquireError>> {
        if self.key.is_none() && self.gate.semaphore().try_take(self.count).is_ok() {
            return Poll::Ready(Ok(()));
        }
        self.poll_in_line(cx)
    }

    #[inline(never)]
    fn poll_in_line(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), AcquireError>> {
        let Ticket { gate, count, key } = self;
        let permits = &gate.semaphore().permits;
        permits.poll(cx, |permits, waker| permits.poll_acquire(*count, key, waker))
    }
}

impl<S: Gate> Drop for Ticket<S> {
    #[inline]
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.gate.semaphore().permits.update(|permits| permits.cancel(key));
        }
    }
}

impl<S: Gate> fmt::Debug for Ticket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("count", &self.count)
            .field("in_line", &self.key.is_some())
            .finish_non_exhaustive()
    }
}

/// The future of [`Semaphore::acquire`] and [`Semaphore::acquire_many`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Acquire<'a> {
    ticket: Ticket<&'a Semaphore>,
}

impl<'a> Acquire<'a> {
    pub(super) fn new(semaphore: &'a Semaphore, count: usize) -> Self {
        Acquire { ticket: Ticket::new(semaphore, count) }
    }
}

impl<'a> Future for Acquire<'a> {
    type Output = Result<SemaphorePermit<'a>, AcquireError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(self.ticket.poll(cx))?;
        Poll::Ready(Ok(SemaphorePermit::new(self.ticket.gate, self.ticket.count)))
    }
}

/// The future of [`Semaphore::acquire_owned`] and [`Semaphore::acquire_many_owned`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct AcquireOwned {
    ticket: Ticket<Rc<Semaphore>>,
}

impl AcquireOwned {
    pub(super) fn new(semaphore: Rc<Semaphore>, count: usize) -> Self {
        AcquireOwned { ticket: Ticket::new(semaphore, count) }
    }
}

impl Future for AcquireOwned {
    type Output = Result<OwnedSemaphorePermit, AcquireError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(self.ticket.poll(cx))?;
        let semaphore = Rc::clone(&self.ticket.gate);
        Poll::Ready(Ok(OwnedSemaphorePermit::new(semaphore, self.ticket.count)))
    }
}
