//! Permits of a semaphore, given back on drop.

use std::fmt;
use std::rc::Rc;

use super::Semaphore;

/// Permits of a [`Semaphore`], given back on drop.
///
/// ```
/// let semaphore = annulus::sync::Semaphore::new(3);
/// let mut three = semaphore.try_acquire_many(3).unwrap();
/// let one = three.split(1).unwrap();
/// drop(one);
/// assert_eq!(semaphore.available_permits(), 1);
/// three.forget();
/// assert_eq!(semaphore.available_permits(), 1);
/// ```
#[must_use = "a permit that is dropped at once bounds nothing"]
pub struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
    count: usize,
}

impl<'a> SemaphorePermit<'a> {
    pub(super) fn new(semaphore: &'a Semaphore, count: usize) -> Self {
        SemaphorePermit { semaphore, count }
    }

    /// Drops the permits without giving them back: the semaphore has so many fewer from now on.
    pub fn forget(mut self) {
        self.count = 0;
    }

    /// Joins the permits of `other` to these.
    ///
    /// # Panics
    ///
    /// When the two come from different semaphores.
    #[track_caller]
    pub fn merge(&mut self, mut other: Self) {
        assert!(std::ptr::eq(self.semaphore, other.semaphore), "{DIFFERENT_SEMAPHORES}");
        self.count += std::mem::take(&mut other.count);
    }

    /// Splits `count` permits off, or returns `None` when there are not so many.
    pub fn split(&mut self, count: usize) -> Option<Self> {
        self.count = self.count.checked_sub(count)?;
        Some(SemaphorePermit { semaphore: self.semaphore, count })
    }

    /// How many permits these are.
    #[must_use]
    pub fn num_permits(&self) -> usize {
        self.count
    }
}

impl Drop for SemaphorePermit<'_> {
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.release(self.count);
        }
    }
}

impl fmt::Debug for SemaphorePermit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SemaphorePermit").field("num_permits", &self.count).finish_non_exhaustive()
    }
}

/// Permits that keep their [`Semaphore`] alive, given back on drop.
#[must_use = "a permit that is dropped at once bounds nothing"]
pub struct OwnedSemaphorePermit {
    semaphore: Rc<Semaphore>,
    count: usize,
}

impl OwnedSemaphorePermit {
    pub(super) fn new(semaphore: Rc<Semaphore>, count: usize) -> Self {
        OwnedSemaphorePermit { semaphore, count }
    }

    /// Drops the permits without giving them back: the semaphore has so many fewer from now on.
    pub fn forget(mut self) {
        self.count = 0;
    }

    /// Joins the permits of `other` to these.
    ///
    /// # Panics
    ///
    /// When the two come from different semaphores.
    #[track_caller]
    pub fn merge(&mut self, mut other: Self) {
        assert!(Rc::ptr_eq(&self.semaphore, &other.semaphore), "{DIFFERENT_SEMAPHORES}");
        self.count += std::mem::take(&mut other.count);
    }

    /// Splits `count` permits off, or returns `None` when there are not so many.
    pub fn split(&mut self, count: usize) -> Option<Self> {
        self.count = self.count.checked_sub(count)?;
        Some(OwnedSemaphorePermit { semaphore: Rc::clone(&self.semaphore), count })
    }

    /// How many permits these are.
    #[must_use]
    pub fn num_permits(&self) -> usize {
        self.count
    }

    /// The semaphore that the permits are of.
    #[must_use]
    pub fn semaphore(&self) -> &Rc<Semaphore> {
        &self.semaphore
    }
}

impl Drop for OwnedSemaphorePermit {
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.release(self.count);
        }
    }
}

impl fmt::Debug for OwnedSemaphorePermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedSemaphorePermit")
            .field("num_permits", &self.count)
            .finish_non_exhaustive()
    }
}

const DIFFERENT_SEMAPHORES: &str = "permits of different semaphores cannot be merged";
