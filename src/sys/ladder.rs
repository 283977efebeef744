//! Making a ring with the best flags that this kernel takes.
//!
//! A kernel that does not know a flag answers `EINVAL` and says nothing more. Kernels never lose a
//! flag, so the newest of those asked for is dropped first, rung by rung, and the first rung that
//! holds has all that this kernel knows. Only what makes a ring faster is dropped. What changes
//! its meaning (its sizes, polling, a disabled start) is either taken or an error.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use super::abi::{
    Params, SETUP_CLAMP, SETUP_COOP_TASKRUN, SETUP_CQSIZE, SETUP_DEFER_TASKRUN, SETUP_IOPOLL,
    SETUP_NO_SQARRAY, SETUP_R_DISABLED, SETUP_SINGLE_ISSUER, SETUP_SQPOLL, SETUP_SUBMIT_ALL,
    SETUP_TASKRUN_FLAG,
};
use super::door;
use super::error::SetupError;
use super::ring::RingConfig;

/// The flags of a ring that one thread submits to and reaps from, where the kernel has them all.
pub(crate) const FASTEST: u32 =
    SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN | SETUP_SUBMIT_ALL | SETUP_CLAMP | SETUP_NO_SQARRAY;

/// The flags to ask for; [`set_up`] leaves out those that the kernel does not know.
pub(super) fn wanted(config: &RingConfig) -> u32 {
    let mut flags = FASTEST | SETUP_CQSIZE;
    if config.coop_only {
        flags = (flags & !SETUP_DEFER_TASKRUN) | SETUP_COOP_TASKRUN;
    }
    if config.iopoll {
        flags |= SETUP_IOPOLL;
    }
    if config.allowed.is_some() {
        flags |= SETUP_R_DISABLED;
    }
    if config.sqpoll_idle.is_some() {
        // The kernel's thread runs completions itself, so deferring them means nothing.
        flags &= !SETUP_DEFER_TASKRUN;
        flags |= SETUP_SQPOLL;
    }
    flags
}

/// Makes a ring of `entries` submissions as `asked` says, with fewer flags if need be.
///
/// Answers the ring and what the kernel made of it; its `flags` are the ones taken.
///
/// # Errors
///
/// Why there is no ring. Memory that is short is asked for again for about a tenth of a second,
/// because the kernel gives back the memory of closed rings late.
pub(crate) fn set_up(entries: u32, asked: &Params) -> Result<(OwnedFd, Params), SetupError> {
    let made = first_rung(asked.flags, |flags| {
        with_patience(super::clock::pause, || {
            let mut params = Params { flags, ..*asked };
            door::setup(entries, &mut params).map(|ring| (ring, params))
        })
    });
    let cq_entries =
        if asked.cq_entries == 0 { entries.saturating_mul(2) } else { asked.cq_entries };
    made.map_err(|error| SetupError::from_setup(error, entries, cq_entries))
}

/// The first answer that is not `EINVAL`, from the best set of flags down.
fn first_rung<T>(asked: u32, mut make: impl FnMut(u32) -> io::Result<T>) -> io::Result<T> {
    let mut last = None;
    for flags in rungs(asked) {
        match make(flags) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => last = Some(error),
            answer => return answer,
        }
    }
    Err(last.unwrap_or_else(|| io::Error::from_raw_os_error(libc::EINVAL)))
}

/// The sets of flags to try, best first, none twice.
fn rungs(asked: u32) -> Vec<u32> {
    let steps: [fn(u32) -> u32; 6] = [
        |flags| flags & !SETUP_NO_SQARRAY,
        without_deferring,
        |flags| flags & !SETUP_SINGLE_ISSUER,
        |flags| flags & !(SETUP_COOP_TASKRUN | SETUP_TASKRUN_FLAG),
        |flags| flags & !SETUP_SUBMIT_ALL,
        |flags| flags & !SETUP_CLAMP,
    ];
    let mut rungs = vec![asked];
    for step in steps {
        let next = step(rungs[rungs.len() - 1]);
        if next != rungs[rungs.len() - 1] {
            rungs.push(next);
        }
    }
    rungs
}

/// Completions that are not deferred are at least kept from interrupting the thread. With a kernel
/// thread that submits there is nothing to interrupt, and the flags are refused.
fn without_deferring(flags: u32) -> u32 {
    if flags & SETUP_DEFER_TASKRUN == 0 {
        return flags;
    }
    let rest = flags & !SETUP_DEFER_TASKRUN;
    if flags & SETUP_SQPOLL == 0 { rest | SETUP_COOP_TASKRUN | SETUP_TASKRUN_FLAG } else { rest }
}

/// Calls `make` again on `ENOMEM`, with a pause of 1, 2, 4 … 64 ms before.
fn with_patience<T>(
    mut pause: impl FnMut(Duration),
    mut make: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    for doubling in 0..7 {
        match make() {
            Err(error) if error.raw_os_error() == Some(libc::ENOMEM) => {
                pause(Duration::from_millis(1 << doubling));
            }
            answer => return answer,
        }
    }
    make()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::abi::{SETUP_CQSIZE, SETUP_R_DISABLED};
    use crate::sys::error::SetupCause;

    /// A kernel that knows `known` and refuses every set with another flag in it.
    fn kernel(known: u32) -> impl FnMut(u32) -> io::Result<u32> {
        move |flags| match flags & !known {
            0 => Ok(flags),
            _ => Err(io::Error::from_raw_os_error(libc::EINVAL)),
        }
    }

    #[test]
    fn each_kernel_takes_all_the_flags_that_it_knows() {
        let linux_5_6 = SETUP_CQSIZE | SETUP_CLAMP;
        let linux_5_18 = linux_5_6 | SETUP_SUBMIT_ALL;
        let linux_5_19 = linux_5_18 | SETUP_COOP_TASKRUN | SETUP_TASKRUN_FLAG;
        let linux_6_0 = linux_5_19 | SETUP_SINGLE_ISSUER;
        let linux_6_1 = linux_6_0 | SETUP_DEFER_TASKRUN;
        let linux_6_6 = linux_6_1 | SETUP_NO_SQARRAY;
        let asked = FASTEST | SETUP_CQSIZE;
        let best = |known| first_rung(asked, kernel(known)).expect("a rung");
        assert_eq!(best(linux_6_6), asked);
        assert_eq!(best(linux_6_1), asked & !SETUP_NO_SQARRAY);
        assert_eq!(best(linux_6_0), linux_6_0);
        assert_eq!(best(linux_5_19), linux_5_19);
        assert_eq!(best(linux_5_18), linux_5_18);
        assert_eq!(best(linux_5_6), linux_5_6);
        assert_eq!(best(SETUP_CQSIZE), SETUP_CQSIZE);
    }

    #[test]
    fn a_flag_that_changes_the_meaning_is_never_dropped() {
        for flags in rungs(FASTEST | SETUP_CQSIZE | SETUP_R_DISABLED | SETUP_SQPOLL) {
            let kept = SETUP_CQSIZE | SETUP_R_DISABLED | SETUP_SQPOLL;
            assert_eq!(flags & kept, kept);
            assert_eq!(flags & SETUP_COOP_TASKRUN, 0, "refused beside SQPOLL");
        }
        let error = first_rung(FASTEST | SETUP_CQSIZE, kernel(0)).expect_err("no CQSIZE");
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
    }

    #[test]
    fn no_set_of_flags_is_tried_twice() {
        assert_eq!(rungs(0), [0]);
        assert_eq!(rungs(SETUP_CLAMP), [SETUP_CLAMP, 0]);
        let all = rungs(FASTEST);
        assert!((1..all.len()).all(|n| !all[n..].contains(&all[n - 1])));
    }

    #[test]
    fn an_error_that_no_flag_explains_ends_the_search() {
        let mut calls = 0;
        let answer: io::Result<()> = first_rung(FASTEST, |_| {
            calls += 1;
            Err(io::Error::from_raw_os_error(libc::EPERM))
        });
        assert_eq!(answer.expect_err("EPERM").raw_os_error(), Some(libc::EPERM));
        assert_eq!(calls, 1);
    }

    #[test]
    fn memory_that_comes_back_late_is_waited_for() {
        let (mut calls, mut pauses) = (0, Vec::new());
        let answer = with_patience(
            |pause| pauses.push(pause.as_millis()),
            || {
                calls += 1;
                if calls < 3 { Err(io::Error::from_raw_os_error(libc::ENOMEM)) } else { Ok(calls) }
            },
        );
        assert_eq!(answer.expect("the third call"), 3);
        assert_eq!(pauses, [1, 2]);
    }

    #[test]
    fn memory_that_does_not_come_back_is_an_error() {
        let (mut calls, mut paused) = (0, Duration::ZERO);
        let answer: io::Result<()> = with_patience(
            |pause| paused += pause,
            || {
                calls += 1;
                Err(io::Error::from_raw_os_error(libc::ENOMEM))
            },
        );
        assert_eq!(answer.expect_err("ENOMEM").raw_os_error(), Some(libc::ENOMEM));
        assert_eq!((calls, paused), (8, Duration::from_millis(127)));
    }

    #[test]
    fn this_kernel_makes_a_ring_and_says_with_which_flags() {
        let asked = Params { flags: FASTEST | SETUP_CQSIZE, cq_entries: 64, ..Params::default() };
        let (_ring, made) = set_up(8, &asked).expect("a ring");
        assert!(rungs(asked.flags).contains(&made.flags));
        assert_eq!((made.sq_entries, made.cq_entries), (8, 64));
    }

    #[test]
    fn a_ring_of_no_entries_is_refused_after_every_rung() {
        let asked = Params { flags: FASTEST, ..Params::default() };
        let error = set_up(0, &asked).expect_err("no entries");
        assert_eq!(error.cause(), SetupCause::UnsupportedFlags);
    }
}
