//! Queues that are too small: nothing is lost, nothing is told twice, nothing hangs.

#[path = "../common/mod.rs"]
mod common;

mod any_order;
mod full_completions;
mod full_submissions;
mod storms;

use std::future::Future;

use annulus::{Builder, Runtime};

/// Runs `body` on a loop with these queues, once with deferred task work and once without, and
/// checks afterwards that every op is accounted for and none is left.
#[track_caller]
fn in_both_modes<F: Future>(entries: u32, cq_entries: u32, mut body: impl FnMut() -> F) {
    for coop_only in [false, true] {
        let builder = Builder::new().entries(entries).cq_entries(cq_entries);
        let runtime = builder.coop_only(coop_only).build().expect("a loop");
        let _bound = common::bound::bound_loop(&runtime);
        runtime.block_on(async {
            body().await;
            common::metrics::settle().await;
        });
        ends_clean(runtime);
    }
}

#[track_caller]
fn ends_clean(runtime: Runtime) {
    assert_eq!(runtime.shutdown_timeout(std::time::Duration::from_secs(60)), 0, "leaked ops");
}
