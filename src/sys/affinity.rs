//! On which CPUs a thread may run.

#![expect(unsafe_code, reason = "sched_setaffinity is a libc call")]

use std::io;
use std::thread::available_parallelism;

/// How many threads can run at a time; one when nobody knows.
///
/// The machine's number, as far as the process may use it, is read from several files. A simulated
/// world has its own, so that its runs are the same on every machine.
pub(crate) fn cores() -> usize {
    #[cfg(feature = "sim")]
    if super::sim::is_installed() {
        return super::sim::CORES;
    }
    available_parallelism().map_or(1, usize::from)
}

/// The CPU that this thread runs on at the moment; it may run elsewhere by the time of the answer.
pub(crate) fn current_cpu() -> usize {
    #[cfg(feature = "sim")]
    if super::sim::is_installed() {
        return 0;
    }
    // Miri has no such call.
    if cfg!(miri) {
        return 0;
    }
    // SAFETY: it takes nothing and returns a number.
    usize::try_from(unsafe { libc::sched_getcpu() }).unwrap_or(0)
}

/// Binds the calling thread to these CPUs.
///
/// # Errors
///
/// `EINVAL` when none of them may be used, or one is too large a number.
pub(crate) fn bind_thread(cpus: &[usize]) -> io::Result<()> {
    let limit = 8 * size_of::<libc::cpu_set_t>();
    // SAFETY: a cpu_set_t is an array of integers, for which zero is a value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    for &cpu in cpus {
        if cpu >= limit {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("there is no CPU {cpu}: the largest number is {}", limit - 1),
            ));
        }
        // SAFETY: the number was checked against the size of the set.
        unsafe { libc::CPU_SET(cpu, &mut set) };
    }
    set_affinity(&set)
}

/// Lets the calling thread run on every CPU that the process may use.
pub(crate) fn unbind_thread() {
    // SAFETY: as above.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    for cpu in 0..8 * size_of::<libc::cpu_set_t>() {
        // SAFETY: the number is below the size of the set.
        unsafe { libc::CPU_SET(cpu, &mut set) };
    }
    // The kernel takes the intersection with what the cgroup allows; without any, all stays.
    let _stays_bound = set_affinity(&set);
}

fn set_affinity(set: &libc::cpu_set_t) -> io::Result<()> {
    // SAFETY: thread 0 is the calling one, and the set has the size that is said.
    let answer = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), set) };
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_bound_and_unbound() {
        std::thread::spawn(|| {
            let before = available_parallelism().expect("some CPU").get();
            bind_thread(&[0]).expect("CPU 0");
            assert_eq!(available_parallelism().expect("some CPU").get(), 1);
            unbind_thread();
            assert!(available_parallelism().expect("some CPU").get() >= before);
        })
        .join()
        .expect("the thread");
    }

    #[test]
    fn a_cpu_that_cannot_be_is_named_in_the_error() {
        let error = bind_thread(&[100_000]).expect_err("no such CPU");
        assert!(error.to_string().contains("100000"), "{error}");
    }
}
