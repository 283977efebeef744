//! How a future becomes a task.

use std::future::Future;
use std::panic::Location;

use super::cell::{Cell, Kind, Plain};
use super::crew::CrewId;
use super::memory::BoxedTask;
use super::table::with;
use super::{JoinHandle, context, run, watch};
use crate::scheduler::{self, Scheduler};

/// Runs `future` as a task of this loop, beside the one that calls.
///
/// It is polled first when the caller suspends, in the order of spawning. The future need not be
/// `Send`: it stays on this thread.
///
/// # Panics
///
/// Outside a loop; with too many tasks (134 million).
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    spawn_as(future, Plain, Origin::here())
}

/// As [`spawn`], for somebody who spawned elsewhere.
pub(crate) fn spawn_at<F>(future: F, site: &'static Location<'static>) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    spawn_as(future, Plain, Origin { site, crew: None, name: None })
}

/// What a task is given beside its future.
pub(super) struct Origin {
    pub(super) site: &'static Location<'static>,
    /// Who watches it.
    pub(super) crew: Option<CrewId>,
    pub(super) name: Option<Box<str>>,
}

impl Origin {
    #[track_caller]
    pub(super) fn here() -> Self {
        Origin { site: Location::caller(), crew: None, name: None }
    }
}

/// Spawns a task; one that is refused, because the loop ends or its group does, is dropped, and
/// its join ends as cancelled.
pub(super) fn spawn_as<F, K>(future: F, kind: K, origin: Origin) -> JoinHandle<K::Value>
where
    F: Future + 'static,
    K: Kind<F::Output> + 'static,
{
    let Origin { site, crew, mut name } = origin;
    let Some(id) = scheduler::with(Scheduler::allocate) else { no_loop(site) };
    let task: BoxedTask = context::carry(BoxedTask::new(Cell::Running(future, kind)));
    let mut task = Some(task);
    let spawned = with(|tasks| {
        if !tasks.is_closing() && crew.is_none_or(|crew| tasks.admits(crew)) {
            tasks.insert(id, task.take(), site);
            if name.is_some() {
                tasks.set_name(id, name.take());
            }
            if let Some(crew) = crew {
                tasks.enlist(id, crew);
            }
        } else if let Some(crew) = crew {
            tasks.crews.refuse(crew, id);
        }
        (tasks.runtime(), tasks.watch().is_some())
    });
    let Some((runtime, is_watched)) = spawned else { no_loop(site) };
    match task {
        None => {
            scheduler::wake(id);
            if is_watched {
                watch::spawned(id);
            }
        }
        Some(refused) => {
            // The name stays unknown to the table, so the join ends as cancelled.
            let _released = scheduler::with(|scheduler| scheduler.release(id));
            run::drop_output(refused);
        }
    }
    JoinHandle::new(id, runtime)
}

#[cold]
fn no_loop(site: &Location<'_>) -> ! {
    panic!(
        "`spawn` was called outside an annulus loop, at {site}: run the program in `annulus::run` \
         or `Runtime::block_on`, or use `Handle::spawn` from another thread"
    )
}
