//! The clock door: every reading of time in the crate comes from here.

#![expect(unsafe_code, reason = "clock_gettime is a libc call")]

/// Nanoseconds of `CLOCK_MONOTONIC`, the clock that the ring's timeouts count by.
#[inline]
pub(crate) fn monotonic_ns() -> u64 {
    #[cfg(feature = "sim")]
    if let Some(now_ns) = super::sim::clock_ns() {
        return now_ns;
    }
    read(libc::CLOCK_MONOTONIC)
}

/// As [`monotonic_ns`], as it was at the kernel's last tick, up to ten milliseconds ago: for what a
/// person reads, since the exact time takes some twenty nanoseconds to tell.
#[inline]
pub(crate) fn monotonic_tick_ns() -> u64 {
    #[cfg(feature = "sim")]
    if let Some(now_ns) = super::sim::clock_ns() {
        return now_ns;
    }
    read(libc::CLOCK_MONOTONIC_COARSE)
}

/// Nanoseconds of `CLOCK_THREAD_CPUTIME_ID`: what this thread has run, in the kernel and outside,
/// which stands still while it waits. Reading it is a system call.
pub(crate) fn thread_cpu_ns() -> u64 {
    #[cfg(feature = "sim")]
    if let Some(now_ns) = super::sim::clock_ns() {
        return now_ns;
    }
    read(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// Lets the thread do nothing for a while.
pub(crate) fn pause(time: std::time::Duration) {
    #[cfg(feature = "sim")]
    if super::sim::pause(time) {
        return;
    }
    std::thread::sleep(time);
}

#[inline]
fn read(clock: libc::clockid_t) -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid timespec for the call to fill; both clocks always exist.
    unsafe { libc::clock_gettime(clock, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
