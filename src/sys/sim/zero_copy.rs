//! Sends that let go of their memory later, and messages between rings.

use super::Fault;
use super::attempt::Tried;
use super::codes;
use super::events::Due;
use super::machine::Machine;
use super::ops::{OpId, Stage};

impl Machine {
    /// A zero-copy send completes twice: when it has sent, and when its memory is free again.
    pub(super) fn try_send_zero_copy(&mut self, id: OpId) -> Tried {
        match self.try_send(id) {
            Tried::Done(res, _) if res >= 0 => {
                self.post_more(id, res, 0);
                let mean_ns = u64::from(self.faults.get(Fault::LateNotification)) * 1000;
                let after_ns = 1 + self.rng.spread(mean_ns);
                if mean_ns > 0 {
                    mark!("late notification");
                }
                if let Some(op) = self.ops.get_mut(id) {
                    op.stage = Stage::Done { res: 0, flags: codes::F_NOTIF };
                }
                self.events.push(self.now_ns + after_ns, Due::Notification(id));
                Tried::Later
            }
            tried => tried,
        }
    }

    /// Posts a completion to another ring.
    pub(super) fn try_message(&mut self, id: OpId) -> Tried {
        let Some(op) = self.ops.get(id) else { return Tried::Later };
        let (number, value, user_data) = (op.sqe.fd, op.sqe.len as i32, op.sqe.off);
        if op.sqe.addr != 0 {
            // Sending a descriptor is not taught: the crate does not.
            return Tried::error(libc::EINVAL);
        }
        let Some(target) = self.ring_of(number, false) else {
            return Tried::error(libc::EBADFD);
        };
        mark!("message between rings");
        self.post(target, user_data, value, 0);
        Tried::Done(0, 0)
    }
}
