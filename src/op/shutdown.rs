//! shutdown(2), in its turn
//!
//! `IORING_OP_SHUTDOWN` always goes to a worker thread of the kernel, though the call never
//! blocks. So the op is a `IORING_OP_NOP` that waits for its lane, and the call is made when it
//! completes.

use std::io;
use std::os::fd::BorrowedFd;

use crate::driver::{self, FdRef, Lane, Op, SharedFd, Submit};
use crate::sys::{self, Sqe};

/// Shuts one or both directions of a connection down.
#[derive(Debug)]
pub struct Shutdown {
    socket: FdRef,
    how: std::net::Shutdown,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn shutdown(socket: &SharedFd, how: std::net::Shutdown) -> Submit<Shutdown> {
    Submit::new(Shutdown { socket: socket.name(), how })
}

impl Op for Shutdown {
    type Completed = ();
    type Output = io::Result<()>;
    const NAME: &'static str = "shutdown";
    const LANE: Option<Lane> = Some(Lane::Write);

    fn prepare(&mut self) -> Sqe<'_, ()> {
        Sqe::nop()
    }

    fn complete(self, result: io::Result<()>) -> Self::Output {
        result?;
        let call = |socket: BorrowedFd<'_>| sys::socket::shutdown(socket, self.how);
        match driver::with_descriptor(self.socket, call) {
            None => Err(sys::closed()),
            // What has ended already, or was reset, has nothing to shut down.
            Some(Err(error)) if sys::is_not_connected(&error) => Ok(()),
            Some(done) => done,
        }
    }

    fn salvage(self, _result: io::Result<()>) {}

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.socket)
    }
}
