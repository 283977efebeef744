//! Entries that found the submission queue full.
//!
//! Nothing is dropped for want of room: entries wait here and go first at the next turn. Cancels
//! go before ops, and only cancels whose op is already in the queue come here, so a cancel never
//! overtakes its op; an op that is cancelled while it waits here is never submitted at all.

use std::collections::VecDeque;

use super::key::OpKey;
use crate::sys::{Prepared, Ring};

/// What waits for room.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Backlog {
    controls: VecDeque<Prepared>,
    ops: VecDeque<(OpKey, Prepared, Option<Prepared>)>,
    /// How many there are of both: each op and each turn asks.
    count: usize,
}

impl Backlog {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many ops wait.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Pushes a cancel or another entry of the driver's own, or keeps it.
    pub(super) fn push_control(&mut self, ring: &mut Ring, entry: Prepared) {
        if !self.controls.is_empty() {
            self.keep_control(entry);
        } else if let Err(entry) = ring.push(entry) {
            self.keep_control(entry);
        }
    }

    #[cold]
    fn keep_control(&mut self, entry: Prepared) {
        self.controls.push_back(entry);
        self.count += 1;
    }

    /// Pushes an op and the timeout that is linked to it, both or neither; whether it had to be
    /// kept.
    #[inline]
    pub(super) fn push_op(
        &mut self,
        ring: &mut Ring,
        key: OpKey,
        entry: Prepared,
        timeout: Option<Prepared>,
    ) -> bool {
        let kept = if !self.is_empty() {
            Some((entry, timeout))
        } else {
            push_both(ring, entry, timeout).err()
        };
        match kept {
            None => false,
            Some((entry, timeout)) => self.keep(key, entry, timeout),
        }
    }

    #[cold]
    fn keep(&mut self, key: OpKey, entry: Prepared, timeout: Option<Prepared>) -> bool {
        mark!("entry kept in the backlog");
        self.ops.push_back((key, entry, timeout));
        self.count += 1;
        true
    }

    /// Moves what fits into the queue; `leaves` is told of each op that has room and answers
    /// whether it is still to be submitted.
    pub(super) fn refill(&mut self, ring: &mut Ring, mut leaves: impl FnMut(OpKey) -> bool) {
        while let Some(entry) = self.controls.pop_front() {
            if let Err(entry) = ring.push(entry) {
                self.controls.push_front(entry);
                return;
            }
            self.count -= 1;
        }
        while let Some((_, _, timeout)) = self.ops.front() {
            let needed = if timeout.is_some() { 2 } else { 1 };
            if ring.room() < needed {
                return;
            }
            let Some((key, entry, timeout)) = self.ops.pop_front() else { return };
            self.count -= 1;
            if leaves(key) {
                let pushed = push_both(ring, entry, timeout);
                assert!(pushed.is_ok(), "the queue said that it has room");
            }
        }
    }
}

type Pair = (Prepared, Option<Prepared>);

#[inline]
#[expect(clippy::result_large_err, reason = "what does not fit goes back where it came from")]
fn push_both(ring: &mut Ring, entry: Prepared, timeout: Option<Prepared>) -> Result<(), Pair> {
    match timeout {
        None => ring.push(entry).map_err(|entry| (entry, None)),
        Some(timeout) => ring.push_pair(entry, timeout).map_err(|(e, timeout)| (e, Some(timeout))),
    }
}
