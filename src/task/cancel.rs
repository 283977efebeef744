//! What a task says about its own cancellation: clean-up, shields, and whether it was asked for.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::context;
use super::crew::CrewId;
use super::extra::Cleanup;
use super::table::with;
use crate::scheduler::{self, TaskId};

/// Has `cleanup` run when the task that calls ends, however it ends: done, panicked or cancelled.
///
/// Several run one after another, the last deferred first, as the same task; the task's join ends
/// after them. They may await whatever they like: I/O, other tasks, timeouts. A cancel does not end
/// them, for the task has been cancelled already.
///
/// # Bounds
///
/// - By default a clean-up has all the time it wants while its loop runs. A
///   [`timeout`](crate::time::timeout) in it bounds one clean-up, and
///   [`Builder::cleanup_limit`](crate::Builder::cleanup_limit) all clean-up of each task.
/// - When the runtime ends, its grace time bounds them all together:
///   [`Builder::shutdown_grace`](crate::Builder::shutdown_grace), or what
///   [`shutdown_timeout`](crate::Runtime::shutdown_timeout) is given.
/// - A task that is [aborted](crate::task::JoinHandle::abort) skips them, or what is left of them.
///
/// What is skipped is dropped, so destructors run in any case.
///
/// # The handle
///
/// It runs the clean-up earlier, or not at all. Dropping the handle changes nothing.
///
/// ```
/// # annulus::run(async {
/// let task = annulus::spawn(async {
///     annulus::task::defer(async { println!("goodbye") });
///     std::future::pending::<()>().await;
/// });
/// annulus::yield_now().await;
/// task.cancel();
/// assert!(task.await.unwrap_err().is_cancelled()); // after "goodbye"
/// # }).unwrap();
/// ```
///
/// # Panics
///
/// Outside a loop.
pub fn defer<F: Future<Output = ()> + 'static>(cleanup: F) -> Deferred {
    let cleanup = context::carry_cleanup(Box::pin(cleanup));
    let mut cleanup = Some(cleanup);
    let deferred = with(|tasks| {
        let id = tasks.current?;
        let key = tasks.extra(id)?.defer(cleanup.take()?);
        Some(Deferred { id, key, runtime: tasks.runtime() })
    });
    deferred.flatten().unwrap_or_else(|| {
        panic!("`task::defer` was called outside a task: it belongs to the task that is polled")
    })
}

/// A deferred clean-up; made by [`defer`]. Dropping it leaves the clean-up deferred.
#[derive(Debug)]
pub struct Deferred {
    id: TaskId,
    key: u64,
    runtime: u32,
}

impl Deferred {
    /// Runs the clean-up now, and not again at the task's end.
    ///
    /// # Cancellation
    ///
    /// Cancelled in the middle, the clean-up is dropped there; [`shield`] it if that matters.
    pub async fn run(self) {
        if let Some(cleanup) = self.take() {
            cleanup.await;
        }
    }

    /// Drops the clean-up without running it.
    pub fn disarm(self) {
        drop(self.take());
    }

    fn take(&self) -> Option<Cleanup> {
        let taken = with(|tasks| {
            let own = tasks.runtime() == self.runtime;
            own.then(|| tasks.extra(self.id)?.take_deferred(self.key))
        });
        taken.flatten().flatten()
    }
}

/// Holds a cancel of the task back until `future` is done; then the task ends at its next await.
///
/// The whole task goes on meanwhile, also what it runs beside `future`. An abort is not held back.
/// In the body of a [`TaskGroup`](crate::task::TaskGroup), the end of the body is held back too,
/// when a child fails.
pub fn shield<F: Future>(future: F) -> Shield<F> {
    Shield { future: Box::pin(future), shielded: None, region: None }
}

/// Runs a future that a cancel does not end; made by [`shield`].
#[must_use = "futures do nothing unless they are awaited"]
#[derive(Debug)]
pub struct Shield<F> {
    future: Pin<Box<F>>,
    /// The task whose cancel is held back, from the first poll to the end.
    shielded: Option<TaskId>,
    /// The group in whose body that is.
    region: Option<CrewId>,
}

impl<F: Future> Future for Shield<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if self.shielded.is_none() {
            let shielded = with(|tasks| {
                let id = tasks.current?;
                tasks.shield(id, true);
                let _nobody = tasks.shield_groups(tasks.region, 1);
                Some((id, tasks.region))
            });
            if let Some((id, region)) = shielded.flatten() {
                (self.shielded, self.region) = (Some(id), region);
            }
        }
        let polled = self.future.as_mut().poll(cx);
        if polled.is_ready() {
            self.lift();
        }
        polled
    }
}

impl<F> Shield<F> {
    fn lift(&mut self) {
        let Some(id) = self.shielded.take() else { return };
        let region = self.region.take();
        let lifted = with(|tasks| (tasks.shield(id, false), tasks.shield_groups(region, -1)));
        let Some((is_due, scopes)) = lifted else { return };
        // The cancel that was held back is seen when the task is polled next.
        if is_due {
            scheduler::wake(id);
        }
        scopes.into_iter().for_each(Waker::wake);
    }
}

impl<F> Drop for Shield<F> {
    fn drop(&mut self) {
        self.lift();
    }
}

/// Whether the task that calls was asked to end, and goes on because of a [`shield`] or because it
/// cleans up.
pub fn is_cancelled() -> bool {
    with(|tasks| tasks.current.is_some_and(|id| tasks.is_stopping(id))).unwrap_or(false)
}

/// Waits until the task that calls is asked to end: for use inside a [`shield`].
pub fn cancelled() -> Cancelled {
    Cancelled(())
}

/// Waits for a cancel of its own task; made by [`cancelled`].
#[must_use = "futures do nothing unless they are awaited"]
#[derive(Debug)]
pub struct Cancelled(());

impl Future for Cancelled {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let stopping = with(|tasks| {
            let Some(id) = tasks.current else { return false };
            if tasks.is_stopping(id) {
                return true;
            }
            if let Some(extra) = tasks.extra(id) {
                if !extra.cancel_wakers.iter().any(|known| known.will_wake(cx.waker())) {
                    extra.cancel_wakers.push(cx.waker().clone());
                }
            }
            false
        });
        if stopping == Some(true) { Poll::Ready(()) } else { Poll::Pending }
    }
}
