//! Futures of one type, awaited at the same time by one task.
//!
//! A few futures are simply polled whenever their task is. Of many, that would poll each once for
//! every one that is woken; so from [`MANY`] on each has a waker of its own, which notes it as the
//! one to poll.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use super::cell::nth;

/// From how many futures on each has a waker of its own.
const MANY: usize = 32;

/// Awaits all futures at the same time; their outputs come in the order of the futures.
///
/// They are polled by the task that calls: for futures that are to run on their own, see
/// [`JoinSet`](crate::task::JoinSet) and [`TaskGroup`](crate::task::TaskGroup). A future that is
/// done is dropped at once.
///
/// ```
/// use annulus::task::join_all;
///
/// # annulus::run(async {
/// let squares = join_all((1..=3).map(|n| async move { n * n })).await;
/// assert_eq!(squares, [1, 4, 9]);
/// # }).unwrap();
/// ```
///
/// # Cancellation
///
/// As safe as the futures are; outputs that were there are dropped.
pub fn join_all<I>(futures: I) -> JoinAll<<I::Item as IntoFuture>::IntoFuture>
where
    I: IntoIterator<Item: IntoFuture>,
{
    JoinAll { all: All::new(futures) }
}

/// As [`join_all`], for futures that give `Result`s; the first error is the result of the whole,
/// and the other futures are dropped.
///
/// ```
/// use annulus::task::try_join_all;
///
/// # annulus::run(async {
/// let texts = ["1", "2", "x"];
/// let numbers = try_join_all(texts.map(|text| async move { text.parse::<u32>() }));
/// assert!(numbers.await.is_err());
/// # }).unwrap();
/// ```
pub fn try_join_all<I, F, T, E>(futures: I) -> TryJoinAll<F, T>
where
    I: IntoIterator<Item: IntoFuture<IntoFuture = F>>,
    F: Future<Output = Result<T, E>>,
{
    TryJoinAll { all: All::new(futures) }
}

/// Awaits many futures; made by [`join_all`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct JoinAll<F: Future> {
    all: All<F, F::Output>,
}

/// Awaits many futures that may fail; made by [`try_join_all`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct TryJoinAll<F, T> {
    all: All<F, T>,
}

struct All<F, T> {
    is_over: bool,
    /// Each until it is done.
    futures: Pin<Box<[Option<F>]>>,
    outputs: Vec<Option<T>>,
    /// How many are not done.
    left: usize,
    /// The wakers of many, once they have been polled.
    wakers: Option<Wakers>,
}

struct Wakers {
    woken: Arc<Woken>,
    /// Of each until it is done.
    each: Vec<Option<Waker>>,
    /// Those to be polled now; kept so that a poll allocates nothing.
    due: Vec<u32>,
}

/// Who has to be polled.
struct Woken {
    state: Mutex<WokenState>,
}

struct WokenState {
    indexes: Vec<u32>,
    /// Whether each is among them.
    is_in: Box<[bool]>,
    /// Who polls them, until it has been woken.
    parent: Option<Waker>,
}

struct OneOfMany {
    index: u32,
    woken: Arc<Woken>,
}

impl<F: Future> Future for JoinAll<F> {
    type Output = Vec<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.all.poll(cx, Ok::<_, std::convert::Infallible>);
        polled.map(|outputs| outputs.unwrap_or_else(|never| match never {}))
    }
}

impl<F: Future<Output = Result<T, E>>, T, E> Future for TryJoinAll<F, T> {
    type Output = Result<Vec<T>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.all.poll(cx, |output| output)
    }
}

// The futures are pinned in their box, and outputs are never pinned.
impl<F: Future> Unpin for JoinAll<F> {}
impl<F, T> Unpin for TryJoinAll<F, T> {}

impl<F: Future, T> All<F, T> {
    fn new<I: IntoIterator<Item: IntoFuture<IntoFuture = F>>>(futures: I) -> Self {
        let futures: Box<[Option<F>]> =
            futures.into_iter().map(|future| Some(future.into_future())).collect();
        let left = futures.len();
        let outputs = std::iter::repeat_with(|| None).take(left).collect();
        All { is_over: false, futures: Box::into_pin(futures), outputs, left, wakers: None }
    }

    /// Polls whom it may concern; `accept` turns an output into a value, or into the end of all.
    fn poll<E>(
        &mut self,
        cx: &mut Context<'_>,
        accept: impl Fn(F::Output) -> Result<T, E>,
    ) -> Poll<Result<Vec<T>, E>> {
        assert!(!self.is_over, "joined futures were polled after they had given their result");
        let polled = if self.outputs.len() < MANY {
            self.poll_each(cx, accept)
        } else {
            self.poll_woken(cx, accept)
        };
        if polled.is_ok() && self.left > 0 {
            return Poll::Pending;
        }
        self.is_over = true;
        self.wakers = None;
        if let Err(error) = polled {
            // Here and not with the future, which may be kept: what has failed holds nothing.
            self.futures = Box::into_pin(Box::default());
            self.outputs = Vec::new();
            return Poll::Ready(Err(error));
        }
        let outputs = std::mem::take(&mut self.outputs).into_iter();
        Poll::Ready(Ok(outputs.map(|output| output.expect("each future is done")).collect()))
    }

    fn poll_each<E>(
        &mut self,
        cx: &mut Context<'_>,
        accept: impl Fn(F::Output) -> Result<T, E>,
    ) -> Result<(), E> {
        for index in 0..self.outputs.len() {
            self.poll_one(index, cx, &accept)?;
        }
        Ok(())
    }

    fn poll_woken<E>(
        &mut self,
        cx: &mut Context<'_>,
        accept: impl Fn(F::Output) -> Result<T, E>,
    ) -> Result<(), E> {
        let count = self.outputs.len();
        let wakers = self.wakers.get_or_insert_with(|| Wakers::new(count));
        let mut due = std::mem::take(&mut wakers.due);
        wakers.woken.begin(&mut due, cx.waker());
        for index in due.drain(..) {
            let index = index as usize;
            let Some(wakers) = &self.wakers else { break };
            let Some(waker) = &wakers.each[index] else { continue };
            let waker = waker.clone();
            self.poll_one(index, &mut Context::from_waker(&waker), &accept)?;
        }
        if let Some(wakers) = &mut self.wakers {
            wakers.due = due;
        }
        Ok(())
    }

    /// Polls one future, unless it is done.
    fn poll_one<E>(
        &mut self,
        index: usize,
        cx: &mut Context<'_>,
        accept: &impl Fn(F::Output) -> Result<T, E>,
    ) -> Result<(), E> {
        let mut place = nth(self.futures.as_mut(), index);
        let Some(future) = place.as_mut().as_pin_mut() else { return Ok(()) };
        let Poll::Ready(output) = future.poll(cx) else { return Ok(()) };
        self.outputs[index] = Some(accept(output)?);
        self.left -= 1;
        place.set(None);
        if let Some(wakers) = &mut self.wakers {
            wakers.each[index] = None;
        }
        Ok(())
    }
}

impl Wakers {
    /// Wakers for `count` futures, all of which are to be polled.
    fn new(count: usize) -> Self {
        let indexes: Vec<u32> = (0..count as u32).collect();
        let is_in = vec![true; count].into_boxed_slice();
        let state = Mutex::new(WokenState { indexes, is_in, parent: None });
        let woken = Arc::new(Woken { state });
        let one = |index| Arc::new(OneOfMany { index, woken: Arc::clone(&woken) });
        let each = (0..count as u32).map(|index| Some(Waker::from(one(index)))).collect();
        Wakers { woken, each, due: Vec::new() }
    }
}

impl Drop for Wakers {
    /// Wakers that are left somewhere wake nobody from now on.
    fn drop(&mut self) {
        let parent = self.woken.lock().parent.take();
        drop(parent);
    }
}

impl Woken {
    /// Moves those that were woken into the empty `due`; who is woken from now on wakes `parent`.
    fn begin(&self, due: &mut Vec<u32>, parent: &Waker) {
        let parent = parent.clone();
        let outdated = {
            let mut state = self.lock();
            std::mem::swap(&mut state.indexes, due);
            for index in due.iter() {
                state.is_in[*index as usize] = false;
            }
            state.parent.replace(parent)
        };
        drop(outdated);
    }

    fn lock(&self) -> MutexGuard<'_, WokenState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for OneOfMany {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let parent = {
            let mut state = self.woken.lock();
            if std::mem::replace(&mut state.is_in[self.index as usize], true) {
                return;
            }
            state.indexes.push(self.index);
            state.parent.take()
        };
        parent.into_iter().for_each(Waker::wake);
    }
}

impl<F: Future> fmt::Debug for JoinAll<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinAll").field("left", &self.all.left).finish_non_exhaustive()
    }
}

impl<F, T> fmt::Debug for TryJoinAll<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryJoinAll").field("left", &self.all.left).finish_non_exhaustive()
    }
}
