//! How a future becomes a task.

use std::future::Future;
use std::panic::Location;

use super::cell::{Cell, Kind, Plain};
use super::crew::CrewId;
use super::memory::BoxedTask;
use super::table::{Tasks, with};
use super::{JoinHandle, context, run, watch};
use crate::scheduler::{self, Scheduler, TaskId};

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
    let site = origin.site;
    let Some(id) = scheduler::with(Scheduler::allocate_woken) else { no_loop(site) };
    // The closure borrows all of it as one: each word that it captured would be copied again and
    // again on its way.
    let mut new = New { task: Some(Cell::Running(future, kind)), origin, refused: None };
    let spawned = with(|tasks| {
        let new = &mut new;
        let task = new.task.take().expect("it is put into the table once");
        let task = BoxedTask::of(task, &mut tasks.blocks);
        let task = context::carry(task, &mut tasks.blocks);
        new.refused = tasks.admit(id, task, &mut new.origin);
        (tasks.runtime(), tasks.watch().is_some())
    });
    let Some((runtime, is_watched)) = spawned else { no_loop(site) };
    let refused = new.refused;
    if let Some(refused) = refused {
        // The name stays unknown to the table, so the join ends as cancelled.
        let _released = scheduler::with(|scheduler| scheduler.release(id));
        run::drop_output(refused);
    } else if is_watched {
        watch::spawned(id);
    }
    JoinHandle::new(id, runtime)
}

/// A task on its way into the table.
struct New<T> {
    task: Option<T>,
    origin: Origin,
    refused: Option<BoxedTask>,
}

impl Tasks {
    /// Puts a task into the table; it comes back if it is refused.
    #[inline]
    fn admit(&mut self, id: TaskId, task: BoxedTask, origin: &mut Origin) -> Option<BoxedTask> {
        let Origin { site, crew, name } = origin;
        if self.is_closing() || crew.is_some_and(|crew| !self.admits(crew)) {
            if let Some(crew) = *crew {
                self.crews.refuse(crew, id);
            }
            return Some(task);
        }
        self.insert(id, Some(task), site);
        if name.is_some() {
            self.set_name(id, name.take());
        }
        if let Some(crew) = *crew {
            self.enlist(id, crew);
        }
        None
    }
}

#[cold]
fn no_loop(site: &Location<'_>) -> ! {
    panic!(
        "`spawn` was called outside an annulus loop, at {site}: run the program in `annulus::run` \
         or `Runtime::block_on`, or use `Handle::spawn` from another thread"
    )
}
