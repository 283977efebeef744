//! Values that belong to a task and to the tasks that it spawns.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as Cx, Poll};

use super::context::{self, Context, KeyId};

/// Declares keys of values that belong to a task: [`LocalKey`]s.
///
/// ```
/// use annulus::{spawn, task_local};
///
/// task_local! {
///     /// Which request this is for.
///     static REQUEST: u64;
/// }
///
/// async fn log(text: &str) -> String {
///     REQUEST.with(|request| format!("[{request}] {text}"))
/// }
///
/// # annulus::run(async {
/// let line = REQUEST.scope(7, async {
///     let task = spawn(log("begun")); // has the values of who spawns it
///     task.await.unwrap()
/// });
/// assert_eq!(line.await, "[7] begun");
/// assert!(REQUEST.try_with(|_| ()).is_err()); // only in the scope
/// # }).unwrap();
/// ```
#[macro_export]
macro_rules! task_local {
    () => {};
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty; $($rest:tt)*) => {
        $crate::task_local!($(#[$attribute])* $visibility static $name: $type);
        $crate::task_local!($($rest)*);
    };
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty) => {
        $(#[$attribute])*
        $visibility static $name: $crate::task::LocalKey<$type> = $crate::task::LocalKey::__new();
    };
}

/// A value that is there while a [`scope`](Self::scope) lasts, for what runs in it; declared by
/// [`task_local!`](crate::task_local).
///
/// # Who has it
///
/// - The future given to `scope`, at whatever depth, and what it polls itself: `join!`, `select!`,
///   the body of a [`TaskGroup`](crate::task::TaskGroup).
/// - **Tasks spawned in it, and those that they spawn**: a task has the values that were there
///   where it was spawned, until it ends, also when the scope is over. That holds for
///   [`spawn`](crate::spawn), groups and sets. The value is shared, not copied; what a task
///   sets by a scope of its own, only it and those below it see. So it is with asyncio's
///   `contextvars` and with trio; tokio's task-locals end with their future and are inherited by
///   nobody.
/// - Clean-up that was [deferred](crate::task::defer) in it, and destructors of what the future
///   holds, however it ends.
///
/// Closures on the [blocking pool](crate::spawn_blocking) have none, and neither have tasks that
/// another thread spawns through a [`Handle`](crate::Handle): values stay on their thread, and need
/// not be `Send`. Take what is wanted there along by hand.
pub struct LocalKey<T: 'static> {
    /// Makes the key a place of its own in memory, which is its name.
    _place: u8,
    value: PhantomData<fn() -> T>,
}

impl<T: 'static> LocalKey<T> {
    /// For `task_local!`.
    #[doc(hidden)]
    pub const fn __new() -> Self {
        LocalKey { _place: 0, value: PhantomData }
    }

    fn id(&'static self) -> KeyId {
        KeyId(std::ptr::from_ref(self) as usize)
    }

    /// Sets the value while `future` is polled or dropped, and for all that it spawns.
    ///
    /// # Cancellation
    ///
    /// As safe as `future` is.
    pub fn scope<F: Future>(&'static self, value: T, future: F) -> TaskLocalFuture<T, F> {
        let (key, value) = (self.id(), Rc::new(value));
        TaskLocalFuture { key, value, seen: None, future: Some(Box::pin(future)) }
    }

    /// Sets the value while `f` runs, and for all that it spawns.
    pub fn sync_scope<R>(&'static self, value: T, f: impl FnOnce() -> R) -> R {
        let outer = context::current();
        let inner = Context::with(outer.as_ref(), self.id(), Rc::new(value));
        let _entered = context::enter(Some(inner));
        f()
    }

    /// Runs `f` on the value.
    ///
    /// # Panics
    ///
    /// Where it is not set.
    #[track_caller]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.try_with(f) {
            Ok(output) => output,
            Err(error) => panic!("{error}"),
        }
    }

    /// Runs `f` on the value.
    ///
    /// # Errors
    ///
    /// Where it is not set.
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        let context = context::current().ok_or(AccessError(()))?;
        let value = context.get(self.id()).ok_or(AccessError(()))?;
        Ok(f(value.downcast_ref::<T>().expect("a key has values of its type")))
    }

    /// A clone of the value.
    ///
    /// # Panics
    ///
    /// Where it is not set.
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// A clone of the value.
    ///
    /// # Errors
    ///
    /// Where it is not set.
    pub fn try_get(&'static self) -> Result<T, AccessError>
    where
        T: Clone,
    {
        self.try_with(T::clone)
    }
}

impl<T> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

/// A future with a task-local value; made by [`LocalKey::scope`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct TaskLocalFuture<T: 'static, F> {
    key: KeyId,
    value: Rc<T>,
    /// The context of its last poll, and the one it makes of it.
    seen: Option<(Option<Context>, Context)>,
    /// Until it is done.
    future: Option<Pin<Box<F>>>,
}

impl<T: 'static, F> TaskLocalFuture<T, F> {
    /// The context around, with the value.
    fn context(&mut self) -> Context {
        let outer = context::current();
        match &self.seen {
            Some((seen, inner)) if context::is_same(seen.as_ref(), outer.as_ref()) => inner.clone(),
            _ => {
                let value: Rc<T> = Rc::clone(&self.value);
                let inner = Context::with(outer.as_ref(), self.key, value);
                self.seen = Some((outer, inner.clone()));
                inner
            }
        }
    }
}

impl<T: 'static, F: Future> Future for TaskLocalFuture<T, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Cx<'_>) -> Poll<F::Output> {
        let _entered = context::enter(Some(self.context()));
        let future = self.future.as_mut().expect("a future was polled after it was done");
        let polled = future.as_mut().poll(cx);
        if polled.is_ready() {
            self.future = None;
        }
        polled
    }
}

impl<T: 'static, F> Drop for TaskLocalFuture<T, F> {
    fn drop(&mut self) {
        if let Some(future) = self.future.take() {
            let _entered = context::enter(Some(self.context()));
            drop(future);
        }
    }
}

impl<T, F> fmt::Debug for TaskLocalFuture<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskLocalFuture").finish_non_exhaustive()
    }
}

/// A task-local value is not set where it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessError(());

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a task-local value is not set here: it is in the `scope` of its key, and in the tasks \
             that were spawned there",
        )
    }
}

impl std::error::Error for AccessError {}
