//! Looking for completions before sleeping.

use std::io;

use super::parts::Scratch;
use super::{Runtime, turn};
use crate::remote::Remote;
use crate::scheduler::{self, Scheduler};
use crate::sys::{Wait, clock};

impl Runtime {
    /// Turns without waiting until something comes or the time for that is up; then waits.
    ///
    /// The loop has announced that it parks: another thread's message also kicks it, which costs
    /// the other thread a system call and loses nothing.
    #[cold]
    pub(super) fn spin(&self, wait: Wait, scratch: &mut Scratch) -> io::Result<()> {
        let remote = Remote::of(self.number);
        let mut end_ns = clock::monotonic_ns().saturating_add(self.spin_ns);
        if let Wait::Until(deadline_ns) = wait {
            end_ns = end_ns.min(deadline_ns);
        }
        loop {
            turn(Wait::Zero, scratch)?;
            let queued = scheduler::with(|scheduler: &mut Scheduler| scheduler.queued());
            if queued.unwrap_or(0) > 0 || remote.has_messages() {
                return Ok(());
            }
            if clock::monotonic_ns() >= end_ns {
                return self.sleep(wait, scratch);
            }
            std::hint::spin_loop();
        }
    }
}
