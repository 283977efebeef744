//! Timeouts: alone, and linked to an op.

use super::codes;
use super::events::Due;
use super::machine::Machine;
use super::ops::{OpId, Payload, Stage};

impl Machine {
    /// Lets a timeout of its own stand.
    pub(super) fn start_timeout(&mut self, id: OpId) {
        let Some(op) = self.ops.get_mut(id) else { return };
        let Payload::Deadline(at_ns) = op.payload else { return };
        op.stage = Stage::Timer;
        let at_ns = at_ns.max(self.now_ns);
        if at_ns < u64::MAX {
            self.events.push(at_ns, Due::Timeout(id));
        }
    }

    /// Lets the timeout behind an op stand, if the op is still there.
    pub(super) fn start_linked_timeout(&mut self, id: OpId) {
        let Some(op) = self.ops.get(id) else { return };
        let Some(timeout) = op.next.filter(|next| self.is_linked_timeout(*next)) else { return };
        let rest = self.ops.get_mut(timeout).and_then(|timeout| timeout.next.take());
        if let Some(op) = self.ops.get_mut(id) {
            op.next = rest;
            op.timeout = Some(timeout);
        }
        if let Some(timeout) = self.ops.get_mut(timeout) {
            timeout.limits = Some(id);
        }
        self.start_timeout(timeout);
    }

    /// Whether the op is followed by a timeout that cannot be: the op does not run then.
    pub(super) fn has_bad_timeout(&self, id: OpId) -> bool {
        let next = self.ops.get(id).and_then(|op| op.next);
        next.and_then(|next| self.ops.get(next)).is_some_and(|timeout| {
            timeout.sqe.opcode == codes::LINK_TIMEOUT && timeout.refused != 0
        })
    }

    /// A timeout's time has come.
    pub(super) fn fire(&mut self, id: OpId) {
        let Some(op) = self.ops.get(id) else { return };
        if let Payload::Deadline(at_ns) = op.payload {
            if at_ns > self.now_ns {
                // It was moved while it stood; the event for its new time will come.
                return;
            }
        }
        let Some(target) = op.limits else {
            return self.complete(id, -libc::ETIME, 0);
        };
        mark!("linked timeout fired");
        if let Some(target) = self.ops.get_mut(target) {
            target.timeout = None;
        }
        match self.try_cancel(target) {
            Ok(()) => self.complete(id, -libc::ETIME, 0),
            Err(errno) => {
                mark!("linked timeout lost");
                self.complete(id, -errno, 0);
            }
        }
    }

    /// Moves a timeout that stands to another time.
    pub(super) fn move_timeout(&mut self, id: OpId, at_ns: u64) {
        if let Some(op) = self.ops.get_mut(id) {
            op.payload = Payload::Deadline(at_ns);
            self.events.push(at_ns.max(self.now_ns), Due::Timeout(id));
        }
    }
}
