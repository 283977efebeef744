//! The pool of this thread's loop.

use std::sync::Arc;

use super::{BlockingHandle, BlockingPool, Reserve, TrySpawnError};
use crate::local::Local;

/// A loop's share of its pool.
pub(crate) struct Current {
    pub(crate) pool: Arc<BlockingPool>,
}

thread_local! {
    static POOL: Local<Current> = const { Local::new() };
}

/// Makes `pool` the one of this thread's loop and returns the one before.
pub(crate) fn install(pool: Option<Box<Current>>) -> Option<Box<Current>> {
    POOL.with(|place| place.replace(pool))
}

/// The pool of this thread's loop.
pub(crate) fn current() -> Option<Arc<BlockingPool>> {
    POOL.try_with(|pool| pool.with(|current| Arc::clone(&current.pool))).ok().flatten()
}

/// Runs `f` on a thread of the loop's blocking pool, for what would hold the loop up.
///
/// Jobs start in the order in which they were handed over. When the pool's threads are all busy
/// the job waits; the loop never does. To be held back while too many jobs wait, await
/// [`blocking_ready`] first.
///
/// Dropping the handle detaches the job, which runs all the same; [`BlockingHandle::cancel`] takes
/// one back that has not started. A panic comes back through the handle.
///
/// ```
/// # annulus::run(async {
/// let sum = annulus::spawn_blocking(|| (1..=1000u64).sum::<u64>());
/// assert_eq!(sum.await.unwrap(), 500_500);
/// # }).unwrap();
/// ```
///
/// # Panics
///
/// Outside a loop.
#[track_caller]
pub fn spawn_blocking<F, T>(f: F) -> BlockingHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    pool().spawn(f)
}

/// As [`spawn_blocking`], but only if the queue has room.
///
/// # Errors
///
/// Gives `f` back when the queue is full, when the loop ends, or when there is no thread and the
/// system refuses one.
///
/// # Panics
///
/// Outside a loop.
#[track_caller]
pub fn try_spawn_blocking<F, T>(f: F) -> Result<BlockingHandle<T>, TrySpawnError<F>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    pool().try_spawn(f)
}

/// Waits until the blocking pool's queue has room, and keeps a place in it.
///
/// ```
/// # annulus::run(async {
/// let place = annulus::blocking_ready().await;
/// assert_eq!(place.spawn(|| 7).await.unwrap(), 7);
/// # }).unwrap();
/// ```
///
/// # Panics
///
/// Outside a loop.
#[track_caller]
pub fn blocking_ready() -> Reserve {
    pool().reserve()
}

#[track_caller]
fn pool() -> Arc<BlockingPool> {
    current().unwrap_or_else(|| {
        panic!(
            "the blocking pool was used outside an annulus loop: run the program in \
             `annulus::run` or `Runtime::block_on`, or use `Handle::spawn_blocking`"
        )
    })
}
