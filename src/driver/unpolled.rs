//! Ops whose future was dropped without ever having been polled: nothing was submitted, and most
//! likely an `.await` is missing.
//!
//! They are counted, and in debug mode reported, once for each place that makes them. The place is
//! known in builds with debug assertions only: elsewhere it would make every op larger.

use std::collections::HashSet;
use std::panic::Location;

use super::Driver;
use crate::report::heard;

/// The places that were reported, each with its kind of op.
pub(super) type Reported = HashSet<(&'static str, Option<&'static Location<'static>>)>;

impl Driver {
    /// Reports such ops from now on.
    pub(crate) fn report_unpolled(&mut self) {
        self.unpolled.get_or_insert_default();
    }
}

/// Notes one.
#[cold]
#[inline(never)]
pub(super) fn note(op: &'static str, made_at: Option<&'static Location<'static>>) {
    let is_new = super::with(|driver| {
        driver.counters.unpolled += 1;
        driver.unpolled.as_mut().is_some_and(|reported| reported.insert((op, made_at)))
    });
    if is_new != Some(true) {
        return;
    }
    match made_at {
        Some(made_at) => heard(|| {
            tracing::warn!(
                op,
                %made_at,
                "an operation was dropped without being polled, so it never began: is an `.await` \
                 missing?",
            );
        }),
        None => heard(|| {
            tracing::warn!(
                op,
                "an operation was dropped without being polled, so it never began: is an `.await` \
             missing? A build with debug assertions knows where it was made",
            );
        }),
    }
}
