//! A place in the queue, awaited before the job is made: backpressure for those who can wait.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::handle::BlockingHandle;
use super::shared::{Admission, Shared};

/// Waits for a place in the queue, first come, first served.
///
/// Cancel-safe: dropped, it leaves the line, or passes the place on if it had got one. Polled
/// after it was ready, it asks for another place.
#[must_use = "futures do nothing unless awaited"]
pub struct Reserve {
    shared: Arc<Shared>,
    /// The place in the line of those who wait.
    ticket: Option<u64>,
}

/// A place in the queue, kept free until it is used or dropped.
#[must_use = "a permit that is dropped gives its place back"]
pub struct Permit {
    shared: Arc<Shared>,
    used: bool,
}

impl Reserve {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Reserve { shared: Arc::clone(shared), ticket: None }
    }
}

impl Future for Reserve {
    type Output = Permit;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Permit> {
        match self.ticket {
            Some(ticket) if !self.shared.is_granted(ticket, cx.waker()) => return Poll::Pending,
            Some(_) => self.ticket = None,
            None => {
                if let Err(ticket) = self.shared.reserve(cx.waker()) {
                    self.ticket = Some(ticket);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Permit { shared: Arc::clone(&self.shared), used: false })
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.shared.leave(ticket);
        }
    }
}

impl Permit {
    /// Hands `closure` over on this place. Like
    /// [`spawn_blocking`](crate::spawn_blocking) it does not fail: the handle tells if
    /// the pool was shut down meanwhile.
    pub fn spawn<F, T>(mut self, closure: F) -> BlockingHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.used = true;
        BlockingHandle::spawn(&self.shared, closure, Admission::Reserved)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.used {
            self.shared.release();
        }
    }
}

impl fmt::Debug for Reserve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserve").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}
