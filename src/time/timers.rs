//! The timers of the loop that runs on this thread.
//!
//! The runtime installs a [`Timers`] while it runs. A sleep finds it here when it is polled, reset
//! or dropped, and knows by the runtime's number whether the entry it armed is in this wheel.
//! Wakers that are not a task's name are user code (cloning and dropping one may run anything), so
//! they are made before and let go after every borrow; that is why they go in by way of an
//! `Option`, which keeps hold of one that was not wanted.

use std::task::Waker;

use super::Instant;
#[cfg(feature = "test-util")]
use super::paused;
pub(crate) use super::wheel::TimerKey;
use super::wheel::{Standing, Wheel};
use crate::local::Local;
use crate::scheduler::{TaskId, Wake};
use crate::sys::clock;

const OUTSIDE: &str = "a sleep, timeout or interval was polled outside a loop: it must be polled \
     inside an annulus runtime, so use annulus::run or Runtime::block_on";

thread_local! {
    static TIMERS: Local<Timers> = const { Local::new() };
}

/// The timers of one loop: its wheel and what has been counted.
#[derive(Debug)]
pub(crate) struct Timers {
    runtime_id: u32,
    wheel: Wheel,
    registered: u64,
    fired: u64,
    cancelled: u64,
    /// The loop's clock, while the loop does not run.
    #[cfg(feature = "test-util")]
    clock: paused::LoopClock,
}

/// What a loop's timers have counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimerCounters {
    /// Entries armed; a reset of an armed sleep counts as one cancelled and one armed.
    pub(crate) registered: u64,
    /// Entries whose deadline came.
    pub(crate) fired: u64,
    /// Entries taken out before their deadline came.
    pub(crate) cancelled: u64,
    /// Entries that stand now.
    pub(crate) standing: u64,
}

/// An armed entry, as its owner keeps it: plain data that may travel to any thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Registration {
    runtime_id: u32,
    key: TimerKey,
}

/// What became of a registration, seen from this thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Its deadline came.
    Fired,
    /// It stands and will wake the caller's waker.
    Standing,
    /// It stands but will wake another waker.
    OtherWaker,
    /// It is in the wheel of another runtime than the one that runs on this thread.
    Elsewhere,
}

impl Timers {
    /// The timers of the runtime with this number, which no other runtime of the process has.
    pub(crate) fn new(runtime_id: u32) -> Box<Self> {
        let wheel = Wheel::new(clock::monotonic_ns());
        Box::new(Timers {
            runtime_id,
            wheel,
            registered: 0,
            fired: 0,
            cancelled: 0,
            #[cfg(feature = "test-util")]
            clock: paused::LoopClock::REAL,
        })
    }

    /// Stops the loop's clock before the loop runs.
    #[cfg(feature = "test-util")]
    pub(crate) fn pause(&mut self) {
        self.clock = paused::LoopClock::paused();
    }

    #[inline]
    fn register(&mut self, deadline: Instant, wake: Wake) -> Registration {
        self.registered += 1;
        let key = self.wheel.insert(deadline.as_nanos(), wake);
        Registration { runtime_id: self.runtime_id, key }
    }

    #[inline]
    fn cancel(&mut self, key: TimerKey) -> Option<Wake> {
        let wake = self.wheel.cancel(key);
        self.cancelled += u64::from(wake.is_some());
        wake
    }
}

/// Makes `timers` those of this thread and returns the ones that were.
pub(crate) fn install(timers: Option<Box<Timers>>) -> Option<Box<Timers>> {
    #[cfg(feature = "test-util")]
    let clock = paused::install(timers.as_ref().map_or(paused::LoopClock::REAL, |own| own.clock));
    let before = TIMERS.with(|local| local.replace(timers));
    #[cfg(feature = "test-util")]
    let before = before.map(|mut before| {
        before.clock = clock;
        before
    });
    before
}

/// Whether a loop runs on this thread.
#[cfg(feature = "test-util")]
pub(super) fn is_installed() -> bool {
    TIMERS.try_with(Local::is_installed).unwrap_or(false)
}

/// Whether the loop's clock is not the one that the kernel counts by: then the kernel's timeouts
/// are of no use.
#[inline]
pub(crate) fn differ_from_kernel() -> bool {
    #[cfg(feature = "test-util")]
    return paused::differs();
    #[cfg(not(feature = "test-util"))]
    false
}

/// Takes out what is due and appends whom it wakes to `due`, in the order of deadlines and of
/// arming. The caller wakes them; no borrow is held when this returns.
#[inline]
pub(crate) fn fire_due_now(due: &mut Vec<Wake>) {
    fire_due(Instant::now().as_nanos(), due);
}

/// As [`fire_due_now`], at `now_ns`.
pub(crate) fn fire_due(now_ns: u64, due: &mut Vec<Wake>) {
    TIMERS.with(|local| {
        local.with(|timers| {
            let before = due.len();
            timers.wheel.fire_due(now_ns, due);
            timers.fired += (due.len() - before) as u64;
        })
    });
}

/// The time until which the kernel may let the loop sleep, in nanoseconds of the monotonic clock;
/// `None` when nothing is armed that will ever be due.
#[inline]
pub(crate) fn kernel_deadline() -> Option<u64> {
    #[cfg(feature = "test-util")]
    return next_deadline().map(paused::kernel_ns);
    #[cfg(not(feature = "test-util"))]
    next_deadline()
}

/// The time until which the loop may sleep, in nanoseconds of its clock; `None` when nothing is
/// armed that will ever be due.
pub(crate) fn next_deadline() -> Option<u64> {
    TIMERS
        .with(|local| local.with(|timers| timers.wheel.next_deadline()))
        .flatten()
        .filter(|deadline| *deadline != Instant::NEVER.as_nanos())
}

/// What this thread's timers have counted; `None` outside a loop.
pub(crate) fn counters() -> Option<TimerCounters> {
    TIMERS.with(|local| {
        local.with(|timers| TimerCounters {
            registered: timers.registered,
            fired: timers.fired,
            cancelled: timers.cancelled,
            standing: timers.wheel.len() as u64,
        })
    })
}

/// What `of` makes of each entry that stands on this thread, given its deadline and the task that
/// it wakes, if that is one of ours.
pub(crate) fn standing<R>(of: impl Fn(u64, Option<TaskId>) -> Option<R>) -> Vec<R> {
    let standing = TIMERS.with(|local| {
        local.with(|timers| {
            let entries = timers.wheel.standing_entries();
            entries.filter_map(|(deadline, task)| of(deadline, task)).collect()
        })
    });
    standing.unwrap_or_default()
}

/// Takes an entry out if the runtime it belongs to runs on this thread, where it may be gone
/// already; `false` says that its home is elsewhere. Never panics, not even in the destructors of
/// thread-local values.
pub(crate) fn cancel_home(runtime_id: u32, key: TimerKey) -> bool {
    let taken = with_home(runtime_id, |timers| timers.cancel(key));
    taken.is_some()
}

/// Panics outside a loop, with the sentence that names the fix.
#[inline]
pub(super) fn require_loop() {
    let installed = TIMERS.try_with(Local::is_installed).unwrap_or(false);
    assert!(installed, "{OUTSIDE}");
}

/// Arms an entry in this thread's wheel. Panics outside a loop.
#[inline(always)]
pub(super) fn register(deadline: Instant, waker: &Waker) -> Registration {
    let mut wake = Some(Wake::of(waker));
    TIMERS
        .try_with(|local| {
            local.with(|timers| Some(timers.register(deadline, wake.take()?))).flatten()
        })
        .ok()
        .flatten()
        .expect(OUTSIDE)
}

/// What became of an entry. Panics outside a loop.
#[inline]
pub(super) fn look(registration: Registration, waker: &Waker) -> Look {
    TIMERS
        .try_with(|local| {
            local.with(|timers| {
                if timers.runtime_id != registration.runtime_id {
                    return Look::Elsewhere;
                }
                match timers.wheel.standing(registration.key, waker) {
                    Standing::Gone => Look::Fired,
                    Standing::Same => Look::Standing,
                    Standing::Other => Look::OtherWaker,
                }
            })
        })
        .ok()
        .flatten()
        .expect(OUTSIDE)
}

/// Has a standing entry wake another.
pub(super) fn set_waker(registration: Registration, waker: &Waker) {
    let Registration { runtime_id, key } = registration;
    let mut wake = Some(Wake::of(waker));
    let unneeded =
        with_home(runtime_id, |timers| Some(timers.wheel.set_wake(key, wake.take()?))).flatten();
    drop(unneeded);
}

/// Takes an entry out, where it can be: see [`cancel_home`].
#[inline]
pub(super) fn cancel(registration: Registration) -> bool {
    cancel_home(registration.runtime_id, registration.key)
}

/// Moves an entry to another deadline, keeping its waker. `None` if it has fired, or if its home
/// is elsewhere: then it is armed by the next poll.
pub(super) fn rearm(registration: Registration, deadline: Instant) -> Option<Registration> {
    with_home(registration.runtime_id, |timers| {
        let wake = timers.cancel(registration.key)?;
        Some(timers.register(deadline, wake))
    })
    .flatten()
}

#[inline]
fn with_home<R>(runtime_id: u32, f: impl FnOnce(&mut Timers) -> R) -> Option<R> {
    TIMERS
        .try_with(|local| {
            local.with(|timers| (timers.runtime_id == runtime_id).then(|| f(timers))).flatten()
        })
        .ok()
        .flatten()
}
