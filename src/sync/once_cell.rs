//! A cell that is written once, by an initialiser that may await.

use std::cell;
use std::error::Error;
use std::fmt;
use std::future::Future;

use super::semaphore::{Semaphore, TryAcquireError};

/// A value that is made once, on first use, by a future.
///
/// Tasks that ask while another one makes the value wait for it. If the one that makes it is
/// cancelled, fails or panics, the next in line starts anew with its own initialiser.
///
/// ```
/// # annulus::run(async {
/// use annulus::sync::OnceCell;
///
/// async fn expensive() -> u32 {
///     annulus::yield_now().await;
///     42
/// }
///
/// let cell = OnceCell::new();
/// assert_eq!(cell.get(), None);
/// assert_eq!(*cell.get_or_init(expensive).await, 42);
/// assert_eq!(*cell.get_or_init(async || unreachable!()).await, 42);
/// # }).unwrap();
/// ```
pub struct OnceCell<T> {
    value: cell::OnceCell<T>,
    /// Who holds the permit makes the value; closed once there is one.
    turn: Semaphore,
}

impl<T> OnceCell<T> {
    /// Makes an empty cell.
    #[must_use]
    pub const fn new() -> Self {
        OnceCell { value: cell::OnceCell::new(), turn: Semaphore::new(1) }
    }

    /// Whether the cell has its value.
    #[must_use]
    pub fn initialized(&self) -> bool {
        self.value.get().is_some()
    }

    /// The value, if there is one.
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value of a cell that nobody else can see, if there is one.
    #[must_use]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// Fills the cell.
    ///
    /// # Errors
    ///
    /// [`SetError`], with `value` in it, when the cell is full or a task is about to fill it.
    ///
    /// ```
    /// use annulus::sync::{OnceCell, SetError};
    ///
    /// let cell = OnceCell::new();
    /// assert_eq!(cell.set(1), Ok(()));
    /// assert_eq!(cell.set(2), Err(SetError::AlreadyInitialized(2)));
    /// ```
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        match self.turn.try_acquire() {
            Ok(_permit) => {
                self.fill(value);
                Ok(())
            }
            Err(TryAcquireError::Closed) => Err(SetError::AlreadyInitialized(value)),
            Err(TryAcquireError::NoPermits) => Err(SetError::Initializing(value)),
        }
    }

    /// The value, made by `init` if there is none yet.
    ///
    /// An `init` that asks the same cell for its value waits for itself forever.
    ///
    /// # Cancellation
    ///
    /// Dropping the future while it runs `init` drops that too, and the next in line runs its own.
    pub async fn get_or_init<F, Fut>(&self, init: F) -> &T
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        enum Never {}
        match self.get_or_try_init(async || Ok::<T, Never>(init().await)).await {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// The value, made by `init` if there is none yet.
    ///
    /// # Errors
    ///
    /// The error of `init`; the cell stays empty, and the next in line runs its own `init`.
    ///
    /// # Cancellation
    ///
    /// As [`get_or_init`](OnceCell::get_or_init).
    ///
    /// ```
    /// # annulus::run(async {
    /// use annulus::sync::OnceCell;
    ///
    /// let cell = OnceCell::new();
    /// assert_eq!(cell.get_or_try_init(async || Err("not yet")).await, Err("not yet"));
    /// assert_eq!(cell.get_or_try_init(async || Ok::<_, &str>(1)).await, Ok(&1));
    /// # }).unwrap();
    /// ```
    pub async fn get_or_try_init<E, F, Fut>(&self, init: F) -> Result<&T, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let Ok(_permit) = self.turn.acquire().await else {
            return Ok(self.value.get().expect("the turn is closed once there is a value"));
        };
        Ok(self.fill(init().await?))
    }

    /// Takes the cell apart.
    #[must_use]
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value out and leaves the cell empty.
    pub fn take(&mut self) -> Option<T> {
        std::mem::take(self).into_inner()
    }

    /// Puts `value` in, on behalf of the holder of the permit, and lets those go on who wait.
    fn fill(&self, value: T) -> &T {
        let value = self.value.get_or_init(|| value);
        self.turn.close();
        value
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> Self {
        OnceCell::new()
    }
}

impl<T> From<T> for OnceCell<T> {
    fn from(value: T) -> Self {
        let cell = OnceCell::new();
        cell.fill(value);
        cell
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceCell").field("value", &self.value.get()).finish()
    }
}

/// Why a [`OnceCell`] could not be filled, with the value that was to be put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetError<T> {
    /// The cell has a value.
    AlreadyInitialized(T),
    /// A task is making the value now.
    Initializing(T),
}

impl<T> SetError<T> {
    /// The value that was not put in.
    pub fn into_inner(self) -> T {
        match self {
            SetError::AlreadyInitialized(value) | SetError::Initializing(value) => value,
        }
    }
}

impl<T> fmt::Display for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SetError::AlreadyInitialized(_) => "the cell has a value already",
            SetError::Initializing(_) => "a task is making the cell's value now",
        })
    }
}

impl<T: fmt::Debug> Error for SetError<T> {}
