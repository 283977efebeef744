//! What stands in a wheel, for dumps.

use std::task::Waker;

use super::Wheel;

impl Wheel {
    /// Every entry that stands, in no order: its deadline and its waker.
    pub(crate) fn standing_entries(&self) -> impl Iterator<Item = (u64, &Waker)> {
        self.entries.iter().filter_map(|entry| Some((entry.deadline, entry.waker.as_ref()?)))
    }
}
