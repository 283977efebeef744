//! The handle on a spawned task.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::cell::Rest;
use super::memory::BoxedTask;
use super::run::{drop_unwanted, request};
use super::table::{self, State, Stop, Tasks};
use super::{Id, JoinError};
use crate::scheduler::{self, TaskId, task_of};

/// Awaits the end of a task: its output, or why there is none.
///
/// Dropping it detaches the task, which runs on. The handle is `Send`, but it is awaited on the
/// task's own loop.
///
/// # Cancellation
///
/// Awaiting it in `select!` or a timeout is safe: the task runs on and its output stays for the
/// next poll.
///
/// # Panics
///
/// When polled on another loop than the task's, or after it gave its result.
pub struct JoinHandle<T> {
    id: TaskId,
    runtime: u32,
    is_taken: bool,
    output: PhantomData<fn() -> T>,
}

impl<T: 'static> JoinHandle<T> {
    pub(super) fn new(id: TaskId, runtime: u32) -> Self {
        JoinHandle { id, runtime, is_taken: false, output: PhantomData }
    }

    /// Asks the task to end: when it would be polled next, its future is dropped where it is
    /// suspended, what it has [deferred](crate::task::defer) runs, and then the join ends as
    /// cancelled. A [`shield`](crate::task::shield) holds that back.
    ///
    /// A task that has ended, or that was asked before, stays as it is. May be called on any
    /// thread; the future is dropped on its own.
    pub fn cancel(&self) {
        self.abort_handle().cancel();
    }

    /// As [`cancel`](Self::cancel), but nothing is run any more: deferred clean-up is dropped, and
    /// no shield holds.
    pub fn abort(&self) {
        self.abort_handle().abort();
    }

    /// A handle that can only abort, for elsewhere.
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle { id: self.id, runtime: self.runtime }
    }

    /// Gives the join to who watches the task by other means: it is neither detached nor awaited.
    pub(super) fn into_abort_handle(mut self) -> AbortHandle {
        self.is_taken = true;
        self.abort_handle()
    }

    /// Whether the task has ended. On another thread than its own, always `false`.
    pub fn is_finished(&self) -> bool {
        self.abort_handle().is_finished()
    }

    /// The task's name among the tasks of this process.
    pub fn id(&self) -> Id {
        Id(self.id)
    }

    /// Lets the task run without anybody awaiting it.
    pub fn detach(self) {}
}

impl<T: 'static> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(!self.is_taken, "a join handle was polled after it had given its result");
        let id = self.id;
        let mut output: Option<Result<T, JoinError>> = None;
        if poll_end(id, self.runtime, cx.waker(), &mut output).is_pending() {
            return Poll::Pending;
        }
        self.is_taken = true;
        let lost = || Err(JoinError::cancelled(Some(id.to_bits())));
        Poll::Ready(output.unwrap_or_else(lost))
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if !self.is_taken {
            detach(self.id, self.runtime);
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("id", &self.id).finish()
    }
}

/// Aborts a task; made by [`JoinHandle::abort_handle`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AbortHandle {
    id: TaskId,
    runtime: u32,
}

impl AbortHandle {
    /// As [`JoinHandle::cancel`].
    pub fn cancel(&self) {
        self.stop(Stop::Cancel);
    }

    /// As [`JoinHandle::abort`].
    pub fn abort(&self) {
        self.stop(Stop::Abort);
    }

    fn stop(self, stop: Stop) {
        let here = table::with(|tasks| tasks.runtime() == self.runtime);
        if here == Some(true) {
            request(self.id, stop);
        } else {
            // A loop that has ended has ended its tasks.
            crate::remote::send_home(self.runtime, move || self.stop(stop));
        }
    }

    /// As [`JoinHandle::is_finished`].
    pub fn is_finished(&self) -> bool {
        let AbortHandle { id, runtime } = *self;
        table::with(|tasks| tasks.runtime() == runtime && tasks.is_finished(id)).unwrap_or(false)
    }

    /// The task's name among the tasks of this process.
    pub fn id(&self) -> Id {
        Id(self.id)
    }
}

fn detach(id: TaskId, runtime: u32) {
    let mut joiner = None;
    let here =
        table::with(|tasks| (tasks.runtime() == runtime).then(|| tasks.detach(id, &mut joiner)));
    match here.flatten() {
        Some(Some(unwanted)) => drop_unwanted(unwanted),
        Some(None) => {}
        None => drop(crate::remote::send_home(runtime, move || detach(id, runtime))),
    }
}

/// Moves the end of a task into `output`, if it has ended and its end has not been taken; else the
/// waker is kept.
fn poll_end(id: TaskId, runtime: u32, waker: &Waker, output: &mut dyn Any) -> Poll<()> {
    let joined = table::with(|tasks| {
        (tasks.runtime() == runtime).then(|| tasks.poll_join(id, task_of(waker), output))
    });
    match joined {
        Some(Some(Joined::Ended(rest))) => {
            drop(rest);
            Poll::Ready(())
        }
        Some(Some(Joined::Waits)) => Poll::Pending,
        Some(Some(Joined::WaitsElsewhere)) => {
            keep_foreign(id, waker);
            Poll::Pending
        }
        Some(None) | None => elsewhere(),
    }
}

/// Keeps the waker of somebody who is no task of this loop; it is cloned, and the one before
/// dropped, outside the borrow.
#[cold]
fn keep_foreign(id: TaskId, waker: &Waker) {
    let mut foreign = Some(waker.clone());
    table::with(|tasks| tasks.slot(id).map(|slot| slot.note_foreign_joiner(&mut foreign)));
}

/// What came of a look for the end of a task.
enum Joined {
    /// It was there, or had been taken; what is left of the task is dropped outside the borrow.
    Ended(Option<BoxedTask>),
    /// The task that awaits it will be woken.
    Waits,
    /// Who awaits it has to leave a waker.
    WaitsElsewhere,
}

impl Tasks {
    #[inline]
    fn poll_join(&mut self, id: TaskId, joiner: Option<TaskId>, output: &mut dyn Any) -> Joined {
        let Some(slot) = self.slot(id) else { return Joined::Ended(None) };
        if slot.state == State::Ended {
            return Joined::Ended(self.take_end(id, output));
        }
        let Some(joiner) = joiner else { return Joined::WaitsElsewhere };
        slot.joiner = joiner;
        Joined::Waits
    }

    /// Moves the end of a task that has ended into `output` and frees its slot. What is left of the
    /// task comes back where it has to be dropped outside the borrow.
    #[inline]
    pub(super) fn take_end(&mut self, id: TaskId, output: &mut dyn Any) -> Option<BoxedTask> {
        let slot = self.slot(id)?;
        let mut task = slot.task.take()?;
        slot.free();
        let _ended = scheduler::with(|scheduler| scheduler.release(id));
        match task.as_mut().take_output(output) {
            Rest::Nothing => {
                task.recycle(&mut self.blocks);
                None
            }
            Rest::Something => Some(task),
        }
    }
}

#[cold]
fn elsewhere() -> ! {
    panic!(
        "a join handle was polled outside the loop of its task: await it there, or have the task \
         send its output through a channel of `sync::cross`"
    )
}
