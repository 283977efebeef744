//! `IORING_OP_POLL_ADD`

use std::io;

use crate::driver::{FdRef, Op, SharedFd, Submit};
use crate::sys::{Number, Sqe};

/// What to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    /// `POLLIN`
    Readable = 1,
    /// `POLLOUT`
    Writable = 4,
}

/// Waits until a descriptor is ready.
#[derive(Debug)]
pub struct Poll {
    descriptor: FdRef,
    interest: Interest,
}

pub(crate) fn poll(descriptor: &SharedFd, interest: Interest) -> Submit<Poll> {
    Submit::new(Poll { descriptor: descriptor.name(), interest })
}

impl Op for Poll {
    type Completed = Number;
    type Output = io::Result<()>;
    const NAME: &'static str = "poll";

    fn prepare(&mut self) -> Sqe<'_, Number> {
        Sqe::poll(self.descriptor.descriptor(), self.interest as u32)
    }

    fn complete(self, result: io::Result<Number>) -> Self::Output {
        result.map(drop)
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.descriptor)
    }
}
