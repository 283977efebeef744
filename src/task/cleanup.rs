//! How long deferred clean-up may take.

use std::time::Duration;

use super::Id;
use super::table::{Tasks, with};
use crate::scheduler::TaskId;

impl Tasks {
    /// How long the clean-up of one task may take; `None` when it has all the time it wants.
    pub(super) fn cleanup_limit(&self) -> Option<Duration> {
        self.cleanup_limit
    }

    pub(crate) fn set_cleanup_limit(&mut self, limit: Option<Duration>) {
        self.cleanup_limit = limit;
    }
}

/// A task has not cleaned up in time.
#[cold]
pub(super) fn report_late(id: TaskId) {
    let Some((Some(subject), limit)) = with(|tasks| (tasks.subject(id), tasks.cleanup_limit()))
    else {
        return;
    };
    tracing::warn!(
        task = %Id(id),
        name = subject.name.as_deref(),
        spawned_at = %subject.spawned_at,
        limit_ms = limit.unwrap_or_default().as_secs_f64() * 1e3,
        "a task did not clean up in its time, and what was left of it was dropped",
    );
}
