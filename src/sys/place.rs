//! A place in the submission queue: room for one entry that was looked for before the entry is made.
//!
//! An entry that may have to be kept elsewhere lies in memory until the queue has answered; one whose
//! place is known is written there.

#![expect(unsafe_code, reason = "gives the kernel addresses")]

use super::queues::Submission;
use super::sqe::Prepared;

/// Room for one entry.
pub(crate) struct Place<'a>(Submission<'a>);

impl<'a> Place<'a> {
    /// A place in `queue`, unless it is full.
    #[inline(always)]
    pub(super) fn in_queue(queue: Submission<'a>) -> Option<Self> {
        if queue.is_full() { None } else { Some(Place(queue)) }
    }

    /// Puts an entry there.
    #[inline(always)]
    pub(crate) fn push(mut self, prepared: &Prepared) {
        // SAFETY: a `Prepared` is the promise that what its entry points to stays in place until
        // the final completion.
        let pushed = unsafe { self.0.push(prepared.entry()) };
        assert!(pushed.is_ok(), "the queue said that it has room");
    }
}
