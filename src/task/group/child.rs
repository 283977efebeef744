//! The children of a group.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Failure, TaskGroup};
use crate::task::cell::Kind;
use crate::task::{AbortHandle, Id, JoinError, JoinHandle, try_id};

/// Awaits the end of a child; made by [`TaskGroup::spawn`].
///
/// Its join gives the child's value. When the child failed, its error or panic is the group's, and
/// the join ends as cancelled. Dropping the handle changes nothing: the group awaits the child.
pub struct ChildHandle<T> {
    join: JoinHandle<T>,
}

impl<T: 'static> ChildHandle<T> {
    pub(super) fn new(join: JoinHandle<T>) -> Self {
        ChildHandle { join }
    }

    /// As [`JoinHandle::cancel`]. For the group, that is no failure.
    pub fn cancel(&self) {
        self.join.cancel();
    }

    /// As [`JoinHandle::abort`]. For the group, that is no failure.
    pub fn abort(&self) {
        self.join.abort();
    }

    /// As [`JoinHandle::abort_handle`].
    pub fn abort_handle(&self) -> AbortHandle {
        self.join.abort_handle()
    }

    /// As [`JoinHandle::is_finished`].
    pub fn is_finished(&self) -> bool {
        self.join.is_finished()
    }

    /// The task's name among the tasks of this process.
    pub fn id(&self) -> Id {
        self.join.id()
    }
}

impl<T: 'static> Future for ChildHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.join).poll(cx)
    }
}

impl<T> fmt::Debug for ChildHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildHandle").field("join", &self.join).finish()
    }
}

/// The kind of a task whose failure is its group's.
pub(super) struct ChildOf<E>(pub(super) TaskGroup<E>);

impl<E> Clone for ChildOf<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for ChildOf<E> {}

impl<T: 'static, E: 'static> Kind<Result<T, E>> for ChildOf<E> {
    type Value = T;

    fn returned(self, output: Result<T, E>) -> Result<T, JoinError> {
        output.map_err(|error| {
            self.0.fail(Failure::Error(error));
            cancelled()
        })
    }

    fn failed(self, error: JoinError) -> JoinError {
        if error.is_panic() {
            self.0.fail(Failure::Panic(error));
            return cancelled();
        }
        error
    }
}

/// How the join of a child ends whose failure went to the group.
fn cancelled() -> JoinError {
    JoinError::cancelled(try_id().map(|id| id.0.to_bits()))
}
