//! One loop on a simulated kernel, for programs that need no second host.

use std::future::Future;
use std::io;

use super::Faults;
use crate::sys::sim as kernel;

/// Runs `future` on a loop of its own, as [`run`](crate::run) does, but on a simulated kernel: what
/// it waits for takes no time, and everything follows from `seed`. Nothing goes wrong.
///
/// It is for programs that talk to themselves; hosts, a network and faults are a
/// [`World`](super::World)'s.
///
/// # Errors
///
/// As of [`run`](crate::run): inside a loop.
///
/// # Panics
///
/// When the loop waits for what never comes; when this thread has a simulated kernel already.
///
/// ```
/// use annulus::time::{Duration, Instant, sleep};
///
/// annulus::sim::run(7, async {
///     let started = Instant::now();
///     sleep(Duration::from_secs(365 * 24 * 3600)).await; // at once
///     assert!(started.elapsed() >= Duration::from_secs(365 * 24 * 3600));
/// })?;
/// # std::io::Result::Ok(())
/// ```
pub fn run<F: Future>(seed: u64, future: F) -> io::Result<F::Output> {
    kernel::install(seed, kernel::Faults::none());
    let _installed = Installed;
    crate::run(future)
}

/// As [`run`], while things go wrong.
///
/// # Errors
///
/// As of [`run`].
///
/// # Panics
///
/// As [`run`].
pub fn run_with<F: Future>(seed: u64, faults: &Faults, future: F) -> io::Result<F::Output> {
    kernel::install(seed, faults.kernel.clone());
    let _installed = Installed;
    crate::run(future)
}

/// Runs `f` with a simulated kernel in place of the real one on this thread, for programs that make
/// their [`Runtime`](crate::Runtime) themselves, such as tests of how it ends. Nothing goes wrong.
///
/// # Panics
///
/// When `f` leaves something behind in the simulation: an open descriptor, or memory that is lent to
/// an operation. When this thread has a simulated kernel already.
///
/// ```
/// use annulus::Runtime;
/// use annulus::time::{Duration, sleep};
///
/// annulus::sim::scope(7, || {
///     let runtime = Runtime::new()?;
///     runtime.spawn(sleep(Duration::from_secs(3600))).detach();
///     assert_eq!(runtime.shutdown_timeout(Duration::from_secs(1)), 0);
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
pub fn scope<T>(seed: u64, f: impl FnOnce() -> T) -> T {
    kernel::install(seed, kernel::Faults::none());
    let _installed = Installed;
    let output = f();
    kernel::has_run();
    let here = kernel::HostId(0);
    let open = kernel::open_descriptors(here);
    let which = || kernel::describe_descriptors(here).join(", ");
    assert!(open == 0, "{open} descriptors are left open in the simulation: {}", which());
    let lent = kernel::buffers_lent();
    assert!(lent == 0, "{lent} buffers are lent to operations that are over");
    output
}

/// Takes the simulated kernel away, also when the program panics.
struct Installed;

impl Drop for Installed {
    fn drop(&mut self) {
        kernel::uninstall();
    }
}
