//! Many futures of one kind, awaited together.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Awaits every future of a list, in this task, and gives their outputs in the list's order.
///
/// Only the futures that were woken are polled again. Dropping it drops those that are not done.
///
/// ```
/// # annulus::run(async {
/// let squares = annulus::task::join_all((1..=3).map(|n| async move { n * n })).await;
/// assert_eq!(squares, [1, 4, 9]);
/// # }).unwrap();
/// ```
pub fn join_all<I>(futures: I) -> JoinAll<<I::Item as IntoFuture>::IntoFuture>
where
    I: IntoIterator,
    I::Item: IntoFuture,
{
    JoinAll { children: Children::new(futures) }
}

/// Awaits every future of a list that gives a `Result`: their values in the list's order, or the
/// first error, which drops the others where they are.
///
/// ```
/// # annulus::run(async {
/// let halves = [4, 6, 7].map(|n| async move { if n % 2 == 0 { Ok(n / 2) } else { Err(n) } });
/// assert_eq!(annulus::task::try_join_all(halves).await, Err(7));
/// # }).unwrap();
/// ```
pub fn try_join_all<I, T, E>(futures: I) -> TryJoinAll<<I::Item as IntoFuture>::IntoFuture>
where
    I: IntoIterator,
    I::Item: IntoFuture<Output = Result<T, E>>,
{
    TryJoinAll { children: Children::new(futures) }
}

/// Awaits a list of futures; made by [`join_all`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct JoinAll<F: Future> {
    children: Children<F>,
}

/// Awaits a list of futures that may fail; made by [`try_join_all`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct TryJoinAll<F: Future> {
    children: Children<F>,
}

impl<F: Future> Future for JoinAll<F>
where
    F::Output: Unpin,
{
    type Output = Vec<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let children = &mut self.children;
        children.begin(cx);
        while children.poll_one().is_some() {}
        children.take_all()
    }
}

impl<F, T, E> Future for TryJoinAll<F>
where
    F: Future<Output = Result<T, E>>,
    T: Unpin,
    E: Unpin,
{
    type Output = Result<Vec<T>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let children = &mut self.children;
        children.begin(cx);
        while let Some(index) = children.poll_one() {
            if let Some(Err(error)) = children.take_failed(index) {
                *children = Children::none();
                return Poll::Ready(Err(error));
            }
        }
        children.take_all().map(|all| all.into_iter().collect())
    }
}

struct Children<F: Future> {
    all: Vec<Child<F>>,
    left: usize,
    /// The children to be polled in this poll, the first one last.
    batch: Vec<usize>,
    woken: Arc<Woken>,
}

struct Child<F: Future> {
    state: State<F>,
    waker: Arc<ChildWaker>,
}

enum State<F: Future> {
    Running(Pin<Box<F>>),
    Done(F::Output),
    Taken,
}

/// Which children were woken, and who wants to know.
#[derive(Default)]
struct Woken {
    queue: Mutex<(Vec<usize>, Option<Waker>)>,
}

struct ChildWaker {
    index: usize,
    is_queued: AtomicBool,
    woken: Arc<Woken>,
}

impl Wake for ChildWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut queue = self.woken.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.0.push(self.index);
        let parent = queue.1.take();
        drop(queue);
        if let Some(parent) = parent {
            parent.wake();
        }
    }
}

impl<F: Future> Children<F> {
    fn none() -> Self {
        Children { all: Vec::new(), left: 0, batch: Vec::new(), woken: Arc::default() }
    }

    fn new<I>(futures: I) -> Self
    where
        I: IntoIterator,
        I::Item: IntoFuture<IntoFuture = F, Output = F::Output>,
    {
        let woken = Arc::<Woken>::default();
        let all: Vec<_> = futures
            .into_iter()
            .enumerate()
            .map(|(index, future)| {
                let is_queued = AtomicBool::new(true);
                let waker = ChildWaker { index, is_queued, woken: Arc::clone(&woken) };
                let state = State::Running(Box::pin(future.into_future()));
                Child { state, waker: Arc::new(waker) }
            })
            .collect();
        let mut queue = woken.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.0.extend(0..all.len());
        drop(queue);
        Children { left: all.len(), all, batch: Vec::new(), woken }
    }

    /// Takes the children that were woken; those that are woken from now on wake the whole, and
    /// wait for its next poll, so that one that wakes itself does not keep the task.
    fn begin(&mut self, cx: &mut Context<'_>) {
        let mut queue = self.woken.queue.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut queue.0, &mut self.batch);
        let old = queue.1.replace(cx.waker().clone());
        drop(queue);
        drop(old);
        self.batch.reverse();
    }

    /// Polls the children that were woken until one of them is done, which it names.
    fn poll_one(&mut self) -> Option<usize> {
        loop {
            let index = self.batch.pop()?;
            let child = self.all.get_mut(index)?;
            child.waker.is_queued.store(false, Ordering::Release);
            let State::Running(future) = &mut child.state else { continue };
            let waker = Waker::from(Arc::clone(&child.waker));
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                child.state = State::Done(output);
                self.left -= 1;
                return Some(index);
            }
        }
    }

    /// Every output, when all are there.
    fn take_all(&mut self) -> Poll<Vec<F::Output>> {
        if self.left > 0 {
            return Poll::Pending;
        }
        let outputs = self.all.drain(..).filter_map(|child| match child.state {
            State::Done(output) => Some(output),
            State::Running(_) | State::Taken => None,
        });
        Poll::Ready(outputs.collect())
    }
}

impl<F, T, E> Children<F>
where
    F: Future<Output = Result<T, E>>,
{
    /// The output of a child that is done, if it failed.
    fn take_failed(&mut self, index: usize) -> Option<Result<T, E>> {
        let child = self.all.get_mut(index)?;
        if !matches!(child.state, State::Done(Err(_))) {
            return None;
        }
        match std::mem::replace(&mut child.state, State::Taken) {
            State::Done(failed) => Some(failed),
            _ => None,
        }
    }
}

impl<F: Future> std::fmt::Debug for JoinAll<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinAll").field("left", &self.children.left).finish_non_exhaustive()
    }
}

impl<F: Future> std::fmt::Debug for TryJoinAll<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TryJoinAll").field("left", &self.children.left).finish_non_exhaustive()
    }
}
