//! A queue between tasks, as `asyncio.Queue`: bounded or not, first come first served, with a way
//! to wait until all that was put is worked off.
//!
//! One object is shared by those who put and those who get, by reference or in an `Rc`; the
//! channels in [`mpsc`](super::mpsc) have separate ends instead, and close by themselves. Three
//! orders: [`Queue`] gives the oldest item first, [`LifoQueue`] the youngest, [`PriorityQueue`] the
//! smallest.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pub use error::{GetError, PutError, TryGetError, TryPutError};
pub use order::{Fifo, Lifo, Order, Smallest};

use self::state::{Refusal, State};
use super::wait_list::WaitKey;
use super::waking::LocalCell;

mod error;
mod order;
mod state;

/// A queue that gives its oldest item first.
pub type Queue<T> = OrderedQueue<Fifo<T>>;

/// A queue that gives its youngest item first.
///
/// ```
/// let queue = annulus::sync::LifoQueue::unbounded();
/// queue.try_put("older").unwrap();
/// queue.try_put("younger").unwrap();
/// assert_eq!(queue.try_get(), Ok("younger"));
/// ```
pub type LifoQueue<T> = OrderedQueue<Lifo<T>>;

/// A queue that gives its smallest item first, and of equal ones the oldest.
///
/// Wrap the items in [`Reverse`](std::cmp::Reverse) to have the largest first. The items' `Ord`
/// must not use the queue that they are in: that panics.
///
/// ```
/// let queue = annulus::sync::PriorityQueue::unbounded();
/// queue.try_put((2, "later")).unwrap();
/// queue.try_put((1, "sooner")).unwrap();
/// assert_eq!(queue.try_get(), Ok((1, "sooner")));
/// ```
pub type PriorityQueue<T> = OrderedQueue<Smallest<T>>;

/// A queue between tasks of one loop, in one of three orders: see [`Queue`], [`LifoQueue`] and
/// [`PriorityQueue`].
///
/// Waiting is fair: items go to the getters, and free places to the putters, in the order in which
/// these came. An item that is promised to a getter which has not run yet is still counted by
/// [`len`](OrderedQueue::len), but nobody else can get it.
///
/// ```
/// # annulus::run(async {
/// use std::rc::Rc;
/// use annulus::sync::Queue;
///
/// let queue = Rc::new(Queue::bounded(2));
/// let worker = annulus::spawn({
///     let queue = Rc::clone(&queue);
///     async move {
///         let mut sum = 0;
///         while let Ok(item) = queue.get().await {
///             sum += item;
///             queue.task_done();
///         }
///         sum
///     }
/// });
/// for item in 1..=4 {
///     queue.put(item).await.unwrap();
/// }
/// queue.join().await;
/// queue.close();
/// assert_eq!(worker.await.unwrap(), 10);
/// # }).unwrap();
/// ```
pub struct OrderedQueue<O: Order> {
    state: LocalCell<State<O>>,
}

impl<O: Order> OrderedQueue<O> {
    /// Makes a queue with room for `capacity` items.
    ///
    /// # Panics
    ///
    /// When `capacity` is zero.
    #[must_use]
    #[track_caller]
    pub fn bounded(capacity: usize) -> Self {
        assert!(capacity > 0, "a bounded queue needs room for one item at least");
        OrderedQueue { state: LocalCell::new(State::new(capacity)) }
    }

    /// Makes a queue that always has room.
    #[must_use]
    pub fn unbounded() -> Self {
        OrderedQueue { state: LocalCell::new(State::new(usize::MAX)) }
    }

    /// Puts `item` into the queue, when there is room for it.
    ///
    /// # Errors
    ///
    /// [`PutError`], with the item in it, once the queue is closed.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops the item with it and gives up the place in line. If there was room
    /// for the item already, the next in line has it.
    pub fn put(&self, item: O::Item) -> Put<'_, O> {
        Put { queue: self, item: Some(item), key: None }
    }

    /// Puts `item` into the queue if there is room and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`TryPutError`], with the item in it.
    ///
    /// ```
    /// use annulus::sync::Queue;
    /// use annulus::sync::queue::TryPutError;
    ///
    /// let queue = Queue::bounded(1);
    /// queue.try_put(1).unwrap();
    /// assert_eq!(queue.try_put(2), Err(TryPutError::Full(2)));
    /// ```
    pub fn try_put(&self, item: O::Item) -> Result<(), TryPutError<O::Item>> {
        let mut item = Some(item);
        let outcome = self.state.update(|state| state.try_put(&mut item));
        match (outcome, item) {
            (Err(Refusal::Wait), Some(item)) => Err(TryPutError::Full(item)),
            (Err(Refusal::Closed), Some(item)) => Err(TryPutError::Closed(item)),
            _ => Ok(()),
        }
    }

    /// Gets the next item, when there is one.
    ///
    /// # Errors
    ///
    /// [`GetError`] once the queue is closed and empty.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing: an item that was promised to it is for the next in line.
    pub fn get(&self) -> Get<'_, O> {
        Get { queue: self, key: None }
    }

    /// Gets the next item if there is one that nobody waits for.
    ///
    /// # Errors
    ///
    /// [`TryGetError::Empty`] when there is none, and [`TryGetError::Closed`] when there will never
    /// be one again.
    pub fn try_get(&self) -> Result<O::Item, TryGetError> {
        self.state.update(State::try_get).map_err(|refusal| match refusal {
            Refusal::Wait => TryGetError::Empty,
            Refusal::Closed => TryGetError::Closed,
        })
    }

    /// Says that the work on one item is done. Call it once for each item got, if anybody is to
    /// [`join`](OrderedQueue::join).
    ///
    /// # Panics
    ///
    /// When it is called more often than items were put.
    #[track_caller]
    pub fn task_done(&self) {
        let counted = self.state.update(State::task_done);
        assert!(counted, "`task_done` was called more often than items were put");
    }

    /// Waits until [`task_done`](OrderedQueue::task_done) was called for every item that was put.
    ///
    /// # Cancellation
    ///
    /// Dropping the future has no effect on others.
    pub fn join(&self) -> Join<'_, O> {
        Join { queue: self, key: None }
    }

    /// Closes the queue: nothing can be put any more, and what is in it can still be got.
    ///
    /// Those who wait to put get their items back. Those who wait to get are told once the queue
    /// is empty.
    ///
    /// ```
    /// # annulus::run(async {
    /// use annulus::sync::Queue;
    ///
    /// let queue = Queue::unbounded();
    /// queue.put(1).await.unwrap();
    /// queue.close();
    /// assert_eq!(queue.put(2).await.unwrap_err().into_inner(), 2);
    /// assert_eq!(queue.get().await, Ok(1));
    /// assert!(queue.get().await.is_err());
    /// # }).unwrap();
    /// ```
    pub fn close(&self) {
        self.state.update(State::close);
    }

    /// Whether the queue was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state.read(State::is_closed)
    }

    /// How many items are in the queue.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state.read(State::len)
    }

    /// Whether no items are in the queue.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room that is not promised to somebody.
    #[must_use]
    pub fn is_full(&self) -> bool {
        !self.state.read(State::has_room)
    }

    /// How many items the queue has room for; `None` if there is no bound.
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        Some(self.state.read(State::capacity)).filter(|&capacity| capacity != usize::MAX)
    }
}

impl<O: Order> fmt::Debug for OrderedQueue<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// The future of [`put`](OrderedQueue::put).
#[must_use = "futures do nothing unless awaited"]
pub struct Put<'a, O: Order> {
    queue: &'a OrderedQueue<O>,
    item: Option<O::Item>,
    key: Option<WaitKey>,
}

// The item is never pinned.
impl<O: Order> Unpin for Put<'_, O> {}

impl<O: Order> Future for Put<'_, O> {
    type Output = Result<(), PutError<O::Item>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Put { queue, item, key } = self.get_mut();
        assert!(item.is_some(), "polled after completion");
        ready!(queue.state.poll(cx, |state, waker| state.poll_put(item, key, waker)));
        Poll::Ready(item.take().map_or(Ok(()), |item| Err(PutError(item))))
    }
}

impl<O: Order> Drop for Put<'_, O> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.queue.state.update(|state| state.leave_put(key));
        }
    }
}

impl<O: Order> fmt::Debug for Put<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Put").field("in_line", &self.key.is_some()).finish_non_exhaustive()
    }
}

/// The future of [`get`](OrderedQueue::get).
#[must_use = "futures do nothing unless awaited"]
pub struct Get<'a, O: Order> {
    queue: &'a OrderedQueue<O>,
    key: Option<WaitKey>,
}

impl<O: Order> Future for Get<'_, O> {
    type Output = Result<O::Item, GetError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Get { queue, key } = self.get_mut();
        let outcome = queue.state.poll(cx, |state, waker| state.poll_get(key, waker));
        outcome.map(|item| item.ok_or(GetError(())))
    }
}

impl<O: Order> Drop for Get<'_, O> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.queue.state.update(|state| state.leave_get(key));
        }
    }
}

impl<O: Order> fmt::Debug for Get<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Get").field("in_line", &self.key.is_some()).finish_non_exhaustive()
    }
}

/// The future of [`join`](OrderedQueue::join).
#[must_use = "futures do nothing unless awaited"]
pub struct Join<'a, O: Order> {
    queue: &'a OrderedQueue<O>,
    key: Option<WaitKey>,
}

impl<O: Order> Future for Join<'_, O> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Join { queue, key } = self.get_mut();
        queue.state.poll(cx, |state, waker| state.poll_join(key, waker))
    }
}

impl<O: Order> Drop for Join<'_, O> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.queue.state.update(|state| state.leave_join(key));
        }
    }
}

impl<O: Order> fmt::Debug for Join<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").field("in_line", &self.key.is_some()).finish_non_exhaustive()
    }
}
