//! What the counters of a loop promise.

use annulus::runtime::Metrics;

/// The metrics of the loop that runs.
pub(crate) fn here() -> Metrics {
    annulus::Handle::current().metrics().expect("a loop")
}

/// Panics when an op was lost or counted twice.
#[track_caller]
pub(crate) fn assert_conserved(metrics: &Metrics) {
    let flying = metrics.ops_submitted - metrics.ops_completed;
    assert_eq!(flying, metrics.ops_in_flight, "submitted is completed and in flight: {metrics:?}");
    let alive = metrics.tasks_spawned - metrics.tasks_finished;
    assert_eq!(alive, metrics.tasks_alive, "spawned is finished and alive: {metrics:?}");
    assert_eq!(metrics.completions_stale, 0, "a completion of no op: {metrics:?}");
    assert_eq!(metrics.close_failures, 0, "a close that failed: {metrics:?}");
    assert!(metrics.ops_salvaged <= metrics.ops_abandoned, "{metrics:?}");
}

/// Turns the loop until nothing is in flight, and panics when something is not accounted for.
pub(crate) async fn settle() {
    while here().ops_in_flight > 0 {
        annulus::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let metrics = here();
    assert_conserved(&metrics);
    assert_eq!(metrics.ops_salvaged, metrics.ops_abandoned, "{metrics:?}");
    assert_eq!(metrics.ops_backlog, 0, "{metrics:?}");
}
