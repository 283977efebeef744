//! The end of a runtime: whatever is in flight, whoever holds what, and wherever it happens.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/fifo.rs"]
mod named_pipe;
#[path = "../common/temp.rs"]
mod temp;

mod anywhere;
mod every_kind;
mod grace;
mod refused;
mod tasks;

use std::time::Duration;

use annulus::Runtime;

/// Much longer than it takes; what it takes is measured elsewhere.
const LONG: Duration = Duration::from_secs(60);

#[track_caller]
fn ends_clean(runtime: Runtime) {
    assert_eq!(runtime.shutdown_timeout(LONG), 0, "leaked ops");
}
