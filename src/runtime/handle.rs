//! Reaches a loop from any thread.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::dump::Dump;
use super::metrics::Metrics;
use crate::blocking::{self, BlockingHandle, BlockingPool};
use crate::driver;
use crate::remote::{Message, Remote};
use crate::task::{self, JoinError};

/// How long a question from another thread waits for the loop to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// A name of a loop that may be kept, cloned and used on any thread.
///
/// It holds no part of the loop: when the loop has ended, what is asked of it says so.
#[derive(Clone)]
pub struct Handle {
    number: u32,
    pool: Arc<BlockingPool>,
}

impl Handle {
    pub(super) fn new(number: u32, pool: Arc<BlockingPool>) -> Self {
        Handle { number, pool }
    }

    /// The handle of the loop that runs on this thread.
    ///
    /// # Panics
    ///
    /// Outside a loop.
    #[track_caller]
    pub fn current() -> Handle {
        Handle::try_current().unwrap_or_else(|| {
            panic!(
                "`Handle::current` was called outside an annulus loop: run the program in \
                 `annulus::run` or `Runtime::block_on`"
            )
        })
    }

    /// The handle of the loop that runs on this thread, if there is one.
    pub fn try_current() -> Option<Handle> {
        let number = driver::with(|driver| driver.runtime())?;
        Some(Handle { number, pool: blocking::current()? })
    }

    /// The loop's number in this process; no two loops have the same.
    pub fn id(&self) -> u32 {
        self.number
    }

    /// Has `make` called on the loop's thread and its future run there as a task.
    ///
    /// The future need not be `Send`, only what makes it. The handle that comes back may be awaited
    /// on any thread and by any executor; dropping it detaches the task. When the loop has ended,
    /// or ends first, the join ends as cancelled.
    ///
    /// ```
    /// let runtime = annulus::Runtime::new()?;
    /// let handle = runtime.handle().clone();
    /// let thread = std::thread::spawn(move || {
    ///     handle.spawn(|| async { annulus::task::id().to_string() })
    /// });
    /// let task = thread.join().unwrap();
    /// println!("task {}", runtime.block_on(task).unwrap());
    /// # Ok::<(), annulus::SetupError>(())
    /// ```
    #[track_caller]
    pub fn spawn<M, F>(&self, make: M) -> RemoteHandle<F::Output>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let site = Location::caller();
        let shared = Arc::new(Mutex::new(Shared { end: None, waker: None, is_detached: false }));
        let promise = Promise { shared: Arc::clone(&shared) };
        let number = self.number;
        let run = move || {
            // A loop that has just ended runs this without one, or in the loop around it; the
            // promise then says so.
            if driver::with(|driver| driver.runtime()) != Some(number) {
                return;
            }
            let task = task::spawn_at(async move { make().await }, site);
            task::spawn_at(async move { promise.keep(task.await) }, site).detach();
        };
        let _ended = Remote::of(self.number).send(self.number, Message::Run(Box::new(run)));
        RemoteHandle { shared }
    }

    /// Runs `f` on a thread of the loop's blocking pool; see
    /// [`spawn_blocking`](crate::spawn_blocking).
    pub fn spawn_blocking<F, T>(&self, f: F) -> BlockingHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.pool.spawn(f)
    }

    /// What the loop has counted.
    ///
    /// On the loop's own thread it is taken at once. On another the loop is asked, which blocks
    /// this thread: `None` when the loop has ended, does not run, or does not answer in a second.
    pub fn metrics(&self) -> Option<Metrics> {
        self.ask(Metrics::take)
    }

    /// What every task waits for, and every operation in flight; as [`metrics`](Self::metrics).
    pub fn dump(&self) -> Option<Dump> {
        self.ask(Dump::take)
    }

    /// Ends the blocking pool; how many jobs still run after `limit`.
    pub(super) fn shut_pool_down(&self, limit: Duration) -> usize {
        self.pool.shutdown(limit)
    }

    /// Whether a blocking job's end has not been told yet.
    #[cfg(feature = "test-util")]
    pub(super) fn has_blocking_jobs(&self) -> bool {
        self.pool.has_untold_jobs()
    }

    fn ask<T: Send + 'static>(&self, question: fn() -> Option<T>) -> Option<T> {
        if driver::with(|driver| driver.runtime()) == Some(self.number) {
            return question();
        }
        ask(self.number, question)
    }
}

/// Asks the loop with this number from another thread than its own.
pub(super) fn ask<T: Send + 'static>(number: u32, question: fn() -> Option<T>) -> Option<T> {
    let (answer, answers) = mpsc::sync_channel(1);
    let run = move || drop(answer.try_send(question()));
    Remote::of(number).send(number, Message::Run(Box::new(run))).ok()?;
    answers.recv_timeout(ANSWER_LIMIT).ok().flatten()
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("id", &self.number).finish_non_exhaustive()
    }
}

struct Shared<T> {
    end: Option<Result<T, JoinError>>,
    waker: Option<Waker>,
    /// Whether nobody will take the end.
    is_detached: bool,
}

impl<T> Shared<T> {
    /// What nobody will be told, if it is a panic.
    fn take_unread(&mut self) -> Option<JoinError> {
        let is_panic = matches!(&self.end, Some(Err(error)) if error.is_panic());
        if self.is_detached && is_panic { self.end.take()?.err() } else { None }
    }
}

/// Reports a panic that nobody will be told.
fn report_unread(unread: Option<JoinError>) {
    if let Some(error) = unread {
        tracing::error!(
            panic = error.panic_message().unwrap_or("a value that is not text"),
            "a task spawned by another thread panicked, and its handle was dropped without being \
             awaited",
        );
    }
}

/// The loop's side of a task that another thread has spawned.
struct Promise<T> {
    shared: Arc<Mutex<Shared<T>>>,
}

impl<T> Promise<T> {
    fn keep(self, end: Result<T, JoinError>) {
        self.set(end);
    }

    fn set(&self, end: Result<T, JoinError>) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.end.is_none() {
            shared.end = Some(end);
        }
        let waker = shared.waker.take();
        let unread = shared.take_unread();
        drop(shared);
        report_unread(unread);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        if Arc::strong_count(&self.shared) > 1 {
            self.set(Err(JoinError::cancelled(None)));
        }
    }
}

/// Awaits a task that was spawned through a [`Handle`], on any thread.
///
/// Dropping it detaches the task. Awaiting it may be cancelled without loss.
#[must_use = "dropping the handle detaches its task"]
pub struct RemoteHandle<T> {
    shared: Arc<Mutex<Shared<T>>>,
}

impl<T> Future for RemoteHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(end) = shared.end.take() {
            return Poll::Ready(end);
        }
        let old = shared.waker.replace(cx.waker().clone());
        drop(shared);
        drop(old);
        Poll::Pending
    }
}

impl<T> Drop for RemoteHandle<T> {
    fn drop(&mut self) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.is_detached = true;
        let unread = shared.take_unread();
        drop(shared);
        report_unread(unread);
    }
}

impl<T> fmt::Debug for RemoteHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteHandle").finish_non_exhaustive()
    }
}
