//! One turn: submit, wait, reap, in one system call, or in as many as bring full runs of completions.

use std::io;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use super::key::{self, Kind};
use super::marks::Marks;
use super::multishot::Untaken;
use super::route::{After, Other};
use super::slot::Salvage;
use super::{Driver, Lane, OpKey};
use crate::scheduler::{self, Wake};
use crate::sys::{self, Entered, Sqe, Wait};

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
    /// How many completions the last turn has taken.
    pub(crate) completions: u32,
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
            && self.pending.is_empty()
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
        reaped.completions = 0;
        if wait == Wait::Zero && self.has_nothing_to_do() {
            return Ok(());
        }
        let mut wait = wait;
        let mut tries = 0;
        if self.has_put_off() && self.take_up(reaped) {
            wait = Wait::Zero;
        }
        loop {
            // Where work is deferred, completions come by an enter only, and have been taken.
            if !self.ring.has_deferred_work() && self.ring.has_completions() {
                wait = Wait::Zero;
            }
            let mut entered = Entered::Done;
            if wait != Wait::Zero || self.has_reason_to_enter() {
                self.counters.enters += 1;
                entered = match self.meter {
                    Some(_) if !cfg!(annulus_unwatched) => self.metered_enter(wait)?,
                    _ => self.ring.enter(wait)?,
                };
                self.note_time(wait);
                self.table.hold_while(self.ring.unsubmitted() > 0);
            }
            let count = self.reap(reaped);
            reaped.completions += count;
            let has_overflowed = self.ring.has_overflowed();
            if entered == Entered::Done && !has_overflowed && self.backlog.is_empty() {
                let is_run = count >= RUN && reaped.completions < BATCH_MAX;
                if !is_run || !self.ring.has_deferred_work() {
                    return Ok(());
                }
            } else if self.is_held_up(entered, has_overflowed, count, &mut tries) {
                return Ok(());
            }
            if (self.has_put_off() && self.take_up(reaped)) || count > 0 {
                wait = Wait::Zero;
            }
        }
    }

    /// Notes when an enter has ended: exactly, which takes some twenty nanoseconds, where it waited for
    /// a time, else to the kernel's tick.
    #[inline]
    fn note_time(&mut self, wait: Wait) {
        self.now_ns = match wait {
            Wait::Until(_) => sys::clock::monotonic_ns(),
            Wait::Zero | Wait::Forever => self.now_ns.max(sys::clock::monotonic_tick_ns()),
        };
    }

    /// Whether an enter that does not wait has something to do.
    fn has_reason_to_enter(&mut self) -> bool {
        // What the kernel holds back may be the answer to a cancel, when nothing is in flight.
        self.has_work_in_kernel() || self.ring.unsubmitted() > 0 || self.ring.has_overflowed()
    }

    /// Whether anything waits for a turn besides what is in the queues.
    #[inline]
    fn has_put_off(&self) -> bool {
        !self.backlog.is_empty() || !self.pending.is_empty()
    }

    /// Hands out what arose between turns and pushes what found the queue full; whether the turn has
    /// something to bring already.
    #[inline(never)]
    fn take_up(&mut self, reaped: &mut Reaped) -> bool {
        self.pending.hand_out(reaped);
        self.refill();
        !self.backlog.is_empty() || !is_empty(reaped)
    }

    /// Counts what held a turn up; whether it is time to let the loop do other things.
    #[cold]
    fn is_held_up(
        &mut self,
        entered: Entered,
        has_overflowed: bool,
        count: u32,
        tries: &mut u32,
    ) -> bool {
        if entered == Entered::Busy {
            mark!("turn that the kernel had no room for");
            self.counters.busy += 1;
            if count == 0 && !self.back_off(tries) {
                return true;
            }
        }
        if has_overflowed {
            mark!("turn with an overflow");
            self.counters.overflows += 1;
        }
        false
    }

    /// Waits a little for a kernel that is out of memory; `false` when it is time to let the loop
    /// do other things.
    fn back_off(&mut self, tries: &mut u32) -> bool {
        *tries += 1;
        sys::clock::pause(Duration::from_micros(50) * *tries);
        *tries < 8
    }

    fn refill(&mut self) {
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
    #[inline]
    fn reap(&mut self, reaped: &mut Reaped) -> u32 {
        // Who listens may wake tasks of this loop, and must find the run queue free.
        let routed = if LevelFilter::current() >= LevelFilter::TRACE {
            None
        } else {
            scheduler::with(|scheduler| {
                self.route(reaped, |wake| scheduler.wake_own(wake), |_, _| {})
            })
        };
        let (count, rearm) = routed.unwrap_or_else(|| self.reap_heard(reaped));
        self.counters.completions += u64::from(count);
        if rearm || !self.rest.is_empty() {
            self.finish_reap(rearm);
        }
        count
    }

    /// As [`reap`](Self::reap), and who listens is told of each op that has ended.
    #[cold]
    #[inline(never)]
    fn reap_heard(&mut self, reaped: &mut Reaped) -> (u32, bool) {
        self.route(reaped, scheduler::wake_own, |key, res| {
            tracing::trace!(slot = key.index, res, "reap");
        })
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

    /// Does what is left to do, when all completions have been routed.
    #[inline(never)]
    fn finish_reap(&mut self, rearm: bool) {
        if rearm {
            self.arm_notifier();
        }
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
