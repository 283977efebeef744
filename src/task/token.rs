//! Tells many waits at once, on any thread, that it is time to stop.
//!
//! A token and its clones are one node of a tree. A cancel marks the node and everything below it,
//! under one lock at a time and with a list in place of recursion, and wakes who waits there when
//! no lock is held any more.
//!
//! A child holds its parent, and the parent knows its children by weak references in a slab, so
//! that the last clone of a child takes its own entry out. In the same way a wait that ends, or is
//! dropped, takes its waker out: a token that lives as long as the server stays as small as what
//! waits on it right now.

mod wait;

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Poll, Waker};

use slab::Slab;

pub use self::wait::{WaitForCancellationFuture, WaitForCancellationFutureOwned};

/// Signals a wish to stop to everybody who looks at it or waits for it.
///
/// Clones are the same token. A [`child_token`](Self::child_token) is cancelled with its parent,
/// and the parent is not with its child. A token stays cancelled. It may be used on any thread, and
/// outside a loop.
///
/// A token only says something: to end a task from outside, there is
/// [`JoinHandle::cancel`](crate::task::JoinHandle::cancel).
///
/// ```
/// use annulus::task::CancellationToken;
///
/// # annulus::run(async {
/// let shutdown = CancellationToken::new();
/// let request = shutdown.child_token();
/// let task = annulus::spawn(async move {
///     request.run_until_cancelled(std::future::pending::<()>()).await
/// });
/// annulus::yield_now().await;
/// shutdown.cancel();
/// assert_eq!(task.await.unwrap(), None);
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct CancellationToken {
    node: Arc<Node>,
}

struct Node {
    /// Changed under the lock, read without it.
    is_cancelled: AtomicBool,
    /// The parent, and the place of this node among its children.
    parent: Option<(Arc<Node>, usize)>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Empty once the token is cancelled, as are the children: a place in either belongs to who
    /// took it until he gives it back or the token is cancelled, so places need no generation.
    waiters: Slab<Waiter>,
    children: Slab<Weak<Node>>,
    /// How many waits have begun.
    begun: u64,
}

struct Waiter {
    /// When the wait began: places are used again, wakes keep the order of the waits.
    number: u64,
    waker: Waker,
}

impl CancellationToken {
    /// A token that is not cancelled and has no parent.
    pub fn new() -> Self {
        CancellationToken { node: Arc::new(Node::new(false, None)) }
    }

    /// A token that is cancelled when this one is, and can be cancelled on its own.
    ///
    /// The child of a cancelled token is cancelled. A child keeps working when all clones of its
    /// parent are dropped: it is still cancelled with its parent's parent.
    pub fn child_token(&self) -> CancellationToken {
        let mut state = self.node.lock();
        if self.is_cancelled() {
            return CancellationToken { node: Arc::new(Node::new(true, None)) };
        }
        let entry = state.children.vacant_entry();
        let parent = (Arc::clone(&self.node), entry.key());
        let node = Arc::new(Node::new(false, Some(parent)));
        entry.insert(Arc::downgrade(&node));
        CancellationToken { node }
    }

    /// Cancels this token and all below it, and wakes who waits for them, in the order in which
    /// they began to wait for each. A second cancel does nothing.
    pub fn cancel(&self) {
        if self.is_cancelled() {
            return;
        }
        let mut due = Vec::new();
        let mut nodes = vec![Arc::clone(&self.node)];
        while let Some(node) = nodes.pop() {
            node.cancel(&mut nodes, &mut due);
        }
        wake_all(due);
    }

    /// Whether the token is cancelled. One atomic read.
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.node.is_cancelled()
    }

    /// Waits until the token is cancelled; at once when it is.
    ///
    /// # Cancellation
    ///
    /// A wait that is dropped leaves nothing behind.
    pub fn cancelled(&self) -> WaitForCancellationFuture<'_> {
        WaitForCancellationFuture::new(&self.node)
    }

    /// As [`cancelled`](Self::cancelled), for a future that keeps its own clone of the token.
    pub fn cancelled_owned(self) -> WaitForCancellationFutureOwned {
        WaitForCancellationFutureOwned::new(self)
    }

    /// Runs `future` to its end, or until the token is cancelled; then it is dropped and the answer
    /// is `None`.
    ///
    /// With a token that is cancelled already, the future is not polled at all. Later, when both
    /// are ready, the future's value wins.
    ///
    /// # Cancellation
    ///
    /// As safe as `future` is.
    ///
    /// ```
    /// # use annulus::task::CancellationToken;
    /// # annulus::run(async {
    /// let token = CancellationToken::new();
    /// assert_eq!(token.run_until_cancelled(async { 5 }).await, Some(5));
    /// token.cancel();
    /// assert_eq!(token.run_until_cancelled(async { 5 }).await, None);
    /// # }).unwrap();
    /// ```
    pub async fn run_until_cancelled<F: Future>(&self, future: F) -> Option<F::Output> {
        if self.is_cancelled() {
            return None;
        }
        let mut future = pin!(future);
        let mut cancelled = self.cancelled();
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => Pin::new(&mut cancelled).poll(cx).map(|()| None),
        })
        .await
    }

    /// As [`run_until_cancelled`](Self::run_until_cancelled), for a future that keeps its own clone
    /// of the token.
    pub async fn run_until_cancelled_owned<F: Future>(self, future: F) -> Option<F::Output> {
        self.run_until_cancelled(future).await
    }

    /// A guard that cancels the token when it is dropped.
    ///
    /// ```
    /// # use annulus::task::CancellationToken;
    /// let token = CancellationToken::new();
    /// drop(token.clone().drop_guard().disarm());
    /// assert!(!token.is_cancelled());
    /// drop(token.clone().drop_guard());
    /// assert!(token.is_cancelled());
    /// ```
    pub fn drop_guard(self) -> DropGuard {
        DropGuard { token: Some(self) }
    }
}

impl Default for CancellationToken {
    fn default() -> Self {
        CancellationToken::new()
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellationToken").field("is_cancelled", &self.is_cancelled()).finish()
    }
}

/// Cancels a token when it is dropped; made by [`CancellationToken::drop_guard`].
#[must_use = "a guard that is dropped at once cancels at once"]
#[derive(Debug)]
pub struct DropGuard {
    token: Option<CancellationToken>,
}

impl DropGuard {
    /// Gives the token back without a cancel.
    pub fn disarm(mut self) -> CancellationToken {
        self.token.take().expect("the token is there until the guard is gone")
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            token.cancel();
        }
    }
}

impl Node {
    fn new(is_cancelled: bool, parent: Option<(Arc<Node>, usize)>) -> Self {
        Node { is_cancelled: AtomicBool::new(is_cancelled), parent, state: Mutex::default() }
    }

    #[inline]
    fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Acquire)
    }

    /// Marks this node; its children go to `nodes`, its waiters to `due`.
    fn cancel(&self, nodes: &mut Vec<Arc<Node>>, due: &mut Vec<Waker>) {
        let (waiters, children) = {
            let mut state = self.lock();
            if self.is_cancelled.swap(true, Ordering::Release) {
                return;
            }
            (std::mem::take(&mut state.waiters), std::mem::take(&mut state.children))
        };
        nodes.extend(children.into_iter().filter_map(|(_, child)| child.upgrade()));
        let mut waiters: Vec<Waiter> = waiters.into_iter().map(|(_, waiter)| waiter).collect();
        waiters.sort_unstable_by_key(|waiter| waiter.number);
        due.extend(waiters.into_iter().map(|waiter| waiter.waker));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Node {
    /// Leaves the parent, and goes on with it here if that was its last reference: a chain of any
    /// length is dropped without recursion.
    fn drop(&mut self) {
        let mut link = self.parent.take();
        while let Some((parent, key)) = link {
            let forgotten = parent.lock().children.try_remove(key);
            drop(forgotten);
            link = Arc::into_inner(parent).and_then(|mut parent| parent.parent.take());
        }
    }
}

/// Wakes all, also when one of them panics; the first panic goes on afterwards.
fn wake_all(due: Vec<Waker>) {
    let mut panic = None;
    for waker in due {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
            panic.get_or_insert(payload);
        }
    }
    if let Some(payload) = panic {
        if !std::thread::panicking() {
            resume_unwind(payload);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Context;

    use super::*;

    /// Waiters and children of a token.
    fn left_behind(token: &CancellationToken) -> (usize, usize) {
        let state = token.node.lock();
        (state.waiters.len(), state.children.len())
    }

    fn poll(wait: &mut (impl Future<Output = ()> + Unpin)) -> Poll<()> {
        Pin::new(wait).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_wait_that_is_dropped_or_over_leaves_nothing_behind() {
        let token = CancellationToken::new();
        let (mut borrowed, mut owned) = (token.cancelled(), token.clone().cancelled_owned());
        for _ in 0..3 {
            assert!(poll(&mut borrowed).is_pending() && poll(&mut owned).is_pending());
        }
        assert_eq!(left_behind(&token), (2, 0));
        drop(borrowed);
        assert_eq!(left_behind(&token), (1, 0));
        token.cancel();
        assert_eq!(left_behind(&token), (0, 0));
        assert!(poll(&mut owned).is_ready() && poll(&mut owned).is_ready());
    }

    #[test]
    fn a_child_leaves_its_parent_with_its_last_clone() {
        let token = CancellationToken::new();
        let child = token.child_token();
        let clone = child.clone();
        let grandchild = child.child_token();
        drop((child, clone));
        assert_eq!((left_behind(&token), Arc::strong_count(&token.node)), ((0, 1), 2));
        drop(grandchild);
        assert_eq!((left_behind(&token), Arc::strong_count(&token.node)), ((0, 0), 1));
    }
}
