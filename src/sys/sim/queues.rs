//! The user's side of a simulated ring.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::rc::Rc;

use io_uring::squeue::{Entry, SubmissionQueue};

use super::owned::Owned;
use super::shared::Block;
use super::{is_installed, with};

/// The queues as the loop sees them, and the ring's descriptor.
#[derive(Debug)]
pub(in crate::sys) struct UserQueues {
    block: Rc<Block>,
    number: Owned,
}

/// The submission queue of a ring of either kernel.
pub(in crate::sys) enum Submission<'a> {
    Kernel(SubmissionQueue<'a>),
    Simulated(&'a mut UserQueues),
}

/// The submission queue is full.
#[derive(Debug)]
pub(in crate::sys) struct Full;

impl UserQueues {
    /// The queues of a ring of the simulator's; gives the descriptor of any other back.
    pub(in crate::sys) fn of(fd: OwnedFd) -> Result<UserQueues, OwnedFd> {
        let number = fd.as_raw_fd();
        match is_installed().then(|| with(|machine| machine.block_of(number))).flatten() {
            Some(block) => Ok(UserQueues { block, number: Owned::from(fd) }),
            None => Err(fd),
        }
    }

    #[inline]
    pub(in crate::sys) fn has_completions(&self) -> bool {
        self.block.untaken() > 0
    }

    /// Takes the oldest completion: its user data, result and flags.
    #[inline]
    pub(in crate::sys) fn take(&mut self) -> Option<(u64, i32, u32)> {
        self.block.take_completion()
    }
}

impl AsRawFd for UserQueues {
    fn as_raw_fd(&self) -> RawFd {
        self.number.as_raw_fd()
    }
}

impl Submission<'_> {
    /// Puts an entry into the queue.
    ///
    /// # Safety
    ///
    /// As for the io-uring crate's: what the entry lends stays valid until its completion.
    pub(in crate::sys) unsafe fn push(&mut self, entry: &Entry) -> Result<(), Full> {
        let was_pushed = match self {
            // SAFETY: promised by the caller.
            Submission::Kernel(queue) => unsafe { queue.push(entry) }.is_ok(),
            Submission::Simulated(queues) => queues.block.push(entry),
        };
        was_pushed.then_some(()).ok_or(Full)
    }

    pub(in crate::sys) fn len(&self) -> usize {
        match self {
            Submission::Kernel(queue) => queue.len(),
            Submission::Simulated(queues) => queues.block.pushed() as usize,
        }
    }

    pub(in crate::sys) fn capacity(&self) -> usize {
        match self {
            Submission::Kernel(queue) => queue.capacity(),
            Submission::Simulated(queues) => queues.block.entries() as usize,
        }
    }

    pub(in crate::sys) fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }

    pub(in crate::sys) fn cq_overflow(&self) -> bool {
        match self {
            Submission::Kernel(queue) => queue.cq_overflow(),
            Submission::Simulated(queues) => queues.block.has_overflowed(),
        }
    }

    pub(in crate::sys) fn need_wakeup(&self) -> bool {
        match self {
            Submission::Kernel(queue) => queue.need_wakeup(),
            Submission::Simulated(_) => false,
        }
    }
}
