//! What surrounds this process and bears on whether it may have a ring.

use std::fs;

use super::limits::{self, Limit};

/// The settings that explain why the kernel refused a ring. What cannot be read is `None` or
/// `false`: an error about an error would help nobody.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// `kernel.io_uring_disabled`; the sysctl exists since 6.6.
    pub(crate) io_uring_disabled: Option<u8>,
    /// The soft limit of locked memory; `None` if there is no limit.
    pub(crate) memlock_soft_bytes: Option<u64>,
    /// The hard limit of locked memory; `None` if there is no limit.
    pub(crate) memlock_hard_bytes: Option<u64>,
    /// The soft limit of open descriptors.
    pub(crate) nofile_soft: Option<u64>,
    /// `CAP_IPC_LOCK` where it counts: locked memory is not charged.
    pub(crate) ipc_lock: bool,
    /// `CAP_SYS_ADMIN` where it counts: `kernel.io_uring_disabled` at 1 does not apply.
    pub(crate) sys_admin: bool,
    /// What `uname -r` says, for messages only.
    pub(crate) kernel_release: String,
}

impl Environment {
    /// Reads the environment of this process.
    pub(crate) fn read() -> Environment {
        #[cfg(feature = "sim")]
        if super::sim::is_installed() {
            // A simulated kernel has no limits of its own, and the machine's are none of its.
            let kernel_release = String::from("simulated");
            return Environment { kernel_release, ..Environment::default() };
        }
        let memlock = limits::memlock_limit().ok();
        let capabilities = read_capabilities();
        Environment {
            io_uring_disabled: read_number("/proc/sys/kernel/io_uring_disabled"),
            memlock_soft_bytes: memlock.and_then(|limit| finite(limit.soft)),
            memlock_hard_bytes: memlock.and_then(|limit| finite(limit.hard)),
            nofile_soft: limits::nofile_limit().ok().map(|Limit { soft, .. }| soft),
            ipc_lock: capabilities & (1 << CAP_IPC_LOCK) != 0,
            sys_admin: capabilities & (1 << CAP_SYS_ADMIN) != 0,
            kernel_release: limits::kernel_release(),
        }
    }
}

// The numbers of <linux/capability.h>.
const CAP_IPC_LOCK: u32 = 14;
const CAP_SYS_ADMIN: u32 = 21;

fn finite(limit: u64) -> Option<u64> {
    Some(limit).filter(|limit| *limit != libc::RLIM_INFINITY)
}

fn read_number(path: &str) -> Option<u8> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The effective capabilities of this thread, as far as they count for io_uring.
///
/// The kernel asks for them in the first user namespace. Root in a rootless container has them all
/// in a namespace of its own, where they count for nothing here.
fn read_capabilities() -> u64 {
    let uid_map = fs::read_to_string("/proc/thread-self/uid_map").unwrap_or_default();
    if !is_first_namespace(&uid_map) {
        return 0;
    }
    let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    effective_capabilities(&status)
}

/// Whether `uid_map` maps every user to itself, as only the first namespace's does.
fn is_first_namespace(uid_map: &str) -> bool {
    uid_map.split_whitespace().eq(["0", "0", "4294967295"])
}

fn effective_capabilities(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_is_told_from_a_large_one() {
        assert_eq!(finite(libc::RLIM_INFINITY), None);
        assert_eq!(finite(libc::RLIM_INFINITY - 1), Some(u64::MAX - 1));
    }

    #[test]
    fn capabilities_are_read_from_the_effective_mask() {
        let status = "Name:\tx\nCapPrm:\t000001ffffffffff\nCapEff:\t0000000000004000\nCapBnd:\t0\n";
        assert_eq!(effective_capabilities(status), 1 << CAP_IPC_LOCK);
        assert_eq!(effective_capabilities("Name:\tx\n"), 0);
    }

    #[test]
    fn the_namespace_of_a_rootless_container_is_not_the_first() {
        assert!(is_first_namespace("         0          0 4294967295\n"));
        assert!(!is_first_namespace("         0       1000          1\n"));
        assert!(!is_first_namespace("         0 1000 1\n         1 100000 65536\n"));
        assert!(!is_first_namespace(""));
    }

    #[test]
    fn this_process_has_limits_and_a_kernel() {
        let here = Environment::read();
        assert_eq!(here.nofile_soft, limits::nofile_limit().ok().map(|limit| limit.soft));
        assert_eq!(here.kernel_release, limits::kernel_release());
        let sysctl = fs::read_to_string("/proc/sys/kernel/io_uring_disabled").ok();
        assert_eq!(here.io_uring_disabled.map(|n| n.to_string()), sysctl.map(|s| s.trim().into()));
    }
}
