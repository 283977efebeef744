//! What a driver has done since it was made.

/// What the driver has done since it was made.
#[derive(Debug, Default, Clone, Copy)]
#[repr(C)]
pub(crate) struct Counters {
    /// System calls.
    pub(crate) enters: u64,
    /// Ops pushed, the driver's own excluded.
    pub(crate) submitted: u64,
    /// Ops whose final completion has come.
    pub(crate) completed: u64,
    /// Completions of any kind.
    pub(crate) completions: u64,
    /// Ops whose future was dropped before its outcome was taken.
    pub(crate) abandoned: u64,
    /// Abandoned ops whose outcome was kept or let go of.
    pub(crate) salvaged: u64,
    /// Ops whose future was dropped without having been polled.
    pub(crate) unpolled: u64,
    pub(crate) cancels_requested: u64,
    /// Cancel requests that came too late.
    pub(crate) cancels_late: u64,
    /// Turns in which the kernel had to hold completions back.
    pub(crate) overflows: u64,
    /// Turns that the kernel had no room for.
    pub(crate) busy: u64,
    /// Completions of ops that were not known any more.
    pub(crate) stale: u64,
    /// Descriptors closed through the ring.
    pub(crate) closed: u64,
    /// Such closes that failed.
    pub(crate) close_failures: u64,
}

impl Counters {
    /// Ops without their final completion, the driver's own excluded.
    #[inline]
    pub(crate) fn in_flight(&self) -> usize {
        (self.submitted - self.completed) as usize
    }
}
