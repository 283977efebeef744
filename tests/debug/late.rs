//! Clean-up that took longer than it may.

use std::future::pending;
use std::time::Duration;

use annulus::task::{self, defer};
use annulus::{Builder, spawn};
use tracing::Level;

use super::common::bound::bound;
use super::common::capture::said_by;

#[test]
fn clean_up_beyond_its_limit_is_reported_with_its_task() {
    let _bound = bound();
    let mut id = String::new();
    let said = said_by(|| {
        let builder = Builder::new().debug(false).cleanup_limit(Duration::from_millis(2));
        builder.build().expect("a loop").block_on(async {
            task::set_name("root");
            defer(pending());
            let late = task::Builder::new().name("late").spawn(async {
                defer(pending());
            });
            id = late.id().to_string();
            spawn(async { defer(async {}) }).await.expect("in time");
            late.await.expect("its future has ended");
        });
    });
    let names: Vec<&str> = said.iter().map(|said| said.field("name")).collect();
    assert_eq!(names, ["late", "root"], "{said:?}");
    assert!(said[0].message().starts_with("a task did not clean up in its time"), "{said:?}");
    assert_eq!(said[0].level, Level::WARN);
    assert_eq!(said[0].field("task"), id);
    assert_eq!(said[0].number("limit_ms"), 2.0);
    assert!(said[0].field("spawned_at").contains("late.rs:"), "{said:?}");
}
