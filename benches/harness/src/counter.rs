//! The processor's own count of instructions, where the machine lets one read it.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::FromRawFd;

/// `PERF_TYPE_HARDWARE`, `PERF_COUNT_HW_INSTRUCTIONS`.
const HARDWARE: u32 = 0;
const INSTRUCTIONS: u64 = 1;

/// Flags of `perf_event_attr`: threads that are begun later count too, the kernel and the
/// hypervisor do not.
const INHERIT: u64 = 1 << 1;
const EXCLUDE_KERNEL: u64 = 1 << 5;
const EXCLUDE_HYPERVISOR: u64 = 1 << 6;

/// The first, and oldest, form of `perf_event_attr`: 64 bytes.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint_type: u32,
    config1: u64,
}

/// User-space instructions of a process since it was opened.
#[derive(Debug)]
pub struct Counter {
    file: File,
}

/// Whether there are such counters here; virtual machines often have none.
pub fn available() -> bool {
    Counter::open(std::process::id()).is_ok()
}

impl Counter {
    pub fn open(pid: u32) -> io::Result<Counter> {
        let attributes = Attributes {
            kind: HARDWARE,
            size: size_of::<Attributes>() as u32,
            config: INSTRUCTIONS,
            flags: INHERIT | EXCLUDE_KERNEL | EXCLUDE_HYPERVISOR,
            ..Attributes::default()
        };
        let (any_cpu, no_group) = (-1, -1);
        // SAFETY: `attributes` is valid for the call, and says its own size.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                &raw const attributes,
                pid as libc::pid_t,
                any_cpu,
                no_group,
                0,
            )
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new and ours.
        Ok(Counter { file: unsafe { File::from_raw_fd(fd as libc::c_int) } })
    }

    pub fn read(&self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        (&self.file).read_exact(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_are_counters_they_count() {
        let Ok(counter) = Counter::open(std::process::id()) else {
            println!("skipped: this machine has no counters of instructions");
            return;
        };
        let before = counter.read().expect("a count");
        let sum = (0..10_000u64).fold(0, |sum, number| std::hint::black_box(sum ^ number));
        assert!(counter.read().expect("a count") > before, "{sum}");
    }
}
