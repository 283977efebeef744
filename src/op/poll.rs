//! `IORING_OP_POLL_ADD`

use std::io;

use crate::driver::{FdRef, Lane, Op, SharedFd, Stash, Submit};
use crate::sys::{Number, Sqe};

/// `POLLIN`, of `include/uapi/asm-generic/poll.h`.
const POLLIN: u32 = 1;
/// `POLLOUT`, of the same.
const POLLOUT: u32 = 4;

/// Waits until there is something to read: bytes, a connection, an end or an error.
///
/// It takes its place among the reads, so it also sees what an abandoned one has left behind.
#[derive(Debug)]
pub struct Readable {
    descriptor: FdRef,
}

/// Waits until there is room to write, or an error.
#[derive(Debug)]
pub struct Writable {
    descriptor: FdRef,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn readable(descriptor: &SharedFd) -> Submit<Readable> {
    Submit::new(Readable { descriptor: descriptor.name() })
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn writable(descriptor: &SharedFd) -> Submit<Writable> {
    Submit::new(Writable { descriptor: descriptor.name() })
}

impl Op for Readable {
    type Completed = Number;
    type Output = io::Result<()>;
    const NAME: &'static str = "poll";
    const LANE: Option<Lane> = Some(Lane::Read);

    fn prepare(&mut self) -> Sqe<'_, Number> {
        Sqe::poll(self.descriptor.descriptor(), POLLIN)
    }

    fn complete(self, result: io::Result<Number>) -> Self::Output {
        result.map(drop)
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.descriptor)
    }

    fn serve(&mut self, stash: &mut Stash) -> Option<io::Result<Number>> {
        (!stash.is_empty()).then_some(Ok(Number(POLLIN)))
    }
}

impl Op for Writable {
    type Completed = Number;
    type Output = io::Result<()>;
    const NAME: &'static str = "poll";
    const LANE: Option<Lane> = Some(Lane::Write);

    fn prepare(&mut self) -> Sqe<'_, Number> {
        Sqe::poll(self.descriptor.descriptor(), POLLOUT)
    }

    fn complete(self, result: io::Result<Number>) -> Self::Output {
        result.map(drop)
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.descriptor)
    }
}
