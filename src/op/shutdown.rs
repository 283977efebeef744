//! `IORING_OP_SHUTDOWN`

use std::io;

use crate::driver::{FdRef, Lane, Op, SharedFd, Submit};
use crate::sys::Sqe;

/// Shuts one or both directions of a connection down.
#[derive(Debug)]
pub struct Shutdown {
    socket: FdRef,
    how: std::net::Shutdown,
}

pub(crate) fn shutdown(socket: &SharedFd, how: std::net::Shutdown) -> Submit<Shutdown> {
    Submit::new(Shutdown { socket: socket.name(), how })
}

impl Op for Shutdown {
    type Completed = ();
    type Output = io::Result<()>;
    const NAME: &'static str = "shutdown";
    const LANE: Option<Lane> = Some(Lane::Write);

    fn prepare(&mut self) -> Sqe<'_, ()> {
        Sqe::shutdown(self.socket.descriptor(), self.how)
    }

    fn complete(self, result: io::Result<()>) -> Self::Output {
        result
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.socket)
    }
}
