//! The states of an op in flight: a pure machine, without memory and without a kernel.
//!
//! ```text
//!            completion              poll
//! Waiting ───────────────► Completed ──────► (slot free)
//!    │                         │ drop
//!    │ drop                    └───────────► salvage, (slot free)
//!    ▼        final completion
//! Abandoned ─────────────────────────────►   salvage, (slot free)
//! ```
//!
//! Only the op's own final completion moves it on: what a cancel request or a linked timeout
//! answers is counted and never believed. See `uring-sys-notes/cancellation.md`.

use super::waiter::Waiter;
use crate::sys::Outcome;

/// Where one op stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lifecycle {
    /// In flight; somebody wants to know.
    Waiting(Waiter),
    /// The final completion has come and has not been looked at.
    Completed(Outcome),
    /// In flight, but its future is gone.
    Abandoned,
}

/// What to do after a completion.
#[derive(Debug)]
pub(super) enum AfterCompletion {
    /// Wake who waits.
    Wake(Waiter),
    /// Finish the abandoned op.
    Salvage(Outcome),
    /// Nothing: the kernel answered twice, which is counted.
    Ignore,
}

/// What to do when an op's future is dropped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AfterDrop {
    /// Ask the kernel to cancel the op, then wait for its final completion.
    Cancel,
    /// Finish it now: its completion is there.
    Salvage(Outcome),
}

impl Lifecycle {
    /// The final completion has come.
    #[inline]
    pub(super) fn complete(&mut self, outcome: Outcome) -> AfterCompletion {
        match std::mem::replace(self, Lifecycle::Completed(outcome)) {
            Lifecycle::Waiting(waiter) => AfterCompletion::Wake(waiter),
            Lifecycle::Abandoned => AfterCompletion::Salvage(outcome),
            Lifecycle::Completed(first) => {
                *self = Lifecycle::Completed(first);
                AfterCompletion::Ignore
            }
        }
    }

    /// The future was polled: its outcome, or who is to be woken when there is one.
    #[inline]
    pub(super) fn poll(&mut self) -> Result<Outcome, &mut Waiter> {
        match self {
            Lifecycle::Completed(outcome) => Ok(*outcome),
            Lifecycle::Waiting(waiter) => Err(waiter),
            Lifecycle::Abandoned => unreachable!("an abandoned op has no future to be polled"),
        }
    }

    /// The future was dropped.
    pub(super) fn abandon(&mut self) -> AfterDrop {
        match std::mem::replace(self, Lifecycle::Abandoned) {
            Lifecycle::Completed(outcome) => AfterDrop::Salvage(outcome),
            Lifecycle::Waiting(_) | Lifecycle::Abandoned => AfterDrop::Cancel,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DONE: Outcome = Outcome { res: 3, flags: 0 };
    const WAITER: Waiter = Waiter::NOBODY;

    #[test]
    fn a_completion_wakes_who_waits_and_is_read_by_the_next_poll() {
        let mut state = Lifecycle::Waiting(WAITER);
        assert_eq!(state.poll(), Err(&mut WAITER.clone()));
        assert!(matches!(state.complete(DONE), AfterCompletion::Wake(WAITER)));
        assert_eq!(state.poll(), Ok(DONE));
    }

    #[test]
    fn an_op_dropped_in_flight_is_salvaged_at_its_completion() {
        let mut state = Lifecycle::Waiting(WAITER);
        assert_eq!(state.abandon(), AfterDrop::Cancel);
        assert!(matches!(state.complete(DONE), AfterCompletion::Salvage(DONE)));
    }

    #[test]
    fn an_op_completed_and_dropped_before_it_was_polled_is_salvaged_at_once() {
        let mut state = Lifecycle::Waiting(WAITER);
        let _wake = state.complete(DONE);
        assert_eq!(state.abandon(), AfterDrop::Salvage(DONE));
    }

    #[test]
    fn a_second_completion_changes_nothing() {
        let mut state = Lifecycle::Waiting(WAITER);
        let _wake = state.complete(DONE);
        let second = state.complete(Outcome { res: 9, flags: 0 });
        assert!(matches!(second, AfterCompletion::Ignore));
        assert_eq!(state.poll(), Ok(DONE));
    }
}
