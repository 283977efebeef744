//! Where a completion goes that is not just the success of an op: failures, items of streams, what
//! belongs to abandoned ops, and the driver's own.

use super::descriptor::{Descriptors, FdIndex};
use super::key::{self, Internal, Kind};
use super::lifecycle::AfterCompletion;
use super::marks::Marks;
use super::multishot::AfterItem;
use super::slot::Salvage;
use super::table::Slot;
use super::{Counters, Lane, OpKey, Reaped};
use crate::sys::{Cqe, Outcome};

/// Routes what is not the success of an op with one completion.
pub(super) struct Other<'a> {
    pub(super) table: &'a mut super::Table,
    pub(super) descriptors: &'a Descriptors,
    pub(super) counters: &'a mut Counters,
    pub(super) reaped: &'a mut Reaped,
    pub(super) closing: &'a mut usize,
    pub(super) notifier: &'a mut super::Notifier,
    pub(super) rest: &'a mut Vec<After>,
}

impl Other<'_> {
    /// Whether the notifier's poll has ended.
    #[inline(never)]
    pub(super) fn route(
        &mut self,
        user_data: u64,
        outcome: Outcome,
        heard: impl Fn(OpKey, i32),
    ) -> bool {
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
