//! A semaphore: bounds how many tasks do something at once.
//!
//! Permits are given in the order in which they were asked for. A task that asks for many is not
//! overtaken by tasks that ask for few, even while enough permits for those are free.

use std::error::Error;
use std::fmt;
use std::rc::Rc;

pub use acquire::{Acquire, AcquireOwned};
pub(super) use acquire::{Gate, Ticket};
pub use permit::{OwnedSemaphorePermit, SemaphorePermit};

use super::permits::{PERMITS_MAX, Permits};
use super::waking::LocalCell;

mod acquire;
mod permit;

/// Bounds how many tasks of one loop do something at the same time.
///
/// A task acquires one or more permits, and waits while there are too few. Dropping the permit
/// gives it back. Waiting is fair: permits go to the waiter that came first, as soon as there are
/// enough for it, and nobody overtakes it, [`try_acquire`](Semaphore::try_acquire) included.
///
/// Use it within one loop; it is not meant for other threads. The owned forms need the semaphore
/// in an [`Rc`] and give permits that can be moved into a spawned task.
///
/// ```
/// # annulus::run(async {
/// use std::rc::Rc;
/// use annulus::sync::Semaphore;
///
/// let two_at_once = Rc::new(Semaphore::new(2));
/// let tasks: Vec<_> = (0..8)
///     .map(|_| {
///         let two_at_once = Rc::clone(&two_at_once);
///         annulus::spawn(async move {
///             let _permit = two_at_once.acquire().await.unwrap();
///             annulus::yield_now().await;
///             two_at_once.available_permits()
///         })
///     })
///     .collect();
/// for task in tasks {
///     assert!(task.await.unwrap() < 2);
/// }
/// # }).unwrap();
/// ```
pub struct Semaphore {
    permits: LocalCell<Permits>,
}

impl Semaphore {
    /// The largest number of permits that a semaphore can hold.
    pub const MAX_PERMITS: usize = PERMITS_MAX;

    /// Makes a semaphore with `permits` permits.
    ///
    /// # Panics
    ///
    /// When `permits` exceeds [`Semaphore::MAX_PERMITS`].
    #[must_use]
    pub const fn new(permits: usize) -> Self {
        Semaphore { permits: LocalCell::new(Permits::new(permits)) }
    }

    /// How many permits nobody holds at the moment.
    ///
    /// While a task waits for more permits than there are, the ones that are free wait with it.
    #[must_use]
    pub fn available_permits(&self) -> usize {
        self.permits.read(Permits::available)
    }

    /// Waits for one permit.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] once the semaphore is closed.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives up its place in line. If a permit was granted to it already, the
    /// next waiter gets it.
    pub fn acquire(&self) -> Acquire<'_> {
        self.acquire_many(1)
    }

    /// Waits for `count` permits, all at once.
    ///
    /// A request for more permits than the semaphore will ever have waits until
    /// [`add_permits`](Semaphore::add_permits) or [`close`](Semaphore::close).
    ///
    /// # Errors
    ///
    /// [`AcquireError`] once the semaphore is closed.
    ///
    /// # Cancellation
    ///
    /// As [`acquire`](Semaphore::acquire).
    ///
    /// ```
    /// # annulus::run(async {
    /// let semaphore = annulus::sync::Semaphore::new(5);
    /// let permit = semaphore.acquire_many(3).await.unwrap();
    /// assert_eq!((permit.num_permits(), semaphore.available_permits()), (3, 2));
    /// # }).unwrap();
    /// ```
    pub fn acquire_many(&self, count: u32) -> Acquire<'_> {
        Acquire::new(self, count as usize)
    }

    /// Takes one permit if one is free and nobody waits.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError::NoPermits`] when there is none to have at once, and
    /// [`TryAcquireError::Closed`] once the semaphore is closed.
    ///
    /// ```
    /// use annulus::sync::{Semaphore, TryAcquireError};
    ///
    /// let semaphore = Semaphore::new(1);
    /// let permit = semaphore.try_acquire().unwrap();
    /// assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    /// ```
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes `count` permits if so many are free and nobody waits.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Semaphore::try_acquire).
    pub fn try_acquire_many(&self, count: u32) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        let count = count as usize;
        self.try_take(count)?;
        Ok(SemaphorePermit::new(self, count))
    }

    /// As [`acquire`](Semaphore::acquire), with a permit that keeps the semaphore alive.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] once the semaphore is closed.
    ///
    /// # Cancellation
    ///
    /// As [`acquire`](Semaphore::acquire).
    ///
    /// ```
    /// # annulus::run(async {
    /// use std::rc::Rc;
    /// use annulus::sync::Semaphore;
    ///
    /// let semaphore = Rc::new(Semaphore::new(1));
    /// let permit = Rc::clone(&semaphore).acquire_owned().await.unwrap();
    /// let task = annulus::spawn(async move { permit.num_permits() });
    /// assert_eq!(task.await.unwrap(), 1);
    /// assert_eq!(semaphore.available_permits(), 1);
    /// # }).unwrap();
    /// ```
    pub fn acquire_owned(self: Rc<Self>) -> AcquireOwned {
        self.acquire_many_owned(1)
    }

    /// As [`acquire_many`](Semaphore::acquire_many), with a permit that keeps the semaphore alive.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] once the semaphore is closed.
    ///
    /// # Cancellation
    ///
    /// As [`acquire`](Semaphore::acquire).
    pub fn acquire_many_owned(self: Rc<Self>, count: u32) -> AcquireOwned {
        AcquireOwned::new(self, count as usize)
    }

    /// As [`try_acquire`](Semaphore::try_acquire), with a permit that keeps the semaphore alive.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Semaphore::try_acquire).
    pub fn try_acquire_owned(self: Rc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// As [`try_acquire_many`](Semaphore::try_acquire_many), with a permit that keeps the
    /// semaphore alive.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Semaphore::try_acquire).
    pub fn try_acquire_many_owned(
        self: Rc<Self>,
        count: u32,
    ) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        let count = count as usize;
        self.try_take(count)?;
        Ok(OwnedSemaphorePermit::new(self, count))
    }

    /// Adds `count` permits, and serves those who wait for them.
    ///
    /// # Panics
    ///
    /// When there would be more than [`Semaphore::MAX_PERMITS`] free permits.
    ///
    /// ```
    /// let semaphore = annulus::sync::Semaphore::new(0);
    /// semaphore.add_permits(2);
    /// assert_eq!(semaphore.available_permits(), 2);
    /// ```
    pub fn add_permits(&self, count: usize) {
        self.permits.update(|permits| {
            let sum = permits.available().checked_add(count);
            assert!(
                sum.is_some_and(|sum| sum <= PERMITS_MAX),
                "a semaphore holds at most `Semaphore::MAX_PERMITS`"
            );
            permits.release(count);
        });
    }

    /// Takes up to `count` free permits out of circulation for good, and returns how many.
    ///
    /// Permits that are held are not touched.
    pub fn forget_permits(&self, count: usize) -> usize {
        self.permits.change(|permits| permits.forget(count))
    }

    /// Closes the semaphore: whoever waits, and whoever asks later, gets an error.
    ///
    /// Permits that were granted stay valid.
    ///
    /// ```
    /// # annulus::run(async {
    /// let semaphore = annulus::sync::Semaphore::new(1);
    /// semaphore.close();
    /// assert!(semaphore.acquire().await.is_err());
    /// # }).unwrap();
    /// ```
    pub fn close(&self) {
        self.permits.update(Permits::close);
    }

    /// Whether the semaphore was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.permits.read(Permits::is_closed)
    }

    /// Takes permits that the caller gives back with [`release`](Semaphore::release).
    #[inline]
    pub(super) fn try_take(&self, count: usize) -> Result<(), TryAcquireError> {
        self.permits.change(|permits| permits.try_acquire(count))
    }

    /// Gives back permits that were taken.
    #[inline]
    pub(super) fn release(&self, count: usize) {
        self.permits.update(|permits| permits.release(count));
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available_permits", &self.available_permits())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// The semaphore was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcquireError(pub(super) ());

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the semaphore is closed")
    }
}

impl Error for AcquireError {}

/// Why permits could not be had at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryAcquireError {
    /// The semaphore was closed.
    Closed,
    /// Too few permits are free, or others wait for them already.
    NoPermits,
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryAcquireError::Closed => "the semaphore is closed",
            TryAcquireError::NoPermits => "no permits are free",
        })
    }
}

impl Error for TryAcquireError {}
