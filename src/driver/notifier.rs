//! Ends the ring's wait from another thread: an eventfd that the ring polls.
//!
//! One multishot poll stays armed. Each write to the eventfd posts a completion, without anybody
//! reading the count, so a kick costs the loop no entry and no read. See
//! `uring-sys-notes/wakeup.md`.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use super::Driver;
use super::key::{Internal, Kind, user_data};
use crate::sys::{self, Descriptor, Outcome, Owned, Sqe};

/// Readable (`POLLIN`, `include/uapi/asm-generic/poll.h`).
const POLLIN: u32 = 1;

/// The eventfd of a loop.
#[derive(Debug)]
pub(crate) struct Notifier {
    eventfd: Arc<Owned>,
    is_armed: bool,
    kicks: u64,
}

impl Notifier {
    pub(super) fn new() -> io::Result<Self> {
        let eventfd = Arc::new(sys::eventfd::eventfd()?);
        Ok(Notifier { eventfd, is_armed: false, kicks: 0 })
    }

    /// What another thread calls to end the wait.
    pub(crate) fn kick(&self) -> impl Fn() + Send + use<> {
        let eventfd = Arc::clone(&self.eventfd);
        move || {
            if let Err(error) = sys::eventfd::eventfd_signal(eventfd.as_fd()) {
                tracing::error!(%error, "a loop could not be woken from another thread");
            }
        }
    }

    /// How often the loop was kicked.
    pub(crate) fn kicks(&self) -> u64 {
        self.kicks
    }

    /// A completion of the poll; whether it has to be armed again.
    pub(super) fn note(&mut self, outcome: Outcome) -> bool {
        self.kicks += 1;
        self.is_armed = !outcome.is_final();
        !self.is_armed && !outcome.is_cancelled()
    }
}

impl Driver {
    pub(super) fn arm_notifier(&mut self) {
        if std::mem::replace(&mut self.notifier.is_armed, true) {
            return;
        }
        let eventfd = Descriptor::of(&self.notifier.eventfd);
        let poll = Sqe::<'static, _>::poll_multishot(eventfd, POLLIN).into_prepared();
        let tag = user_data(Internal::Notifier as u32, Kind::Internal, 0);
        self.backlog.push_control(&mut self.ring, poll.with_user_data(tag));
    }
}
