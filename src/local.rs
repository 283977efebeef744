//! Where a thread keeps the parts of the loop it runs.
//!
//! Each room that owns state of a running loop (the driver, the scheduler, the timers) has one
//! `thread_local!` of type [`Local`]. The runtime installs the parts when it starts to run and
//! takes them out when it stops, so a room finds its state with one thread-local look-up and no
//! reference counts, and two runtimes can take turns on one thread.
//!
//! The closure given to [`Local::with`] must not call into user code (a waker, a destructor, a
//! buffer's method): the state is borrowed meanwhile. Rooms collect what has to be woken or
//! dropped and do it after the borrow.

use std::cell::RefCell;
use std::mem::ManuallyDrop;

/// One room's slot for its state on this thread.
///
/// It has no destructor, so that it is there as long as its thread: a runtime may be held in a
/// thread-local value, which is dropped when others are gone. Nothing is lost by that, for a state
/// is installed only while its runtime is in use.
pub(crate) struct Local<T>(RefCell<ManuallyDrop<Option<Box<T>>>>);

impl<T> Local<T> {
    pub(crate) const fn new() -> Self {
        Local(RefCell::new(ManuallyDrop::new(None)))
    }

    /// Runs `f` on the installed state; `None` when nothing is installed.
    #[inline]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.0.borrow_mut().as_deref_mut().map(f)
    }

    /// Runs `f` on the installed state, or `otherwise` when nothing is installed.
    #[inline]
    pub(crate) fn with_or_else<R>(
        &self,
        f: impl FnOnce(&mut T) -> R,
        otherwise: impl FnOnce() -> R,
    ) -> R {
        let mut place = self.0.borrow_mut();
        match place.as_deref_mut() {
            Some(state) => f(state),
            None => {
                drop(place);
                otherwise()
            }
        }
    }

    /// Puts `state` in place and returns what was there before.
    pub(crate) fn replace(&self, state: Option<Box<T>>) -> Option<Box<T>> {
        std::mem::replace(&mut **self.0.borrow_mut(), state)
    }

    /// Whether a loop's state is installed.
    #[inline]
    pub(crate) fn is_installed(&self) -> bool {
        self.0.borrow().is_some()
    }
}
