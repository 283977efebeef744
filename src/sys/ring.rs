//! One submission queue and one completion queue, set up the fastest way the kernel knows.
//!
//! # Set-up
//!
//! The ladder starts with every flag that measured faster and steps down on `EINVAL`, which is
//! how a kernel says that it does not know one. What was taken is in [`Ring::setup_flags`]; no
//! version number is ever asked. See `uring-sys-notes/setup-flags.md`.
//!
//! # Turning
//!
//! [`Ring::push`] only writes shared memory. [`Ring::enter`] is the one system call of a turn: it
//! submits, lets the kernel run its deferred work, and waits. How much was submitted is read from
//! the queue's head, never from the call's answer, because an error or a short count says nothing
//! about the entries before it.

#![expect(unsafe_code, reason = "gives the kernel addresses")]

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use super::abi::{self, GetEventsArg, Params};
use super::cqe::Cqe;
use super::error::SetupError;
use super::features::Features;
use super::opcode::Opcode;
use super::place::Place;
use super::queues::Queues;
use super::sqe::Prepared;
use super::{clock, door, fork, ladder, restrict, ring_index};

/// What is asked of a ring.
#[derive(Debug, Clone)]
pub(crate) struct RingConfig {
    /// Entries of the submission queue; rounded up to a power of two.
    pub(crate) entries: u32,
    /// Entries of the completion queue; rounded up to a power of two.
    pub(crate) cq_entries: u32,
    /// Lets a kernel thread submit, which sleeps after this time without work.
    pub(crate) sqpoll_idle: Option<Duration>,
    /// Polls devices for completions: only for `O_DIRECT` files that support it.
    pub(crate) iopoll: bool,
    /// Leaves out the deferred task work, for comparison and for odd kernels.
    pub(crate) coop_only: bool,
    /// Gather completions for this long before a wait ends early with fewer than wanted.
    pub(crate) min_wait: Option<Duration>,
    /// Binds the ring to these opcodes and its own.
    pub(crate) allowed: Option<Vec<Opcode>>,
}

impl Default for RingConfig {
    fn default() -> Self {
        RingConfig {
            entries: 256,
            cq_entries: 4096,
            sqpoll_idle: None,
            iopoll: false,
            coop_only: false,
            min_wait: None,
            allowed: None,
        }
    }
}

/// How long an enter may wait for a completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Not at all: submit, and take what is ready, though perhaps not all of it.
    Zero,
    /// Until this time of the monotonic clock, in nanoseconds.
    Until(u64),
    /// Until a completion comes.
    Forever,
}

/// How many completions an enter waits for while it gathers: a turn's worth.
const GATHERED: u32 = 32;

/// How an enter ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entered {
    /// As asked, or the time was up, or a signal came: the queues say what is there.
    Done,
    /// The kernel had no room (`EAGAIN`, `EBUSY`, `ENOMEM`): reap, then enter again.
    Busy,
}

/// A ring. What each turn looks at lies together.
#[repr(C)]
pub(crate) struct Ring {
    /// Of the process that made it.
    generation: u32,
    /// The registered index, or the descriptor.
    enter_fd: RawFd,
    enter_flags: u32,
    min_wait_us: u32,
    is_polled: bool,
    has_deferred_work: bool,
    ring: ManuallyDrop<Queues>,
    params: Params,
    asked_flags: u32,
}

impl Ring {
    /// Sets a ring up, stepping down from the fastest flags to those the kernel knows.
    ///
    /// # Errors
    ///
    /// What the kernel refuses, why, and what to do about it.
    pub(crate) fn new(config: &RingConfig) -> Result<Ring, SetupError> {
        let idle_ms = config.sqpoll_idle.map_or(0, |idle| idle.as_millis());
        let asked = Params {
            flags: ladder::wanted(config),
            cq_entries: config.cq_entries.max(config.entries),
            sq_thread_idle_ms: idle_ms.min(u128::from(u32::MAX)) as u32,
            ..Params::default()
        };
        let (fd, made) = ladder::set_up(config.entries, &asked)?;
        Ring::over(fd, made, config)
            .map_err(|error| SetupError::from_setup(error, made.sq_entries, made.cq_entries))
    }

    fn over(fd: std::os::fd::OwnedFd, params: Params, config: &RingConfig) -> io::Result<Ring> {
        // SAFETY: the descriptor is a fresh ring's, and the parameters are what the kernel answered
        // when it was made.
        let ring = unsafe { Queues::over(fd, params) }?;
        let mut ring = Ring {
            enter_fd: ring.as_raw_fd(),
            enter_flags: abi::ENTER_GETEVENTS,
            min_wait_us: 0,
            is_polled: params.flags & abi::SETUP_SQPOLL != 0,
            has_deferred_work: params.flags & abi::SETUP_DEFER_TASKRUN != 0,
            asked_flags: ladder::wanted(config),
            ring: ManuallyDrop::new(ring),
            generation: fork::watched_generation(),
            params,
        };
        if let Some(opcodes) = &config.allowed {
            restrict::restrict_and_enable(ring.ring.as_raw_fd(), opcodes)?;
        }
        if params.features & abi::FEAT_NO_IOWAIT != 0 {
            ring.enter_flags |= abi::ENTER_NO_IOWAIT;
        }
        if params.features & abi::FEAT_MIN_TIMEOUT != 0 {
            let longest = config.min_wait.unwrap_or_default().as_micros();
            ring.min_wait_us = longest.min(u128::from(u32::MAX)) as u32;
        }
        if let Some(index) = ring_index::register(ring.ring.as_raw_fd()) {
            ring.enter_fd = index;
            ring.enter_flags |= abi::ENTER_REGISTERED_RING;
        }
        Ok(ring)
    }

    /// What the kernel made of the ring.
    pub(crate) fn params(&self) -> &Params {
        &self.params
    }

    /// Asks the kernel what this ring can do.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to answer, as a sandbox may make it.
    pub(crate) fn probe(&self) -> Result<Features, SetupError> {
        Features::of_ring(self.as_fd(), self.params, self.asked_flags)
    }

    /// Entries of the submission and of the completion queue.
    pub(crate) fn sizes(&self) -> (u32, u32) {
        (self.params.sq_entries, self.params.cq_entries)
    }

    /// Whether completions wait for an enter, and come in runs.
    pub(crate) fn has_deferred_work(&self) -> bool {
        self.has_deferred_work
    }

    /// Whether a linked timeout may be told to stay silent when it succeeds.
    ///
    /// Before 6.12 such a pair never ends on a ring with deferred task work (liburing#1235), and
    /// `FEAT_MIN_TIMEOUT` came with 6.12.
    pub(crate) fn can_skip_linked_cqe(&self) -> bool {
        self.params.features & abi::FEAT_CQE_SKIP != 0
            && (!self.has_deferred_work || self.params.features & abi::FEAT_MIN_TIMEOUT != 0)
    }

    /// Puts an entry into the submission queue; gives it back when the queue is full.
    #[inline]
    pub(crate) fn push(&mut self, prepared: Prepared) -> Result<(), Prepared> {
        self.check_process();
        // SAFETY: a `Prepared` is the promise that what its entry points to stays in place until
        // the final completion.
        let pushed = unsafe { self.ring.submission().push(prepared.entry()) };
        pushed.map_err(|_full| prepared)
    }

    /// A place in the submission queue, if there is one.
    #[inline(always)]
    pub(crate) fn place(&mut self) -> Option<Place<'_>> {
        self.check_process();
        Place::in_queue(self.ring.submission())
    }

    /// Puts two linked entries into the queue next to each other, or gives both back.
    ///
    /// A link does not reach over a submit, so room for both is what makes them one submit.
    #[expect(clippy::result_large_err, reason = "what does not fit goes back where it came from")]
    pub(crate) fn push_pair(
        &mut self,
        first: Prepared,
        second: Prepared,
    ) -> Result<(), (Prepared, Prepared)> {
        self.check_process();
        if self.room() < 2 {
            return Err((first, second));
        }
        let mut queue = self.ring.submission();
        // SAFETY: as in `push`.
        let pushed = unsafe { queue.push(first.entry()) };
        // SAFETY: as in `push`.
        let and = unsafe { queue.push(second.entry()) };
        assert!(pushed.is_ok() && and.is_ok(), "the queue said that it has room for two");
        Ok(())
    }

    /// Puts entries into the queue next to each other, all in one submit.
    ///
    /// # Panics
    ///
    /// When there is no room for all: see [`room`](Self::room).
    pub(crate) fn push_together(&mut self, entries: impl Iterator<Item = Prepared>) {
        self.check_process();
        let mut queue = self.ring.submission();
        for prepared in entries {
            // SAFETY: as in `push`.
            let pushed = unsafe { queue.push(prepared.entry()) };
            assert!(pushed.is_ok(), "the queue said that it has room for all");
        }
    }

    /// How many entries fit into the submission queue now.
    #[inline]
    pub(crate) fn room(&mut self) -> usize {
        let queue = self.ring.submission();
        queue.capacity() - queue.len()
    }

    #[inline]
    fn check_process(&self) {
        if self.generation != fork::generation() {
            fork::refuse();
        }
    }

    /// Whether this process made the ring, and is not a forked child of the one that did.
    pub(crate) fn is_own(&self) -> bool {
        self.generation == fork::generation()
    }

    /// How many entries were pushed and not yet taken by the kernel.
    #[inline]
    pub(crate) fn unsubmitted(&mut self) -> u32 {
        self.ring.submission().len() as u32
    }

    /// Whether completions wait that need no enter.
    #[inline]
    pub(crate) fn has_completions(&mut self) -> bool {
        self.ring.has_completions()
    }

    /// Whether the kernel holds completions back that only an enter brings.
    #[inline]
    pub(crate) fn has_overflowed(&mut self) -> bool {
        self.ring.submission().cq_overflow()
    }

    /// Submits what was pushed, runs the kernel's deferred work, and waits for one completion as
    /// long as `wait` says.
    ///
    /// # Errors
    ///
    /// An errno that no retry mends, such as `EEXIST` on a thread that the ring is not of.
    #[inline]
    pub(crate) fn enter(&mut self, wait: Wait) -> io::Result<Entered> {
        self.check_process();
        let min_complete = match wait {
            Wait::Zero => 0,
            Wait::Forever if self.min_wait_us == 0 => 1,
            Wait::Until(_) | Wait::Forever => return self.enter_timed(wait),
        };
        let to_submit = self.unsubmitted();
        let flags = self.enter_flags | self.sqpoll_wakeup();
        // SAFETY: every entry in the queue came as a `Prepared`; there is no argument.
        let entered = unsafe {
            door::enter(self.enter_fd, to_submit, min_complete, flags, std::ptr::null(), 0)
        };
        ended(entered)
    }

    /// An enter that waits for a time, or gathers.
    #[inline(never)]
    fn enter_timed(&mut self, wait: Wait) -> io::Result<Entered> {
        let to_submit = self.unsubmitted();
        let min_complete = if self.min_wait_us > 0 { GATHERED } else { 1 };
        let mut timespec = [0i64; 2];
        let mut arg = GetEventsArg { min_wait_us: self.min_wait_us, ..GetEventsArg::default() };
        let mut flags = self.enter_flags | self.sqpoll_wakeup() | abi::ENTER_EXT_ARG;
        if let Wait::Until(deadline_ns) = wait {
            flags |= self.timeout_until(deadline_ns, &mut timespec);
            arg.timespec = timespec.as_ptr() as u64;
        }
        let (record, size) = (std::ptr::from_ref(&arg), size_of::<GetEventsArg>());
        // SAFETY: every entry in the queue came as a `Prepared`; the argument and the timespec
        // that it names live on this stack frame until the call returns.
        let entered = unsafe {
            door::enter(self.enter_fd, to_submit, min_complete, flags, record.cast(), size)
        };
        ended(entered)
    }

    /// Fills `timespec` for a wait until `deadline_ns` and answers the flags that go with it.
    fn timeout_until(&self, deadline_ns: u64, timespec: &mut [i64; 2]) -> u32 {
        let absolute = self.params.features & abi::FEAT_MIN_TIMEOUT != 0 && self.min_wait_us == 0;
        let time =
            if absolute { deadline_ns } else { deadline_ns.saturating_sub(clock::monotonic_ns()) };
        *timespec = super::timespec(time);
        if absolute { abi::ENTER_ABS_TIMER } else { 0 }
    }

    fn sqpoll_wakeup(&mut self) -> u32 {
        if !self.is_polled || !self.ring.submission().need_wakeup() {
            return 0;
        }
        abi::ENTER_SQ_WAKEUP
    }

    /// Takes every completion that is there, in order.
    #[inline]
    pub(crate) fn reap(&mut self, mut each: impl FnMut(Cqe)) -> u32 {
        let mut count = 0;
        self.ring.reap(|user_data, res, flags| {
            count += 1;
            if cfg!(guard_pages) {
                let is_there = res != -libc::EFAULT;
                assert!(is_there, "the kernel was lent memory that has been freed: {user_data:x}");
            }
            each(Cqe::new(user_data, res, flags));
        });
        count
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        if !self.is_own() {
            // The parent's ring is none of a forked child's business.
            return;
        }
        if self.enter_flags & abi::ENTER_REGISTERED_RING != 0 {
            ring_index::unregister(self.ring.as_raw_fd(), self.enter_fd);
        }
        // SAFETY: the ring is dropped here and nowhere else, and not used afterwards.
        unsafe { ManuallyDrop::drop(&mut self.ring) }
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        let descriptor = self.ring.as_raw_fd();
        // SAFETY: the ring owns the descriptor and outlives the borrow.
        unsafe { BorrowedFd::borrow_raw(descriptor) }
    }
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").field("params", &self.params).finish_non_exhaustive()
    }
}

/// How an enter ended, by its answer: how much it took, the queue says.
#[inline]
fn ended(entered: io::Result<u32>) -> io::Result<Entered> {
    match entered {
        Ok(_) => Ok(Entered::Done),
        Err(error) => ended_early(error),
    }
}

#[cold]
fn ended_early(error: io::Error) -> io::Result<Entered> {
    match error.raw_os_error() {
        Some(libc::ETIME | libc::EINTR) => Ok(Entered::Done),
        Some(libc::EAGAIN | libc::EBUSY | libc::ENOMEM) => Ok(Entered::Busy),
        _ => Err(error),
    }
}
