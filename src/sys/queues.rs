//! The two queues of a ring: shared with the kernel or, in a simulation, memory of the process.

#![expect(unsafe_code, reason = "maps what the kernel shares")]

use std::io;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};

use io_uring::IoUring;
#[cfg(not(feature = "sim"))]
pub(super) use io_uring::squeue::SubmissionQueue as Submission;

use super::abi::Params;
use super::door;
#[cfg(feature = "sim")]
pub(super) use super::sim::Submission;
#[cfg(feature = "sim")]
use super::sim::UserQueues;

/// The queues of a ring, and its descriptor.
#[cfg_attr(
    feature = "sim",
    expect(
        clippy::large_enum_variant,
        reason = "there is one, and a box would cost the real ring"
    )
)]
pub(super) enum Queues {
    Kernel(IoUring),
    #[cfg(feature = "sim")]
    Simulated(UserQueues),
}

impl Queues {
    /// The queues of a ring that was just set up.
    ///
    /// # Safety
    ///
    /// `params` is what the kernel answered when it made `fd`.
    pub(super) unsafe fn over(fd: OwnedFd, params: Params) -> io::Result<Queues> {
        #[cfg(feature = "sim")]
        let fd = match UserQueues::of(fd) {
            Ok(queues) => return Ok(Queues::Simulated(queues)),
            Err(fd) => fd,
        };
        // SAFETY: the descriptor is handed over here, and the caller vouches for the parameters.
        unsafe { IoUring::from_fd(fd.into_raw_fd(), door::parameters(params)) }.map(Queues::Kernel)
    }

    /// The submission queue, whose entries are the kernel's when it is let go of.
    #[inline(always)]
    pub(super) fn submission(&mut self) -> Submission<'_> {
        match self {
            #[cfg(not(feature = "sim"))]
            Queues::Kernel(ring) => ring.submission(),
            #[cfg(feature = "sim")]
            Queues::Kernel(ring) => Submission::Kernel(ring.submission()),
            #[cfg(feature = "sim")]
            Queues::Simulated(queues) => Submission::Simulated(queues),
        }
    }

    /// Whether completions wait.
    #[inline]
    pub(super) fn has_completions(&mut self) -> bool {
        match self {
            Queues::Kernel(ring) => !ring.completion().is_empty(),
            #[cfg(feature = "sim")]
            Queues::Simulated(queues) => queues.has_completions(),
        }
    }

    /// Takes every completion that is there: its user data, result and flags.
    #[inline(always)]
    pub(super) fn reap(&mut self, mut each: impl FnMut(u64, i32, u32)) {
        match self {
            Queues::Kernel(ring) => {
                for entry in ring.completion() {
                    each(entry.user_data(), entry.result(), entry.flags());
                }
            }
            #[cfg(feature = "sim")]
            Queues::Simulated(queues) => {
                while let Some((user_data, res, flags)) = queues.take() {
                    each(user_data, res, flags);
                }
            }
        }
    }
}

impl AsRawFd for Queues {
    #[inline(always)]
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Queues::Kernel(ring) => ring.as_raw_fd(),
            #[cfg(feature = "sim")]
            Queues::Simulated(queues) => queues.as_raw_fd(),
        }
    }
}
