//! What this process may have, and what it runs on.
//!
//! - descriptors: [`nofile_limit`], [`raise_nofile_limit`]
//! - locked memory, which rings and registered buffers are charged to: [`memlock_limit`],
//!   [`ring_memory_bytes`]
//! - the size of a page and the name of the kernel: [`page_size`], [`kernel_release`]

#![expect(unsafe_code, reason = "getrlimit, setrlimit, sysconf and uname are libc calls")]

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;

/// A resource limit of this process; `u64::MAX` means that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    /// What is enforced; the process may raise it up to `hard`.
    pub(crate) soft: u64,
    /// What only a privileged process may raise.
    pub(crate) hard: u64,
}

/// The number of descriptors this process may have open (`RLIMIT_NOFILE`).
pub(crate) fn nofile_limit() -> io::Result<Limit> {
    #[cfg(feature = "sim")]
    if super::sim::is_installed() {
        // A simulated host runs out of descriptors when its knobs say so.
        return Ok(Limit { soft: 1 << 20, hard: 1 << 20 });
    }
    limit(libc::RLIMIT_NOFILE)
}

/// The bytes that this process may keep locked in memory (`RLIMIT_MEMLOCK`).
///
/// The kernel charges rings and registered buffers to the *user*, over all of its processes, and
/// compares the sum with the limit of the process that asks.
pub(crate) fn memlock_limit() -> io::Result<Limit> {
    limit(libc::RLIMIT_MEMLOCK)
}

/// Raises the soft limit of open descriptors to the hard one; answers the soft limit before and
/// after.
///
/// A server has a descriptor per connection, and the usual soft limit of 1024 is there for the
/// sake of `select`, which nothing here uses.
///
/// # Errors
///
/// What `setrlimit` says: `EPERM` if the hard limit is above `fs.nr_open`.
pub(crate) fn raise_nofile_limit() -> io::Result<(u64, u64)> {
    let before = nofile_limit()?;
    if before.soft >= before.hard {
        return Ok((before.soft, before.soft));
    }
    let wanted = libc::rlimit { rlim_cur: before.hard, rlim_max: before.hard };
    // SAFETY: `wanted` is a valid rlimit that the call only reads.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &wanted) } == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok((before.soft, before.hard))
}

/// The most that the kernel charges to locked memory for a ring of these sizes, in bytes.
///
/// Kernels from 6.14 on, and up to 5.11, charge a ring to the user who makes it, unless the
/// process has `CAP_IPC_LOCK`; those between charge nothing. Sizes are rounded up to powers of two
/// as the kernel does it. A ring is two mappings of whole pages: one of the SQEs (64 bytes each),
/// and one of a header, the CQEs (16 bytes each) and the submission queue's index array (4 bytes
/// each, which a ring made with `SETUP_NO_SQARRAY` does without).
pub(crate) fn ring_memory_bytes(sq_entries: u32, cq_entries: u32) -> u64 {
    const HEADER: u64 = 64;
    let submissions = u64::from(sq_entries).next_power_of_two();
    let completions = u64::from(cq_entries).next_power_of_two();
    let page = page_size() as u64;
    let queues = HEADER + completions * 16 + submissions * 4;
    queues.next_multiple_of(page) + (submissions * 64).next_multiple_of(page)
}

/// The size of a page of memory, in bytes.
pub(crate) fn page_size() -> usize {
    // SAFETY: sysconf takes any name and has no other preconditions.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

/// The kernel's release, as `uname -r` says it. For messages only: nothing is decided by it, for
/// distributions backport features and disable others.
pub(crate) fn kernel_release() -> String {
    let mut name = MaybeUninit::<libc::utsname>::zeroed();
    // SAFETY: `name` is writable and as long as the call expects.
    if unsafe { libc::uname(name.as_mut_ptr()) } == -1 {
        return String::from("unknown");
    }
    // SAFETY: all bytes were zeroed and some then written; a utsname is arrays of char only.
    let name = unsafe { name.assume_init() };
    // SAFETY: the kernel ends each field of a utsname with a NUL.
    let release = unsafe { CStr::from_ptr(name.release.as_ptr()) };
    release.to_string_lossy().into_owned()
}

#[cfg(target_env = "gnu")]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
type Resource = libc::c_int;

fn limit(resource: Resource) -> io::Result<Limit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid rlimit for the call to fill.
    if unsafe { libc::getrlimit(resource, &mut limit) } == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(Limit { soft: limit.rlim_cur, hard: limit.rlim_max })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;
    use crate::sys::abi::{self, Params};
    use crate::sys::door;

    /// The line of `/proc/self/limits` that starts with `name`, as soft and hard limit.
    fn limit_in_proc(name: &str) -> Limit {
        let limits = std::fs::read_to_string("/proc/self/limits").expect("the limits file");
        let line = limits.lines().find(|line| line.starts_with(name)).expect("the limit's line");
        let mut words = line[name.len()..].split_whitespace();
        let mut next = || match words.next().expect("a limit") {
            "unlimited" => u64::MAX,
            number => number.parse().expect("a number"),
        };
        Limit { soft: next(), hard: next() }
    }

    #[test]
    fn limits_are_those_that_proc_shows() {
        assert_eq!(nofile_limit().unwrap(), limit_in_proc("Max open files"));
        assert_eq!(memlock_limit().unwrap(), limit_in_proc("Max locked memory"));
    }

    #[test]
    fn the_soft_limit_of_descriptors_is_raised_to_the_hard_one() {
        const CHILD: &str = "ANNULUS_TEST_RAISE_NOFILE";
        if std::env::var_os(CHILD).is_some() {
            assert_eq!(raise_nofile_limit().unwrap(), (64, 128));
            assert_eq!(nofile_limit().unwrap(), Limit { soft: 128, hard: 128 });
            assert_eq!(raise_nofile_limit().unwrap(), (128, 128));
            return;
        }
        // Limits belong to the whole process, so they are changed in one of their own.
        let name = "sys::limits::tests::the_soft_limit_of_descriptors_is_raised_to_the_hard_one";
        let output = Command::new("sh")
            .args(["-c", "ulimit -S -n 64 && ulimit -H -n 128 && exec \"$@\"", "sh"])
            .arg(std::env::current_exe().expect("this test's path"))
            .args(["--exact", name])
            .env(CHILD, "1")
            .output()
            .expect("sh runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    }

    #[test]
    fn a_page_is_a_power_of_two_of_at_least_4096_bytes() {
        assert!(page_size().is_power_of_two());
        assert!(page_size() >= 4096);
    }

    #[test]
    fn the_kernel_release_is_the_one_in_proc() {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("osrelease");
        assert_eq!(kernel_release(), release.trim());
    }

    #[test]
    fn a_ring_takes_up_powers_of_two_and_whole_pages() {
        let page = page_size() as u64;
        assert_eq!(ring_memory_bytes(1, 2), 2 * page);
        assert_eq!(ring_memory_bytes(200, 4000), ring_memory_bytes(256, 4096));
        if page == 4096 {
            // These were counted on Linux 6.18, by how many rings fit into 8 MiB.
            assert_eq!(ring_memory_bytes(256, 512), 7 * page);
            assert_eq!(ring_memory_bytes(256, 4096), 21 * page);
            assert_eq!(ring_memory_bytes(1024, 2048), 26 * page);
            assert_eq!(ring_memory_bytes(4096, 8192), 101 * page);
        }
    }

    const RING: &str = "ANNULUS_TEST_RING_SIZE";

    /// The child's part: makes a ring of the size that it is told and ends with the errno, or 0.
    #[test]
    fn ring_of_the_size_in_the_environment() {
        let Ok(size) = std::env::var(RING) else { return };
        let mut numbers = size.split(' ').map(|word| word.parse().expect("a number"));
        let mut next = || numbers.next().expect("two sizes and flags");
        let (entries, cq_entries, flags) = (next(), next(), next());
        let mut params = Params { flags, cq_entries, ..Params::default() };
        let ring = door::setup(entries, &mut params);
        println!("errno={}.", ring.err().and_then(|e| e.raw_os_error()).unwrap_or(0));
    }

    /// The errno of making a ring as user `uid`, who may lock `memlock_bytes`; `None` if this
    /// process may not become that user, or that user not run this test.
    fn ring_as_user(uid: u32, memlock_bytes: u64, ring: &str) -> Option<i32> {
        let script = format!("ulimit -l {} && exec \"$@\"", memlock_bytes / 1024);
        let output = Command::new("sh")
            .args(["-c", &script, "sh"])
            .arg(std::env::current_exe().expect("this test's path"))
            .args(["--exact", "sys::limits::tests::ring_of_the_size_in_the_environment"])
            .args(["--nocapture"])
            .env(RING, ring)
            .uid(uid)
            .gid(uid)
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (_, rest) = text.split_once("errno=")?;
        rest.split_once('.')?.0.parse().ok()
    }

    #[test]
    fn the_kernel_charges_what_we_say_to_the_page() {
        // A user is charged for all of their processes, and a ring that is closed is given back
        // late: so each ring gets a user of its own.
        let mut uid = 1_000_000 + std::process::id() * 16;
        let mut ring = |memlock_bytes, ring: &str| {
            uid += 1;
            ring_as_user(uid, memlock_bytes, ring)
        };
        match ring(0, "1 2 8") {
            None => return eprintln!("skipped: cannot run as another user (not root?)"),
            Some(0) => return eprintln!("skipped: this kernel does not charge rings"),
            Some(errno) => assert_eq!(errno, libc::ENOMEM),
        }
        let page = page_size() as u64;
        for (sq, cq) in [(8, 16), (64, 128), (256, 4096), (1024, 2048)] {
            let need = ring_memory_bytes(sq, cq);
            let size = format!("{sq} {cq} {}", abi::SETUP_CQSIZE);
            assert_eq!(ring(need, &size), Some(0), "{size} in {need} bytes");
            assert_eq!(ring(need - page, &size), Some(libc::ENOMEM), "{size} in a page less");
        }
    }
}
