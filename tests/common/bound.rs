//! No test waits for ever.

use std::future::Future;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use annulus::{Handle, Runtime};

use super::soak;

/// Much longer than any test takes, also on a machine with too much to do.
const LIMIT: Duration = Duration::from_secs(120);

/// Ends the process and says where it hangs unless it is dropped in time.
///
/// A timeout inside a loop would not do: what hangs may be the loop.
#[must_use = "the bound holds until it is dropped"]
pub(crate) struct Bound {
    _alive: Sender<()>,
}

/// Bounds the test that calls, until the guard is dropped.
pub(crate) fn bound() -> Bound {
    watch(None)
}

/// As [`bound`], and shows what the loop waits for when the time is up.
pub(crate) fn bound_loop(runtime: &Runtime) -> Bound {
    watch(Some(runtime.handle().clone()))
}

fn watch(handle: Option<Handle>) -> Bound {
    let (alive, ended) = mpsc::channel::<()>();
    let test = thread::current().name().unwrap_or("a test").to_owned();
    let limit = if soak::is_on() { LIMIT * 30 } else { LIMIT };
    thread::spawn(move || {
        if ended.recv_timeout(limit) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        eprintln!("{test} does not end");
        match handle.map(|handle| (handle.dump(), handle.metrics())) {
            Some((Some(dump), metrics)) => eprintln!("{dump}{metrics:?}"),
            Some((None, _)) => eprintln!("its loop does not answer"),
            None => {}
        }
        std::process::abort();
    });
    Bound { _alive: alive }
}

/// Runs a future on a loop of its own, bounded: on a simulated kernel where the environment says so
/// (`ANNULUS_WORLD=SEED`, feature `sim`), else on the real one.
#[track_caller]
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    #[cfg(feature = "sim")]
    if let Some(seed) = world() {
        let _bound = bound();
        return annulus::sim::run(seed, future).expect("a loop");
    }
    run_really(future)
}

/// Runs a test that makes its runtime itself, bounded: on a simulated kernel where the environment says
/// so, as [`run`] does, and then nothing may be left there.
pub(crate) fn on_either_kernel(test: impl FnOnce()) {
    let _bound = bound();
    #[cfg(feature = "sim")]
    if let Some(seed) = world() {
        return annulus::sim::scope(seed, test);
    }
    test();
}

/// The seed of the simulated world to run in, if that is asked for.
#[cfg(feature = "sim")]
fn world() -> Option<u64> {
    std::env::var("ANNULUS_WORLD").ok()?.parse().ok()
}

/// As [`run`], and always on the real kernel: for tests that talk to std's sockets, to threads or
/// to other processes.
#[track_caller]
pub(crate) fn run_really<F: Future>(future: F) -> F::Output {
    let runtime = Runtime::new().expect("a loop");
    let _bound = bound_loop(&runtime);
    runtime.block_on(future)
}
