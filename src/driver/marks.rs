//! What has happened to an op besides its lifecycle, a bit each.

/// A set of what is true of an op.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Marks(u8);

impl Marks {
    pub(super) const NONE: Marks = Marks(0);
    /// It has a linked timeout.
    pub(super) const TIMED: Marks = Marks(1);
    /// A cancel was requested for whoever holds the future, or because it is gone.
    pub(super) const CANCELLED: Marks = Marks(1 << 1);
    /// A cancel was requested so that it looks into the stash.
    pub(super) const RECALLED: Marks = Marks(1 << 2);
    /// The last handle on its descriptor is gone while its future lives on.
    pub(super) const CLOSED: Marks = Marks(1 << 3);
    /// Its entry waits for room in the submission queue.
    pub(super) const QUEUED: Marks = Marks(1 << 4);

    #[inline]
    pub(super) fn has(self, mark: Marks) -> bool {
        self.0 & mark.0 != 0
    }

    #[inline]
    pub(super) fn set(&mut self, mark: Marks) {
        self.0 |= mark.0;
    }

    #[inline]
    pub(super) fn clear(&mut self, mark: Marks) {
        self.0 &= !mark.0;
    }
}
