//! The clock door: every reading of time in the crate comes from here.

#![expect(unsafe_code, reason = "clock_gettime is a libc call")]

/// Nanoseconds of `CLOCK_MONOTONIC`, the clock that the ring's timeouts count by.
#[inline]
pub(crate) fn monotonic_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid timespec for the call to fill; CLOCK_MONOTONIC always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
