//! Tasks that end together.
//!
//! How a scope ends, and what becomes of one that is dropped, is told in `scope.rs`.

mod child;
mod error;
mod scope;
mod state;

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, pending};
use std::marker::PhantomData;
use std::task::Waker;

pub use self::child::ChildHandle;
use self::child::ChildOf;
pub use self::error::{Failure, GroupError};
use self::scope::{cancel_members, run};
pub(super) use self::state::GroupState;
use self::state::Standing;
use super::crew::CrewId;
use super::spawn::{Origin, spawn_as};
use super::table::with;
use crate::time::{Duration, Elapsed, Instant, sleep_until};

/// Spawns tasks that do not outlive the scope; made by [`TaskGroup::scope`].
///
/// It is a name, which may be copied into the children, for them to spawn others beside them.
///
/// ```
/// use std::io;
/// use annulus::task::TaskGroup;
///
/// # async fn fetch(n: u32) -> io::Result<u32> { Ok(n) }
/// # annulus::run(async {
/// let sum = TaskGroup::scope(async |group| {
///     let first = group.spawn(fetch(1));
///     let second = group.spawn(fetch(2));
///     group.spawn(async { fetch(3).await.map(drop) });
///     Ok(first.await? + second.await?)
/// });
/// let sum: io::Result<u32> = sum.await.map_err(io::Error::from);
/// assert_eq!(sum.unwrap(), 3);
/// # }).unwrap();
/// ```
pub struct TaskGroup<E> {
    crew: CrewId,
    error: PhantomData<fn(E) -> E>,
}

impl<E: 'static> TaskGroup<E> {
    /// Runs `body` and the children that it spawns, until all have ended.
    ///
    /// The first that fails, by an error or a panic, cancels the others and the body; that they
    /// were cancelled is no failure. A child that is cancelled by other means, or aborted, just
    /// ends. The body is part of the task that calls: it may borrow, what it
    /// [defers](crate::task::defer) runs at the end of that task, and a
    /// [shield](crate::task::shield) in it holds its end back.
    ///
    /// # Errors
    ///
    /// What failed first, with what failed beside it.
    ///
    /// # Panics
    ///
    /// With the panic of `body`, when the children have ended.
    ///
    /// # Cancellation
    ///
    /// When the future is dropped, because its task is cancelled or panics, or a timeout around it
    /// passes, the children are cancelled at once. They are awaited, with their clean-up, by the
    /// group in whose body this scope is, if it is in one, and else in the deferred part of the
    /// task, before its join ends. To have them awaited where a limit is, put the limit inside, by
    /// [`scope_until`](Self::scope_until) or [`scope_timeout`](Self::scope_timeout).
    pub fn scope<T>(
        body: impl AsyncFnOnce(TaskGroup<E>) -> Result<T, E>,
    ) -> impl Future<Output = Result<T, GroupError<E>>> {
        run(pending(), body, |ended: Result<_, Infallible>| match ended {
            Ok(result) => result,
            Err(never) => match never {},
        })
    }

    /// As [`scope`](Self::scope), and ends the group when `stop` is done before it: the children
    /// and the body are cancelled and awaited.
    ///
    /// ```
    /// use annulus::task::{CancellationToken, TaskGroup};
    ///
    /// # annulus::run(async {
    /// let token = CancellationToken::new();
    /// let ended = TaskGroup::scope_until(token.cancelled(), async |group| {
    ///     group.spawn(async { Ok::<(), ()>(std::future::pending().await) });
    ///     token.cancel();
    ///     Ok(())
    /// });
    /// assert!(matches!(ended.await, Err(())));
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// What `stop` gave, when it ended the group and nothing failed.
    ///
    /// # Panics
    ///
    /// As `scope`.
    pub fn scope_until<T, S: Future>(
        stop: S,
        body: impl AsyncFnOnce(TaskGroup<E>) -> Result<T, E>,
    ) -> impl Future<Output = Result<Result<T, GroupError<E>>, S::Output>> {
        run(stop, body, |ended| ended)
    }

    /// As [`scope`](Self::scope), and ends the group when `limit` has passed, counted from this
    /// call: the children and the body are cancelled and awaited.
    ///
    /// A [`timeout`](crate::time::timeout) around a scope drops it instead, and comes back before
    /// the children have cleaned up.
    ///
    /// # Errors
    ///
    /// [`Elapsed`] when the time was over first and nothing failed.
    ///
    /// # Panics
    ///
    /// As `scope`.
    pub fn scope_timeout<T>(
        limit: Duration,
        body: impl AsyncFnOnce(TaskGroup<E>) -> Result<T, E>,
    ) -> impl Future<Output = Result<Result<T, GroupError<E>>, Elapsed>> {
        run(sleep_until(Instant::now() + limit), body, |ended| ended.map_err(|()| Elapsed::new()))
    }

    /// Runs `future` as a child.
    ///
    /// What it returns comes by the handle, which may be dropped: the group awaits the child all
    /// the same. An error or a panic goes to the group, and the handle's join ends as cancelled.
    ///
    /// A group that is closing, because something failed or its scope has ended, refuses: the
    /// future is dropped, and the handle's join ends as cancelled.
    ///
    /// # Panics
    ///
    /// Outside a loop.
    #[track_caller]
    pub fn spawn<T: 'static>(
        &self,
        future: impl Future<Output = Result<T, E>> + 'static,
    ) -> ChildHandle<T> {
        self.spawn_as(future, Origin::here())
    }

    pub(super) fn spawn_as<T: 'static>(
        &self,
        future: impl Future<Output = Result<T, E>> + 'static,
        origin: Origin,
    ) -> ChildHandle<T> {
        let origin = Origin { crew: Some(self.crew), ..origin };
        ChildHandle::new(spawn_as(future, ChildOf(*self), origin))
    }

    /// Cancels the children that are there now. The body goes on, and may spawn others.
    pub fn cancel_all(&self) {
        cancel_members(self.crew);
    }

    /// How many children have not ended.
    pub fn len(&self) -> usize {
        standing(self.crew).map_or(0, |standing| standing.alive)
    }

    /// Whether every child has ended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the group refuses to spawn: something failed, or its scope has ended.
    pub fn is_closing(&self) -> bool {
        standing(self.crew).is_none_or(|standing| standing.is_closing)
    }

    /// Notes a failure, and has the scope see it.
    fn fail(&self, failure: Failure<E>) {
        let mut failure = Some(failure);
        let waiter = with(|tasks| tasks.fail_group(self.crew, &mut failure)).flatten();
        waiter.into_iter().for_each(Waker::wake);
    }
}

impl<E> Clone for TaskGroup<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for TaskGroup<E> {}

impl<E> fmt::Debug for TaskGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup").finish_non_exhaustive()
    }
}

fn standing(crew: CrewId) -> Option<Standing> {
    with(|tasks| tasks.standing(crew)).flatten()
}
