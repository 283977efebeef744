//! The waits for the cancel of a token.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::{CancellationToken, Node, State, Waiter};

/// Waits for the cancel of a token; made by [`CancellationToken::cancelled`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct WaitForCancellationFuture<'a> {
    node: &'a Node,
    place: Option<Place>,
}

impl<'a> WaitForCancellationFuture<'a> {
    pub(super) fn new(node: &'a Node) -> Self {
        WaitForCancellationFuture { node, place: None }
    }
}

impl Future for WaitForCancellationFuture<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.node.poll_wait(&mut self.place, cx)
    }
}

impl Drop for WaitForCancellationFuture<'_> {
    fn drop(&mut self) {
        self.node.leave(&mut self.place);
    }
}

impl fmt::Debug for WaitForCancellationFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitForCancellationFuture").finish_non_exhaustive()
    }
}

/// Waits for the cancel of a token that it holds; made by [`CancellationToken::cancelled_owned`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct WaitForCancellationFutureOwned {
    token: CancellationToken,
    place: Option<Place>,
}

impl WaitForCancellationFutureOwned {
    pub(super) fn new(token: CancellationToken) -> Self {
        WaitForCancellationFutureOwned { token, place: None }
    }
}

impl Future for WaitForCancellationFutureOwned {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.token.node.poll_wait(&mut this.place, cx)
    }
}

impl Drop for WaitForCancellationFutureOwned {
    fn drop(&mut self) {
        self.token.node.leave(&mut self.place);
    }
}

impl fmt::Debug for WaitForCancellationFutureOwned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitForCancellationFutureOwned").finish_non_exhaustive()
    }
}

/// Where a wait has left its waker.
struct Place {
    key: usize,
    /// The same waker once more, so that a poll that changes nothing takes no lock.
    waker: Waker,
}

impl Node {
    fn poll_wait(&self, place: &mut Option<Place>, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_cancelled() {
            *place = None;
            return Poll::Ready(());
        }
        if place.as_ref().is_some_and(|place| place.waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        // Cloning and dropping a waker may run foreign code, so both happen without the lock.
        let (waker, copy) = (cx.waker().clone(), cx.waker().clone());
        let outdated = {
            let mut state = self.lock();
            if self.is_cancelled() {
                None
            } else {
                Some(state.wait(place.as_ref().map(|place| place.key), waker))
            }
        };
        match outdated {
            None => {
                *place = None;
                Poll::Ready(())
            }
            Some((key, outdated)) => {
                *place = Some(Place { key, waker: copy });
                drop(outdated);
                Poll::Pending
            }
        }
    }

    /// Takes the waker of a wait out that is over.
    fn leave(&self, place: &mut Option<Place>) {
        let Some(place) = place.take() else { return };
        let waiter = self.lock().waiters.try_remove(place.key);
        drop(waiter);
    }
}

impl State {
    /// Leaves a waker in the place of a wait, or in a new one; an outdated waker comes back.
    fn wait(&mut self, place: Option<usize>, waker: Waker) -> (usize, Option<Waker>) {
        if let Some(key) = place {
            let outdated = std::mem::replace(&mut self.waiters[key].waker, waker);
            return (key, Some(outdated));
        }
        self.begun += 1;
        (self.waiters.insert(Waiter { number: self.begun, waker }), None)
    }
}
