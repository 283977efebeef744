//! Ends a driver: cancels what is in flight and waits until the kernel lets go of it.
//!
//! Closing a ring is no barrier: the kernel was seen writing into a buffer after it (see
//! `uring-sys-notes/lifetimes.md`). So every op is cancelled and reaped, and what the kernel has
//! not given back by the deadline is leaked, counted and said, never freed.

use std::io;

use super::{Driver, OpKey, Reaped};
#[cfg(feature = "sim")]
use crate::sys;
use crate::sys::{Wait, clock};

/// How a drain ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Drained {
    /// Ops whose memory is leaked because the kernel may still use it.
    pub(crate) leaked: usize,
    /// Descriptors that outlive the loop because their handles do.
    pub(crate) orphaned: usize,
}

impl Driver {
    /// No op is started from now on, and every op in flight is abandoned and cancelled.
    pub(crate) fn begin_drain(&mut self) {
        self.is_closing = true;
        if !self.ring.is_own() {
            return;
        }
        self.refresh_now();
        let left: Vec<OpKey> = self.table.iter_mut().map(|(key, _)| key).collect();
        for key in left {
            let salvage = match self.table.get(key) {
                Some(slot) if slot.stream.is_some() => {
                    let mut untaken = std::mem::take(&mut self.pending.add().untaken);
                    let salvage = self.abandon_stream(key, &mut untaken);
                    self.pending.add().untaken = untaken;
                    salvage
                }
                _ => self.abandon_once(key),
            };
            self.pending.add().salvages.extend(salvage);
        }
    }

    /// As when its future is dropped, unless that has happened already.
    fn abandon_once(&mut self, key: OpKey) -> Option<super::Salvage> {
        let slot = self.table.get(key)?;
        if matches!(slot.lifecycle, super::lifecycle::Lifecycle::Abandoned) {
            return None;
        }
        self.abandon(key)
    }

    /// One step of a drain: whether the kernel still has something and it is worth waiting.
    ///
    /// # Errors
    ///
    /// As of a turn; the drain is over then.
    pub(crate) fn drain_turn(&mut self, deadline_ns: u64, reaped: &mut Reaped) -> io::Result<bool> {
        if !self.ring.is_own() {
            // In a forked child: what is in flight is the parent's.
            return Ok(false);
        }
        let unfinished = self.has_work_in_kernel();
        let kept_back = !self.pending.is_empty();
        if !unfinished && !kept_back {
            return Ok(false);
        }
        let expired = clock::monotonic_ns() >= deadline_ns;
        let wait = if expired || !unfinished { Wait::Zero } else { Wait::Until(deadline_ns) };
        self.turn(wait, reaped)?;
        let idle = super::turn::is_empty(reaped);
        Ok(!(expired && idle))
    }

    /// Ends the driver: leaks what the kernel still has and hands the descriptors of handles that
    /// live on to the process.
    pub(crate) fn finish(mut self) -> Drained {
        #[cfg(feature = "sim")]
        if self.counters.stale > 0 {
            sys::sim::complain("a completion came for an operation that was not known any more");
        }
        let leaked = self.table.len();
        if leaked > 0 {
            #[cfg(feature = "sim")]
            sys::sim::leaks();
            tracing::warn!(leaked, "a runtime ended with operations that the kernel did not end");
        }
        let pool = std::mem::take(&mut self.pool);
        pool.finish(&self.ring, self.runtime, leaked > 0);
        let users = self.descriptors.take_all();
        let mut orphaned = 0;
        let in_flight = self.users_in_flight();
        for (fd, owned, count) in users {
            let handles =
                count - in_flight.iter().filter(|&&user| user == fd.place()).count() as u32;
            if handles > 0 {
                orphaned += 1;
                super::handle::adopt_orphan(fd, owned, handles);
            }
        }
        Drained { leaked, orphaned }
    }

    /// The places of the descriptors of the ops that are leaked, once for each.
    fn users_in_flight(&mut self) -> Vec<super::FdIndex> {
        self.table.iter_mut().filter_map(|(_, slot)| slot.counted).collect()
    }
}
