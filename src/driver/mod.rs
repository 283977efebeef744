//! Owns the ring and every op in flight; turns completions into wakes.
//!
//! - [`Submit`] is the future of one op; [`Op`] what an op says of itself.
//! - The [`Driver`] keeps a slot for each op in flight ([`table`](self::table)), whose memory lies
//!   in a cell that does not move ([`slot`](self::slot)), in a state of a pure machine
//!   ([`lifecycle`](self::lifecycle)).
//! - Handles are names of entries in the table of [`descriptor`](self::descriptor)s.
//! - A [`turn`](Driver::turn) is one system call: submit, wait, reap; under load a few more.
//!
//! # Two phases
//!
//! Completions are reaped into state first, the loop's own tasks into the run queue. What runs user
//! code, a foreign waker or the destructor of a buffer, is collected in [`Reaped`] and done by the
//! runtime when the driver is no longer borrowed, so it may do anything, another op included.
//!
//! # Nothing is lost
//!
//! An op whose future is dropped stays in its slot as *abandoned* until its final completion. Then
//! the op salvages what came: see [`Op::salvage`]. Entries that find the submission queue full
//! wait in the [`backlog`](self::backlog).

mod backlog;
mod chain;
mod closing;
mod counters;
mod descriptor;
mod drain;
mod ending;
mod fixed;
mod flight;
mod handle;
mod here;
mod inspect;
mod key;
mod lifecycle;
mod marks;
mod meter;
mod multishot;
mod notifier;
mod op;
mod pending;
mod pool;
mod route;
mod slot;
mod stash;
mod submit;
mod table;
mod turn;
mod unpolled;
mod waiter;

use std::os::fd::AsFd;

use self::backlog::Backlog;
pub use self::chain::{Chain, Links, chain};
pub(crate) use self::closing::Closing;
pub(crate) use self::counters::Counters;
pub(crate) use self::descriptor::FdRef;
use self::descriptor::{Descriptors, FdIndex};
pub use self::ending::{Cancel, CancelOn};
use self::flight::{End, Finished, Start};
pub use self::handle::Spliceable;
pub(crate) use self::handle::{FromSharedFd, SharedFd};
use self::here::{check_runtime, foreign_handle, here, no_loop};
pub(crate) use self::here::{install, with};
pub(crate) use self::inspect::OpInfo;
pub(crate) use self::key::OpKey;
use self::key::{Internal, Kind};
use self::lifecycle::{AfterCompletion, AfterDrop};
use self::marks::Marks;
pub(crate) use self::meter::Meter;
pub(crate) use self::multishot::MultishotOp;
pub use self::multishot::{Multishot, NextItem};
pub(crate) use self::notifier::Notifier;
pub(crate) use self::op::{Lane, Op};
use self::pending::Pending;
use self::pool::Pool;
pub(crate) use self::pool::{PoolConfig, take_buffer};
use self::slot::{EmptyCell, Salvage};
pub(crate) use self::stash::{Leftover, Stash, keep, keep_datagram, keep_failure, keep_received};
pub use self::submit::Submit;
use self::table::Table;
pub(crate) use self::turn::Reaped;
use crate::scheduler::Wake;
use crate::sys::{self, Outcome, Ring, RingConfig, SetupError, Sqe, Wait};

/// The ring of this thread's loop and all that is in flight on it.
///
/// Its parts lie as they are listed: what each op and each turn looks at together, for between two
/// turns the kernel fills the processor's caches with other things.
#[repr(C, align(64))]
pub(crate) struct Driver {
    runtime: u32,
    is_closing: bool,
    /// The time of the last turn, to the kernel's tick at least.
    now_ns: u64,
    /// Descriptors on their way to be closed.
    closing: usize,
    /// Where somebody asked for it.
    meter: Option<Box<Meter>>,
    counters: Counters,
    table: Table,
    descriptors: Descriptors,
    ring: Ring,
    /// What is left to do after reaping; its room is kept.
    rest: Vec<route::After>,
    backlog: Backlog,
    pending: Pending,
    pool: Pool,
    notifier: Notifier,
    /// Ops reported because they were never polled, in debug mode.
    unpolled: Option<unpolled::Reported>,
}

impl Driver {
    /// Sets up a ring and its notifier.
    ///
    /// # Errors
    ///
    /// What the kernel refuses: the ring, its first enter, or the notifier's eventfd.
    pub(crate) fn new(
        config: &RingConfig,
        pool: PoolConfig,
        runtime: u32,
    ) -> Result<Driver, SetupError> {
        let ring = Ring::new(config)?;
        let (entries, cq_entries) = ring.sizes();
        let notifier =
            Notifier::new().map_err(|error| SetupError::from_setup(error, entries, cq_entries))?;
        let mut driver = Driver {
            notifier,
            table: Table::new(),
            descriptors: Descriptors::new(runtime),
            backlog: Backlog::default(),
            pool: Pool::new(pool),
            closing: 0,
            pending: Pending::default(),
            rest: Vec::new(),
            counters: Counters::default(),
            meter: None,
            unpolled: None,
            now_ns: sys::clock::monotonic_ns(),
            is_closing: false,
            ring,
            runtime,
        };
        driver.arm_notifier();
        let first = driver.ring.enter(Wait::Zero);
        first.map_err(|error| SetupError::from_enter(error, driver.ring.params()))?;
        Ok(driver)
    }

    pub(crate) fn runtime(&self) -> u32 {
        self.runtime
    }

    pub(crate) fn ring(&self) -> &Ring {
        &self.ring
    }

    pub(crate) fn notifier(&self) -> &Notifier {
        &self.notifier
    }

    /// Notes that an op's future is gone; what is to be finished now, outside the borrow.
    fn abandon(&mut self, key: OpKey) -> Option<Salvage> {
        if !self.ring.is_own() {
            // In a forked child the op goes on in the parent; the copy of its memory is leaked.
            return None;
        }
        let slot = self.table.get(key)?;
        let (place, lane) = (slot.counted, slot.lane);
        self.counters.abandoned += 1;
        let _nobody_waits = self.table.forget_waiter(key);
        let descriptor = self.name(place);
        let slot = self.table.get(key)?;
        match slot.lifecycle.abandon() {
            AfterDrop::Salvage(outcome) => {
                mark!("abandoned when it had completed");
                if let (Some(fd), Some(lane)) = (descriptor, lane) {
                    self.descriptors.note_abandoned(fd, lane);
                }
                self.take_salvage(key, outcome)
            }
            AfterDrop::Cancel
                if slot.marks.has(Marks::QUEUED) || planted!("memory freed early") =>
            {
                mark!("abandoned before it was submitted");
                self.counters.completed += 1;
                if let (Some(fd), Some(lane)) = (descriptor, lane) {
                    self.descriptors.note_abandoned(fd, lane);
                }
                self.take_salvage(key, Outcome::CANCELLED)
            }
            AfterDrop::Cancel if planted!("cell freed early" | "stale completion delivered") => {
                self.push_cancel(key);
                let _lost = self.table.remove(key);
                None
            }
            AfterDrop::Cancel => {
                if let (Some(fd), Some(lane)) = (descriptor, lane) {
                    self.descriptors.note_abandoned(fd, lane);
                }
                self.push_cancel(key);
                None
            }
        }
    }

    fn take_salvage(&mut self, key: OpKey, outcome: Outcome) -> Option<Salvage> {
        let slot = self.table.get(key)?;
        let target = (slot.counted, slot.lane);
        let cell = self.table.remove(key)?;
        Some(Salvage::new(cell, outcome, target))
    }

    /// Ends a salvage whose op has been finished: its descriptor is released last, so that what
    /// the op kept was kept in time.
    fn end_salvage(&mut self, empty: EmptyCell, target: (Option<FdIndex>, Option<Lane>)) {
        self.table.recycle(empty);
        self.counters.salvaged += 1;
        let (Some(fd), lane) = (self.name(target.0), target.1) else { return };
        if let Some(lane) = lane {
            self.descriptors.note_ended(fd, lane, &mut self.pending.add().wakes);
            let has_leftovers = lane == Lane::Read && self.descriptors.has_leftovers(fd);
            if lane == Lane::Accept || has_leftovers {
                self.recall(fd, lane);
            }
        }
        self.release(fd);
    }

    /// Lets the ops of this lane that are in flight look into the stash, by cancelling them: they
    /// could not know that something was put there.
    fn recall(&mut self, fd: FdRef, lane: Lane) {
        // The salvaged op and one handle count two users; without a third there is nobody to ask.
        if self.descriptors.users(fd) <= 2 {
            return;
        }
        let others = self.ops_on(fd, |slot| {
            let waits = matches!(slot.lifecycle, lifecycle::Lifecycle::Waiting(_));
            waits && slot.lane == Some(lane) && !slot.marks.has(Marks::RECALLED)
        });
        for key in others {
            self.stop(key, |slot| slot.marks.set(Marks::RECALLED));
        }
    }

    /// Asks the kernel to end an op whose future lives on.
    pub(super) fn request_cancel(&mut self, key: OpKey) {
        self.stop(key, |slot| slot.marks.set(Marks::CANCELLED));
    }

    fn stop(&mut self, key: OpKey, mark: impl FnOnce(&mut table::Slot)) {
        let Some(slot) = self.table.get(key) else { return };
        if !matches!(slot.lifecycle, lifecycle::Lifecycle::Waiting(_)) {
            return;
        }
        mark(slot);
        if !slot.marks.has(Marks::QUEUED) {
            self.push_cancel(key);
            return;
        }
        slot.marks.clear(Marks::QUEUED);
        self.counters.completed += 1;
        let waker = match slot.stream.as_mut() {
            Some(stream) => stream.end_unsubmitted(),
            None => match slot.lifecycle.complete(Outcome::CANCELLED) {
                AfterCompletion::Wake(waiter) => self.table.take_waiter(key, waiter),
                _ => None,
            },
        };
        self.pending.add().wakes.extend(waker);
    }

    /// The name of the descriptor in this place.
    fn name(&self, place: Option<FdIndex>) -> Option<FdRef> {
        self.descriptors.name(place?)
    }

    /// One user of the descriptor in this place less.
    fn release_at(&mut self, place: Option<FdIndex>) {
        let Some(place) = place else { return };
        match self.descriptors.one_of_many(place) {
            Some(users) => *users -= 1,
            None => {
                if let Some(fd) = self.descriptors.name(place) {
                    self.release_rarely(fd);
                }
            }
        }
    }

    /// One user of a descriptor less; the last one closes it through the ring.
    #[inline]
    fn release(&mut self, fd: FdRef) {
        if !self.descriptors.release_one_of_many(fd) {
            self.release_rarely(fd);
        }
    }

    #[inline(never)]
    fn release_rarely(&mut self, fd: FdRef) {
        let released = self.descriptors.release(fd, &mut self.pending.add().wakes);
        let Some(released) = released else { return };
        if let Some(fd) = released.fd {
            if released.lingers {
                closing::end_linger(&fd);
            }
            self.close(fd);
        }
    }

    fn close(&mut self, fd: sys::Owned) {
        if !self.ring.is_own() {
            // A forked child closes its copy itself.
            return drop(fd);
        }
        self.counters.closed += 1;
        let number = sys::Descriptor::of(&fd).number() as u32;
        let close = Sqe::close(fd).into_prepared();
        let tag = key::user_data(Internal::Close as u32, Kind::Internal, number);
        self.closing += 1;
        self.backlog.push_control(&mut self.ring, close.with_user_data(tag));
    }
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver")
            .field("runtime", &self.runtime)
            .field("in_flight", &self.counters.in_flight())
            .finish_non_exhaustive()
    }
}

/// Does what a turn brought: wakes tasks, keeps what nobody took, finishes abandoned ops.
///
/// User code runs here: wakers and the destructors of buffers.
pub(crate) fn finish_turn(reaped: &mut Reaped) {
    if !turn::is_empty(reaped) {
        finish_rest(reaped);
    }
}

#[inline(never)]
fn finish_rest(reaped: &mut Reaped) {
    reaped.wakes.drain(..).for_each(Wake::wake);
    reaped.untaken.drain(..).for_each(multishot::Untaken::keep);
    reaped.salvages.drain(..).for_each(finish_salvage);
}

/// Finishes an abandoned op; a panic in the destructor of its buffer goes no further, for nobody
/// awaits the op any more.
fn finish_salvage(salvage: Salvage) {
    let target = salvage.target();
    let (empty, panicked) = salvage.finish();
    let _elsewhere = with(|driver| driver.end_salvage(empty, target));
    if panicked {
        tracing::error!("the buffer of an abandoned operation panicked when it was dropped");
    }
}

/// Abandons an op whose future was dropped, on whichever thread.
fn abandon(runtime: u32, key: OpKey) {
    let here = with(|driver| (driver.runtime == runtime).then(|| driver.abandon(key))).flatten();
    match here {
        Some(Some(salvage)) => finish_salvage(salvage),
        Some(None) => {}
        // A loop that has ended has cancelled and reaped the op itself.
        None => drop(crate::remote::send_home(runtime, move || abandon(runtime, key))),
    }
}

/// Runs a call that does not block on a descriptor of this thread's loop.
///
/// `None` when it has been closed, or outside its loop.
pub(crate) fn with_descriptor<R>(
    fd: FdRef,
    call: impl FnOnce(std::os::fd::BorrowedFd<'_>) -> R,
) -> Option<R> {
    with(|driver| driver.descriptors.get(fd).map(|owned| call(owned.as_fd()))).flatten()
}
