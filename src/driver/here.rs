//! The driver of this thread.

use super::Driver;
use crate::local::Local;

thread_local! {
    static DRIVER: Local<Driver> = const { Local::new() };
}

/// Runs `f` on this thread's driver; `None` outside a loop.
#[inline]
pub(crate) fn with<R>(f: impl FnOnce(&mut Driver) -> R) -> Option<R> {
    DRIVER.try_with(|driver| driver.with(f)).ok().flatten()
}

/// Runs `f` on this thread's driver, for an op called `op`.
///
/// # Panics
///
/// Outside a loop.
#[inline]
pub(super) fn here<R>(op: &str, f: impl FnOnce(&mut Driver) -> R) -> R {
    DRIVER.with(|driver| driver.with_or_else(f, || no_loop(op)))
}

/// Makes `driver` this thread's driver and returns the one before.
pub(crate) fn install(driver: Option<Box<Driver>>) -> Option<Box<Driver>> {
    DRIVER.with(|place| place.replace(driver))
}

#[cold]
#[track_caller]
pub(super) fn no_loop(op: &str) -> ! {
    panic!(
        "`{op}` was polled outside an annulus loop: run the program in `annulus::run` or \
         `Runtime::block_on`, and await I/O on the thread of its own loop only"
    )
}

/// Panics when a handle is used in a loop that it does not belong to.
#[inline]
#[track_caller]
pub(super) fn check_runtime(handle: u32, here: u32) {
    if handle != here {
        foreign_handle();
    }
}

#[cold]
#[track_caller]
pub(super) fn foreign_handle() -> ! {
    panic!(
        "a handle was used in a loop that it does not belong to: its descriptor and its \
         operations live in the loop that made it; make it there, or move it with `into_std`"
    )
}
