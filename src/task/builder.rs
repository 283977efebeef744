//! Tasks with a name.

use std::future::Future;

use super::spawn::{Origin, spawn_as};
use super::table::with;
use super::{AbortHandle, ChildHandle, JoinHandle, JoinSet, TaskGroup, cell::Plain};

/// Spawns one task with a name.
///
/// The name is for people, and need not be the only one of its kind: it stands in
/// [dumps](crate::Handle::dump), in the reports of [debug mode](crate::Builder::debug) on slow and
/// stuck polls, in what is said of a panic, and is told to hooks. It costs an allocation.
///
/// ```
/// use annulus::task;
///
/// # annulus::run(async {
/// let task = task::Builder::new().name("answer").spawn(async { task::name() });
/// assert_eq!(task.await.unwrap().as_deref(), Some("answer"));
/// # }).unwrap();
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "a builder spawns nothing until `spawn` is called"]
pub struct Builder {
    name: Option<Box<str>>,
}

impl Builder {
    /// A task without a name.
    pub fn new() -> Self {
        Builder::default()
    }

    /// Calls the task `name`.
    pub fn name(mut self, name: impl Into<Box<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// As [`spawn`](crate::spawn).
    ///
    /// # Panics
    ///
    /// As `spawn`.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        spawn_as(future, Plain, self.origin())
    }

    /// As [`JoinSet::spawn`].
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn spawn_in_set<F>(self, set: &mut JoinSet<F::Output>, future: F) -> AbortHandle
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        set.spawn_as(future, self.origin())
    }

    /// As [`TaskGroup::spawn`].
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn spawn_in_group<T: 'static, E: 'static>(
        self,
        group: &TaskGroup<E>,
        future: impl Future<Output = Result<T, E>> + 'static,
    ) -> ChildHandle<T> {
        group.spawn_as(future, self.origin())
    }

    #[track_caller]
    fn origin(self) -> Origin {
        Origin { name: self.name, ..Origin::here() }
    }
}

/// Calls the task that calls `name` from now on, the one given to `run` or `block_on` included.
///
/// # Panics
///
/// Outside a task.
pub fn set_name(name: impl Into<Box<str>>) {
    let name = name.into();
    let is_set = with(|tasks| {
        let extra = tasks.extra(tasks.current?)?;
        extra.name = Some(name);
        Some(())
    });
    is_set.flatten().expect("`task::set_name` was called outside a task");
}

/// What the task that calls is called; `None` when it has no name, and outside a task.
pub fn name() -> Option<String> {
    let name = with(|tasks| {
        let current = tasks.current?;
        tasks.name(current).map(String::from)
    });
    name.flatten()
}
