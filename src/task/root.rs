//! The future given to `block_on`, as far as tasks and scheduler are concerned.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::cleanup;
use super::context::{self, Entered};
use super::table::with;
use crate::scheduler::{self, Scheduler, TaskId};
use crate::time::timeout;

/// A task's name for a future that lives on the caller's stack.
pub(crate) struct Root {
    id: TaskId,
    /// The task-locals that are set where the loop is run: the root future's, and no other task's.
    context: Option<context::Context>,
    /// Outside of the root's polls.
    _no_context: Entered,
}

impl Root {
    /// Takes a name and a slot of this thread's loop.
    pub(crate) fn new(site: &'static Location<'static>) -> Self {
        let id = scheduler::with(Scheduler::allocate).expect("the loop is installed");
        with(|tasks| {
            tasks.insert(id, None, site);
            if tasks.watch().is_some() {
                tasks.begin_record(id);
            }
        });
        Root { id, context: context::current(), _no_context: context::leave() }
    }

    pub(crate) fn id(&self) -> TaskId {
        self.id
    }

    /// Polls the root future as the task that runs, in a [pass](super::pass).
    pub(crate) fn poll<F: Future>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        let waker = scheduler::waker_of(self.id);
        with(|tasks| {
            tasks.current = Some(self.id);
            tasks.budget.refill();
        });
        // Between polls the thread is in none, so there is none to leave.
        let _entered = self.context.clone().map(|context| context::enter(Some(context)));
        future.poll(&mut Context::from_waker(&waker))
    }

    /// What the root future has deferred, if anything: to be run when it is done.
    pub(crate) fn cleanup(&self) -> Option<impl Future<Output = ()> + use<>> {
        let id = self.id;
        let first = with(|tasks| tasks.pop_deferred(id)).flatten()?;
        let limit = with(|tasks| tasks.cleanup_limit()).flatten();
        let all = async move {
            let mut next = Some(first);
            while let Some(cleanup) = next {
                cleanup.await;
                next = with(|tasks| tasks.pop_deferred(id)).flatten();
            }
        };
        Some(async move {
            match limit {
                None => all.await,
                Some(limit) => {
                    if timeout(limit, all).await.is_err() {
                        cleanup::report_late(id);
                    }
                }
            }
        })
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let dropped = with(|tasks| {
            tasks.current = None;
            tasks.free_root(self.id)
        });
        drop(dropped);
    }
}
