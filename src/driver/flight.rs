//! The way of an op into the ring and out of it: the path that every operation takes.
//!
//! [`Driver::start`] admits an op to its descriptor, moves it into a cell, pushes its entry and
//! gives it a slot; [`Driver::poll`] takes it out again when its final completion is there. What
//! happens rarely, a stash, a full queue, a descriptor's last user, is told apart by one check each
//! and done elsewhere.

use std::io;
use std::task::Waker;

use tracing::level_filters::LevelFilter;

use super::descriptor::{FdRef, Gate};
use super::key::Kind;
use super::marks::Marks;
use super::op::Op;
use super::submit::State;
use super::{Driver, OpKey, table};
use crate::scheduler::{self, Wake};
use crate::sys::{self, Outcome, Prepared, Sqe};

/// What became of an op at its first poll. An op that is not in flight is still in its place.
pub(super) enum Start<C> {
    InFlight,
    /// An abandoned op must end first.
    Gated,
    /// The stash had what it wanted: its completion.
    Served(io::Result<C>),
    Refused(io::Error),
    /// Its descriptor is another loop's.
    Foreign,
}

/// An op whose final completion has come.
pub(super) struct Finished<T> {
    pub(super) op: T,
    pub(super) outcome: Outcome,
    pub(super) end: End,
}

/// Why an op has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By itself, well or not.
    Own,
    /// Its future asked for it.
    Cancelled,
    /// The last handle on its descriptor is gone.
    Closed,
    /// Its linked timeout came first.
    TimedOut,
    /// It has to be submitted again: it was interrupted, or cancelled so that it looks into the
    /// stash.
    Again,
}

impl End {
    #[inline]
    fn of(outcome: Outcome, marks: Marks) -> End {
        if outcome.res >= 0 { End::Own } else { End::of_failure(outcome, marks) }
    }

    /// A cancel ends an op on a kernel worker as an interruption, and so may a linked timeout; an
    /// interruption that nobody asked for is another op's.
    #[inline(never)]
    fn of_failure(outcome: Outcome, marks: Marks) -> End {
        let is_interrupted = outcome.is_interrupted();
        if !outcome.is_cancelled() && !is_interrupted {
            End::Own
        } else if marks.has(Marks::CANCELLED) {
            End::Cancelled
        } else if marks.has(Marks::CLOSED) {
            End::Closed
        } else if marks.has(Marks::RECALLED) || is_interrupted {
            End::Again
        } else if marks.has(Marks::TIMED) {
            End::TimedOut
        } else {
            End::Own
        }
    }
}

/// Tells who listens that an op has been pushed. Not a part of the hot path, whose registers it would
/// want.
#[cold]
#[inline(never)]
fn tell_pushed(op: &'static str, key: OpKey, queued: bool) {
    tracing::trace!(op, slot = key.index, queued, "push");
}

/// The entry of an op; a no-op where there is nothing to do.
fn prepare_any<T: Op>(op: &mut T) -> Sqe<'_, T::Completed> {
    if op.is_void() { Sqe::nop() } else { op.prepare() }
}

impl Driver {
    /// Submits the op at its first poll, where nothing is out of the ordinary; else it has done
    /// nothing, and leaves it to [`start`](Self::start).
    ///
    /// All that is out of the ordinary is asked first, so that what is left has one way: the entry is
    /// written where it goes.
    #[inline(always)]
    pub(super) fn start_plain<T: Op>(&mut self, state: &mut State<T>, waker: &Waker) -> bool {
        self.try_start_plain(state, waker).is_some()
    }

    #[inline(always)]
    fn try_start_plain<T: Op>(&mut self, state: &mut State<T>, waker: &Waker) -> Option<()> {
        if self.is_closing || !self.backlog.is_empty() {
            return None;
        }
        let Driver { descriptors, table, ring, counters, .. } = self;
        let wake = Wake::Task(scheduler::task_of(waker)?);
        let State::Idle(op) = state else { return None };
        if op.is_void() {
            return None;
        }
        let target = op.descriptor();
        let users = match target {
            None => None,
            Some(fd) => Some(descriptors.admit(fd)?),
        };
        let room = ring.place()?;
        let mut slot = table.vacant::<T>()?;
        // A buffer that panics here is lost, and nothing has been counted.
        let entry = slot.seat().put(state.take()?, T::prepare);
        if let Some(users) = users {
            *users += 1;
        }
        let about = table::About { descriptor: target, lane: T::LANE };
        let key = slot.begin(wake, about, Marks::NONE, self.now_ns);
        *state = State::InFlight(key);
        room.push(&entry.with_user_data(key.user_data(Kind::Op)));
        counters.submitted += 1;
        if LevelFilter::current() >= LevelFilter::TRACE {
            tell_pushed(T::NAME, key, false);
        }
        Some(())
    }

    /// Submits the op at its first poll, or says why not.
    #[inline(never)]
    pub(super) fn start<T: Op>(
        &mut self,
        state: &mut State<T>,
        deadline_ns: Option<u64>,
        waker: &Waker,
    ) -> Start<T::Completed> {
        let State::Idle(op) = state else { unreachable!("an op that is started is there") };
        let target = op.descriptor();
        if let Some(fd) = target {
            if !self.admits(fd) {
                if let Some(start) = self.pass_gate(op, fd, waker) {
                    return start;
                }
            }
        }
        if self.is_closing || !self.table.has_room() {
            return Start::Refused(sys::shutting_down());
        }
        let op = state.take().expect("an op that is started is there");
        // A buffer that panics here is lost, and nothing has been counted.
        let (slot, entry, timeout) = match deadline_ns {
            None => {
                let mut slot = self.table.make_vacant::<T, false>();
                let entry = slot.seat().put(op, prepare_any);
                (slot, entry, None)
            }
            Some(at) => {
                let mut slot = self.table.make_vacant::<T, true>();
                let (entry, timeout) = slot.seat().put_timed(op, prepare_any, sys::timespec(at));
                (slot, entry, Some(timeout))
            }
        };
        if let Some(fd) = target {
            self.descriptors.count(fd);
        }
        let marks = if timeout.is_some() { Marks::TIMED } else { Marks::NONE };
        let about = table::About { descriptor: target, lane: T::LANE };
        let key = slot.begin(Wake::of(waker), about, marks, self.now_ns);
        *state = State::InFlight(key);
        let entry = entry.with_user_data(key.user_data(Kind::Op));
        let queued = match timeout {
            None => self.backlog.push_op(&mut self.ring, key, entry, None),
            Some(timeout) => self.push_timed(key, entry, timeout),
        };
        if queued {
            self.note_queued(key);
        }
        self.counters.submitted += 1;
        tell_pushed(T::NAME, key, queued);
        Start::InFlight
    }

    #[cold]
    fn note_queued(&mut self, key: OpKey) {
        self.table.get(key).expect("the slot was just taken").marks.set(Marks::QUEUED);
    }

    #[inline(never)]
    fn push_timed(&mut self, key: OpKey, entry: Prepared, timeout: Prepared) -> bool {
        let timeout = timeout.with_user_data(key.user_data(Kind::LinkTimeout));
        let timeout =
            if self.ring.can_skip_linked_cqe() { timeout.silent_success() } else { timeout };
        self.backlog.push_op(&mut self.ring, key, entry.linked(), Some(timeout))
    }

    /// Whether an op on this descriptor may be pushed without looking at anything first.
    pub(super) fn admits(&mut self, fd: FdRef) -> bool {
        self.descriptors.admit(fd).is_some()
    }

    /// Whether ops are started still.
    pub(super) fn starts_ops(&self) -> bool {
        !self.is_closing && self.table.has_room()
    }

    /// How many entries the submission queue has.
    pub(super) fn queue_size(&self) -> usize {
        self.ring.sizes().0 as usize
    }

    /// Whether so many entries fit into the queue next to each other.
    pub(super) fn has_room_for(&mut self, count: usize) -> bool {
        self.backlog.is_empty() && self.ring.room() >= count
    }

    /// Gives an op that is admitted its slot, as [`start`](Self::start) does; its entry is still to
    /// be pushed.
    pub(super) fn prepare_linked<T: Op>(&mut self, op: T, waker: &Waker) -> (OpKey, Prepared) {
        let target = op.descriptor();
        let mut slot = self.table.make_vacant::<T, false>();
        let entry = slot.seat().put(op, prepare_any);
        if let Some(fd) = target {
            self.descriptors.count(fd);
        }
        let about = table::About { descriptor: target, lane: T::LANE };
        let key = slot.begin(Wake::of(waker), about, Marks::NONE, self.now_ns);
        self.counters.submitted += 1;
        tracing::trace!(op = T::NAME, slot = key.index, "push linked");
        (key, entry.with_user_data(key.user_data(Kind::Op)))
    }

    /// Pushes entries next to each other, for which there is room.
    pub(super) fn push_chain(&mut self, entries: impl Iterator<Item = Prepared>) {
        self.ring.push_together(entries);
    }

    /// Serves an op from the stash, makes it wait, refuses it, or lets it through.
    #[inline(never)]
    fn pass_gate<T: Op>(
        &mut self,
        op: &mut T,
        fd: FdRef,
        waker: &Waker,
    ) -> Option<Start<T::Completed>> {
        if fd.runtime != self.runtime {
            return Some(Start::Foreign);
        }
        if let Some(lane) = T::LANE {
            match self.descriptors.gate(fd, lane, waker) {
                Gate::Open => {}
                Gate::Wait => {
                    mark!("op waits for an abandoned one");
                    return Some(Start::Gated);
                }
                Gate::Stash => {
                    let stash = self.descriptors.stash(fd);
                    if let Some(served) = stash.and_then(|stash| op.serve(stash)) {
                        mark!("op served from what was kept");
                        return Some(Start::Served(served));
                    }
                    if self.descriptors.must_wait(fd, lane, waker) {
                        return Some(Start::Gated);
                    }
                }
            }
        }
        if self.is_closing {
            return Some(Start::Refused(sys::shutting_down()));
        }
        (self.descriptors.handles(fd) == 0).then(|| Start::Refused(sys::closed()))
    }

    /// The op that has ended well, and its outcome, where that is all; else it is left to
    /// [`poll`](Self::poll).
    #[inline]
    pub(super) fn take_success<T: Op>(&mut self, key: OpKey) -> Option<(T, Outcome)> {
        self.table.take_success(key, &mut self.descriptors)
    }

    /// The op and its outcome when its final completion has come; else keeps the waker.
    #[inline(never)]
    pub(super) fn poll<T: Op>(&mut self, key: OpKey, waker: &Waker) -> Option<Finished<T>> {
        let table::Done { op, outcome, marks, descriptor } = self.table.take_done(key, waker)?;
        self.release_at(descriptor);
        Some(Finished { op, outcome, end: End::of(outcome, marks) })
    }
}
