//! Tasks that are joined in the order in which they end.
//!
//! The set is a crew in the loop's table: a task's end puts it on the list of those that have
//! ended, wherever it was among the others, so a join looks at one task and at no other.

use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::task::{Context, Poll, Waker};

use super::cell::Plain;
use super::crew::{Closed, CrewId};
use super::memory::BoxedTask;
use super::run::{drop_unwanted, request};
use super::spawn::{Origin, spawn_as};
use super::table::{Stop, with};
use super::{AbortHandle, Id, JoinError};
use crate::scheduler::TaskId;

/// Spawns tasks that give the same type, and joins them as they end.
///
/// Dropping the set aborts what it still has. It may be made anywhere and may be sent; it belongs
/// to the loop in which it spawned its first task.
///
/// ```
/// use annulus::task::JoinSet;
///
/// # annulus::run(async {
/// let mut set: JoinSet<u32> = (1..=3).map(|n| async move { n * n }).collect();
/// let mut sum = 0;
/// while let Some(square) = set.join_next().await {
///     sum += square.unwrap();
/// }
/// assert_eq!(sum, 14);
/// # }).unwrap();
/// ```
pub struct JoinSet<T> {
    /// Opened with the first task.
    crew: Option<CrewId>,
    output: PhantomData<fn() -> T>,
}

/// A look at a set for a task that has ended.
enum Look {
    Ended(TaskId, Option<BoxedTask>),
    /// There are tasks, but none has ended.
    Waiting,
    Empty,
}

impl<T> JoinSet<T> {
    /// A set without tasks.
    pub const fn new() -> Self {
        JoinSet { crew: None, output: PhantomData }
    }

    /// How many tasks have not been joined. On another thread than the loop's, zero.
    pub fn len(&self) -> usize {
        let len = |crew| with(|tasks| tasks.crews.get(crew).map(|crew| crew.len())).flatten();
        self.crew.and_then(len).unwrap_or(0)
    }

    /// Whether every task has been joined.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Asks every task to end at its await point, as
    /// [`JoinHandle::cancel`](crate::task::JoinHandle::cancel). The set keeps them to be joined.
    pub fn cancel_all(&mut self) {
        self.crew.into_iter().for_each(|crew| stop_all(crew, Stop::Cancel));
    }

    /// Asks every task to end without its clean-up, as
    /// [`JoinHandle::abort`](crate::task::JoinHandle::abort). The set keeps them to be joined.
    pub fn abort_all(&mut self) {
        self.crew.into_iter().for_each(|crew| stop_all(crew, Stop::Abort));
    }

    /// Lets every task run on without anybody joining it; the set is empty then.
    pub fn detach_all(&mut self) {
        self.crew.take().into_iter().for_each(|crew| leave(crew, Stop::No));
    }
}

impl<T: 'static> JoinSet<T> {
    /// Runs `future` as a task of the set.
    ///
    /// # Panics
    ///
    /// Outside a loop, and in another loop than the set's.
    #[track_caller]
    pub fn spawn<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.spawn_as(future, Origin::here())
    }

    pub(super) fn spawn_as<F>(&mut self, future: F, origin: Origin) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        let crew = match self.crew {
            Some(crew) => Some(own(crew)),
            // Outside a loop there is no crew, and the spawn says so.
            None => with(|tasks| tasks.crews.open(None)),
        };
        self.crew = crew;
        // The handle is dropped without a detach: the set is who joins.
        spawn_as(future, Plain, Origin { crew, ..origin }).into_abort_handle()
    }

    /// Waits for a task to end and gives its output, or why there is none; `None` when the set is
    /// empty.
    ///
    /// # Errors
    ///
    /// When the task was cancelled or panicked.
    ///
    /// # Cancellation
    ///
    /// Dropped, it has taken nothing out of the set.
    ///
    /// # Panics
    ///
    /// When polled on another loop than the set's.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|cx| self.poll_join_next(cx)).await
    }

    /// As [`join_next`](Self::join_next), with the name of the task.
    pub async fn join_next_with_id(&mut self) -> Option<(Id, Result<T, JoinError>)> {
        poll_fn(|cx| self.poll_look(cx)).await
    }

    /// The output of a task that has ended, if there is one.
    ///
    /// # Errors
    ///
    /// When the task was cancelled or panicked.
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        let mut output = None;
        match self.look(&mut None, &mut output) {
            Look::Ended(id, rest) => {
                drop(rest);
                Some(end_of(id, output))
            }
            Look::Waiting | Look::Empty => None,
        }
    }

    /// Polls as [`join_next`](Self::join_next) does.
    pub fn poll_join_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        self.poll_look(cx).map(|joined| joined.map(|(_, end)| end))
    }

    /// Cancels every task and waits until all have ended, their clean-up included; what they gave
    /// is dropped.
    ///
    /// Where no time may go to clean-up, [`abort_all`](Self::abort_all) before it.
    ///
    /// # Cancellation
    ///
    /// Dropped in between, every task has been cancelled, and cleans up without being awaited.
    pub async fn shutdown(&mut self) {
        self.cancel_all();
        while self.join_next().await.is_some() {}
    }

    /// Waits for every task and gives the outputs in the order in which they ended.
    ///
    /// # Panics
    ///
    /// With the panic of the first task that panicked, and when one was cancelled; the others are
    /// aborted then.
    ///
    /// # Cancellation
    ///
    /// The tasks that are left are aborted, as when the set is dropped.
    pub async fn join_all(mut self) -> Vec<T> {
        let mut outputs = Vec::with_capacity(self.len());
        while let Some(end) = self.join_next().await {
            outputs.push(end.unwrap_or_else(|error| match error.try_into_panic() {
                Ok(payload) => std::panic::resume_unwind(payload),
                Err(error) => panic!("`JoinSet::join_all` has no output for a task: {error}"),
            }));
        }
        outputs
    }

    fn poll_look(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Id, Result<T, JoinError>)>> {
        let mut waker = Some(cx.waker().clone());
        let mut output = None;
        match self.look(&mut waker, &mut output) {
            Look::Ended(id, rest) => {
                drop(rest);
                Poll::Ready(Some((Id(id), end_of(id, output))))
            }
            Look::Waiting => Poll::Pending,
            Look::Empty => Poll::Ready(None),
        }
    }

    /// Takes out a task that has ended, its end into `output`; without one, leaves the waker, if there
    /// is one, and takes back an outdated one.
    fn look(
        &mut self,
        waker: &mut Option<Waker>,
        output: &mut Option<Result<T, JoinError>>,
    ) -> Look {
        let Some(crew) = self.crew.map(own) else { return Look::Empty };
        let look = with(|tasks| {
            if let Some(id) = tasks.crews.pop_ended(crew) {
                return Look::Ended(id, tasks.take_end(id, output));
            }
            match tasks.crews.get(crew) {
                Some(crew) if crew.len() > 0 => {
                    if waker.is_some() {
                        std::mem::swap(&mut crew.waiter, waker);
                    }
                    Look::Waiting
                }
                _ => Look::Empty,
            }
        });
        look.unwrap_or(Look::Empty)
    }
}

impl<T> Default for JoinSet<T> {
    fn default() -> Self {
        JoinSet::new()
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        self.crew.take().into_iter().for_each(|crew| leave(crew, Stop::Abort));
    }
}

impl<T: 'static, F: Future<Output = T> + 'static> Extend<F> for JoinSet<T> {
    /// Spawns every future.
    #[track_caller]
    fn extend<I: IntoIterator<Item = F>>(&mut self, futures: I) {
        for future in futures {
            self.spawn(future);
        }
    }
}

impl<T: 'static, F: Future<Output = T> + 'static> FromIterator<F> for JoinSet<T> {
    /// Spawns every future.
    #[track_caller]
    fn from_iter<I: IntoIterator<Item = F>>(futures: I) -> Self {
        let mut set = JoinSet::new();
        set.extend(futures);
        set
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet").field("len", &self.len()).finish()
    }
}

/// The crew, when this is its loop.
#[track_caller]
fn own(crew: CrewId) -> CrewId {
    let here = with(|tasks| tasks.runtime() == crew.runtime);
    assert!(
        here == Some(true),
        "a join set was used outside the loop in which it spawned its first task"
    );
    crew
}

/// How a task ended; one that left no output was refused, because the loop ends.
fn end_of<T>(id: TaskId, output: Option<Result<T, JoinError>>) -> Result<T, JoinError> {
    output.unwrap_or_else(|| Err(JoinError::cancelled(Some(id.to_bits()))))
}

fn stop_all(crew: CrewId, stop: Stop) {
    if with(|tasks| tasks.runtime()) != Some(crew.runtime) {
        // A loop that has ended has ended its tasks.
        crate::remote::send_home(crew.runtime, move || stop_all(crew, stop));
        return;
    }
    for task in with(|tasks| tasks.crews.alive(crew)).unwrap_or_default() {
        request(task, stop);
    }
}

/// Gives a set's tasks up: nobody joins them any more.
fn leave(crew: CrewId, stop: Stop) {
    if with(|tasks| tasks.runtime()) != Some(crew.runtime) {
        crate::remote::send_home(crew.runtime, move || leave(crew, stop));
        return;
    }
    let closed = with(|tasks| tasks.dissolve(crew)).flatten();
    let Some(Closed { alive, ended, waiter, .. }) = closed else { return };
    drop(waiter);
    for task in alive.into_iter().chain(ended) {
        let mut joiner = None;
        if let Some(Some(unwanted)) = with(|tasks| tasks.detach(task, &mut joiner)) {
            drop_unwanted(unwanted);
        }
        if stop != Stop::No {
            request(task, stop);
        }
    }
}
