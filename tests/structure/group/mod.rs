//! `TaskGroup`: the semantics that asyncio's `test_taskgroups` and trio's nursery tests (in
//! `test_run`) hold theirs to, in our words.

mod end;
mod failures;
mod nested;
mod owner;
mod random;
mod stop;

use std::future::pending;
use std::time::Duration;

use annulus::task::defer;
use annulus::time::sleep;

use crate::support::Log;

/// A child that never ends by itself and takes a moment to clean up.
async fn slow_to_end(log: Log, what: &'static str) -> Result<(), &'static str> {
    defer(async move {
        sleep(Duration::from_millis(1)).await;
        log.push(what);
    });
    pending().await
}
