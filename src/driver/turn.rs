//! One turn: submit, wait, reap, in one system call, or in as many as bring full runs of completions.

use std::io;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use super::descriptor::{Descriptors, FdIndex};
use super::key::{self, Internal, Kind};
use super::lifecycle::AfterCompletion;
use super::marks::Marks;
use super::multishot::{AfterItem, Untaken};
use super::slot::Salvage;
use super::table::Slot;
use super::{Counters, Driver, Lane, OpKey};
use crate::scheduler::{self, Wake};
use crate::sys::{self, Cqe, Entered, Outcome, Sqe, Wait};

/// Completions of one enter from which on there are likely to be more: the kernel does its deferred
/// work in runs of twenty (see `uring-sys-notes/enter.md`).
const RUN: u32 = 20;

/// Completions that a turn takes at the most before tasks run, enter by enter.
///
/// With very many busy connections it is cheaper to stay in the kernel for a while, and then in the
/// program for a while, than to change after every run.
const BATCH_MAX: u32 = 256;

/// What a turn brought that has to be done outside the driver's borrow.
#[derive(Debug, Default)]
pub(crate) struct Reaped {
    /// Who waits for an op that has completed, and could not be put into the run queue at once.
    pub(crate) wakes: Vec<Wake>,
    /// Items of abandoned streams, to be kept before their op is finished.
    pub(crate) untaken: Vec<Untaken>,
    /// Abandoned ops that have completed.
    pub(crate) salvages: Vec<Salvage>,
}

impl Driver {
    /// Whether the kernel has anything to complete but the driver's poll on its notifier.
    pub(super) fn has_work_in_kernel(&self) -> bool {
        self.counters.in_flight() + self.closing > 0
    }

    /// Whether a turn that does not wait would find nothing: a task yields, and nobody does I/O.
    fn has_nothing_to_do(&mut self) -> bool {
        !self.has_work_in_kernel()
            && self.backlog.is_empty()
            && is_empty(&self.pending)
            && self.ring.unsubmitted() == 0
            && !self.ring.has_completions()
            && !self.ring.has_overflowed()
    }

    /// Submits, waits as long as `wait` says and nothing is there, and reaps into `reaped`.
    ///
    /// # Errors
    ///
    /// An errno of enter that no retry mends: the loop cannot go on.
    pub(crate) fn turn(&mut self, wait: Wait, reaped: &mut Reaped) -> io::Result<()> {
        if wait == Wait::Zero && self.has_nothing_to_do() {
            return Ok(());
        }
        if !is_empty(&self.pending) {
            self.hand_out_pending(reaped);
        }
        let mut wait = wait;
        let (mut tries, mut taken) = (0, 0);
        loop {
            self.refill();
            if !self.backlog.is_empty() || !is_empty(reaped) || self.ring.has_completions() {
                wait = Wait::Zero;
            }
            // What the kernel holds back may be the answer to a cancel, when nothing is in flight.
            let idle = !self.has_work_in_kernel()
                && self.ring.unsubmitted() == 0
                && !self.ring.has_overflowed();
            let mut entered = Entered::Done;
            if wait != Wait::Zero || !idle {
                self.counters.enters += 1;
                entered = match self.meter {
                    Some(_) if !cfg!(annulus_unwatched) => self.metered_enter(wait)?,
                    _ => self.ring.enter(wait)?,
                };
                self.now_ns = sys::clock::monotonic_ns();
                self.table.hold_while(self.ring.unsubmitted() > 0);
            }
            let count = self.reap(reaped);
            if count > 0 {
                wait = Wait::Zero;
            }
            if entered == Entered::Busy {
                mark!("turn that the kernel had no room for");
                self.counters.busy += 1;
                if count == 0 && !self.back_off(&mut tries) {
                    return Ok(());
                }
            }
            if self.ring.has_overflowed() {
                mark!("turn with an overflow");
                self.counters.overflows += 1;
            } else if self.backlog.is_empty() && entered == Entered::Done {
                taken += count;
                if count < RUN || taken >= BATCH_MAX || !self.ring.has_deferred_work() {
                    return Ok(());
                }
            }
        }
    }

    /// Waits a little for a kernel that is out of memory; `false` when it is time to let the loop
    /// do other things.
    fn back_off(&mut self, tries: &mut u32) -> bool {
        *tries += 1;
        sys::clock::pause(Duration::from_micros(50) * *tries);
        *tries < 8
    }

    fn hand_out_pending(&mut self, reaped: &mut Reaped) {
        reaped.wakes.append(&mut self.pending.wakes);
        reaped.untaken.append(&mut self.pending.untaken);
        reaped.salvages.append(&mut self.pending.salvages);
    }

    fn refill(&mut self) {
        if self.backlog.is_empty() {
            return;
        }
        let Driver { backlog, ring, table, .. } = self;
        backlog.refill(ring, |key| match table.get(key) {
            Some(slot) if slot.marks.has(Marks::QUEUED) => {
                slot.marks.clear(Marks::QUEUED);
                true
            }
            _ => false,
        });
    }

    /// Routes the completions that are there. The loop's own tasks are put into the run queue at
    /// once, for that runs no code of theirs; everything else is left in `reaped`.
    fn reap(&mut self, reaped: &mut Reaped) -> u32 {
        if !self.ring.has_completions() {
            return 0;
        }
        // Who listens may wake tasks of this loop, and must find the run queue free.
        let routed = if LevelFilter::current() >= LevelFilter::TRACE {
            None
        } else {
            scheduler::with(|scheduler| {
                self.route(reaped, |wake| scheduler.wake_own(wake), |_, _| {})
            })
        };
        let (count, rearm) = routed.unwrap_or_else(|| {
            self.route(reaped, scheduler::wake_own, |key, res| {
                tracing::trace!(slot = key.index, res, "reap");
            })
        });
        self.counters.completions += u64::from(count);
        if rearm {
            self.arm_notifier();
        }
        if !self.rest.is_empty() {
            self.finish_reap();
        }
        count
    }

    /// Routes the completions that are there: how many they were, and whether the notifier's poll has
    /// ended. `wake` is given whom to wake and gives back whom it could not; `heard` is told of each
    /// op that has ended.
    #[inline]
    fn route(
        &mut self,
        reaped: &mut Reaped,
        mut wake: impl FnMut(Wake) -> Option<Wake>,
        heard: impl Fn(OpKey, i32) + Copy,
    ) -> (u32, bool) {
        let Driver { ring, table, descriptors, closing, counters, notifier, rest, .. } = self;
        let mut rearm = false;
        let count = ring.reap(|cqe| {
            if let Some(key) = key::parse_op(cqe.user_data) {
                if let Some(waiting) = table.succeed(key, cqe.outcome) {
                    if let Some(other) = wake(waiting) {
                        reaped.wakes.push(other);
                    }
                    counters.completed += 1;
                    return heard(key, cqe.outcome.res);
                }
            }
            let mut other = Other { table, descriptors, counters, reaped, closing, notifier, rest };
            rearm |= other.route(cqe.user_data, cqe.outcome, heard);
        });
        (count, rearm)
    }

    #[inline(never)]
    fn finish_reap(&mut self) {
        let mut rest = std::mem::take(&mut self.rest);
        for after in rest.drain(..) {
            match after {
                After::Pause(key) => self.push_cancel(key),
                After::Release(place) => self.release_at(Some(place)),
                After::Recall(place) => {
                    if let Some(fd) = self.descriptors.name(place) {
                        self.recall(fd, Lane::Accept);
                    }
                }
                After::SubmitAgain(key) => self.submit_again(key),
            }
        }
        self.rest = rest;
    }
}

/// Routes what is not the success of an op with one completion.
struct Other<'a> {
    table: &'a mut super::Table,
    descriptors: &'a Descriptors,
    counters: &'a mut Counters,
    reaped: &'a mut Reaped,
    closing: &'a mut usize,
    notifier: &'a mut super::Notifier,
    rest: &'a mut Vec<After>,
}

impl Other<'_> {
    /// Whether the notifier's poll has ended.
    #[inline(never)]
    fn route(&mut self, user_data: u64, outcome: Outcome, heard: impl Fn(OpKey, i32)) -> bool {
        let (kind, key) = key::parse(user_data);
        let cqe = Cqe { user_data, outcome };
        match kind {
            Kind::Op => {
                let after = self.complete(key, cqe, heard);
                self.rest.extend(after);
            }
            Kind::Cancel => self.counters.cancels_late += u64::from(cqe.outcome.res < 0),
            // A submission that the kernel cut short between the two: the op has no timeout.
            Kind::LinkTimeout if cqe.outcome.is_invalid() => {
                self.rest.push(After::SubmitAgain(key));
            }
            Kind::LinkTimeout => {}
            Kind::Internal if key.index == Internal::Notifier as u32 => {
                return self.notifier.note(cqe.outcome);
            }
            Kind::Internal => {
                *self.closing -= 1;
                self.counters.close_failures += u64::from(cqe.outcome.res < 0);
            }
        }
        false
    }

    /// Routes an op's completion.
    fn complete(&mut self, key: OpKey, cqe: Cqe, heard: impl Fn(OpKey, i32)) -> Option<After> {
        let Some(slot) = self.table.get(key) else {
            self.counters.stale += 1;
            return None;
        };
        if slot.stream.is_some() {
            return self.complete_item(key, cqe);
        }
        let outcome =
            if cqe.outcome.is_whole() { cqe.outcome } else { slot.join_parts(cqe.outcome)? };
        let mut after = None;
        match slot.lifecycle.complete(outcome) {
            AfterCompletion::Wake(waiter) => {
                after = After::end_of(slot, outcome);
                self.reaped.wakes.extend(self.table.take_waiter(key, waiter));
            }
            AfterCompletion::Salvage(outcome) => {
                let target = (slot.counted, slot.lane);
                let cell = self.table.remove(key).expect("the slot was just read");
                self.reaped.salvages.push(Salvage::new(cell, outcome, target));
            }
            AfterCompletion::Ignore => {
                self.counters.stale += 1;
                return None;
            }
        }
        self.counters.completed += 1;
        heard(key, outcome.res);
        after
    }

    /// Routes one of many completions of an op.
    fn complete_item(&mut self, key: OpKey, cqe: Cqe) -> Option<After> {
        let slot = self.table.get(key)?;
        let target = (slot.counted, slot.lane);
        let stream = slot.stream.as_mut()?;
        let after =
            stream.push(target.0.and_then(|place| self.descriptors.name(place)), cqe.outcome);
        let is_over = stream.is_over();
        if cqe.outcome.is_final() {
            self.counters.completed += 1;
        }
        let mut next = None;
        match after {
            AfterItem::Wake(waker) => {
                self.reaped.wakes.extend(waker);
                if cqe.outcome.is_final() {
                    next = After::end_of(slot, cqe.outcome);
                }
            }
            AfterItem::Pause(waker) => {
                self.reaped.wakes.extend(waker);
                next = Some(After::Pause(key));
            }
            AfterItem::Keep(untaken) => self.reaped.untaken.push(untaken),
        }
        if is_over {
            let cell = self.table.remove(key).expect("the slot was just read");
            self.reaped.salvages.push(Salvage::new(cell, Outcome::CANCELLED, target));
        }
        next
    }
}

/// What is left to do when all completions have been routed.
#[derive(Debug)]
pub(super) enum After {
    /// The op, a stream, has to be paused.
    Pause(OpKey),
    /// The last op of a descriptor has ended.
    Release(FdIndex),
    /// Others have to look for the connection that the cancelled op was woken for.
    Recall(FdIndex),
    /// The op was submitted without its timeout.
    SubmitAgain(OpKey),
}

impl After {
    fn end_of(slot: &mut Slot, outcome: Outcome) -> Option<After> {
        if let Some(fd) = slot.release_early() {
            return Some(After::Release(fd));
        }
        // One that was told to look again does so itself.
        let was_stopped = outcome.is_cancelled()
            && (!slot.marks.has(Marks::RECALLED) || slot.marks.has(Marks::CANCELLED));
        let is_accept = slot.lane == Some(Lane::Accept);
        slot.counted.filter(|_| was_stopped && is_accept).map(After::Recall)
    }
}

pub(super) fn is_empty(reaped: &Reaped) -> bool {
    reaped.wakes.is_empty() && reaped.salvages.is_empty() && reaped.untaken.is_empty()
}

impl Driver {
    pub(super) fn push_cancel(&mut self, key: OpKey) {
        if planted!("cancel dropped on a full queue") && self.ring.room() == 0 {
            return;
        }
        self.counters.cancels_requested += 1;
        let cancel = Sqe::cancel(key.user_data(Kind::Op)).into_prepared();
        let cancel = cancel.with_user_data(key.user_data(Kind::Cancel));
        self.backlog.push_control(&mut self.ring, cancel);
        tracing::trace!(slot = key.index, "cancel");
    }

    /// Has an op end and be submitted again, with its timeout, for it was submitted without.
    #[cold]
    fn submit_again(&mut self, key: OpKey) {
        mark!("pair split by a short submit");
        self.stop(key, |slot| slot.marks.set(Marks::RECALLED));
    }

    /// The time now, read afresh.
    pub(crate) fn refresh_now(&mut self) -> u64 {
        self.now_ns = sys::clock::monotonic_ns();
        self.now_ns
    }
}
