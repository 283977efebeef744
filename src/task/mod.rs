//! One spawned future: its state, its output, its end.
//!
//! [`spawn`] gives a future a life of its own on this loop; its [`JoinHandle`] awaits the end.

mod budget;
mod builder;
mod cancel;
mod cell;
mod cleanup;
mod context;
mod crew;
mod describe;
mod end;
mod error;
mod extra;
mod group;
mod join;
mod join_all;
mod join_set;
mod local_key;
mod memory;
mod place;
mod root;
mod run;
mod spawn;
mod table;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod token;
pub(crate) mod watch;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pub(crate) use self::budget::poll_proceed;
pub use self::budget::{ConsumeBudget, Unconstrained, consume_budget, unconstrained};
pub use self::builder::{Builder, name, set_name};
pub use self::cancel::{Cancelled, Deferred, Shield, cancelled, defer, is_cancelled, shield};
pub(crate) use self::context::leave as leave_context;
pub(crate) use self::describe::TaskInfo;
pub use self::error::JoinError;
pub use self::group::{ChildHandle, Failure, GroupError, TaskGroup};
pub use self::join::{AbortHandle, JoinHandle};
pub use self::join_all::{JoinAll, TryJoinAll, join_all, try_join_all};
pub use self::join_set::JoinSet;
pub use self::local_key::{AccessError, LocalKey, TaskLocalFuture};
pub(crate) use self::root::Root;
pub(crate) use self::run::{Ending, cancel_all, close, pass, run, run_watched};
pub use self::spawn::spawn;
pub(crate) use self::spawn::spawn_at;
pub(crate) use self::table::{Tasks, install, with};
pub use self::token::{
    CancellationToken, DropGuard, WaitForCancellationFuture, WaitForCancellationFutureOwned,
};
pub(crate) use self::watch::{Beat, Current, Hook, Hooks, Watch, milliseconds, watch_poll};
pub use crate::blocking::{BlockingHandle, spawn_blocking};
use crate::scheduler::TaskId;
pub use crate::task_local;

/// Names a task among those of this process, as long as it lives.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id(TaskId);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({:?})", self.0)
    }
}

/// The task that calls, the future that was given to `run` or `block_on` included.
///
/// # Panics
///
/// Outside a task.
pub fn id() -> Id {
    try_id().expect("`task::id` was called outside a task")
}

/// The task that calls; `None` outside a task.
pub fn try_id() -> Option<Id> {
    with(|tasks| tasks.current()).flatten().map(Id)
}

/// Lets every other task that is ready run before this one goes on, and I/O with them.
pub fn yield_now() -> YieldNow {
    YieldNow { has_yielded: false }
}

/// Suspends once; made by [`yield_now`].
#[must_use = "a yield happens when it is awaited"]
#[derive(Debug)]
pub struct YieldNow {
    has_yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.has_yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
