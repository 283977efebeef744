//! `IORING_OP_CLOSE`

use std::io;
use std::os::fd::OwnedFd;

use crate::driver::{Closing, Op, SharedFd, Submit};
use crate::sys::Sqe;

/// Closes a descriptor that nobody else uses.
#[derive(Debug)]
pub struct Close {
    /// Empty once the entry owns it.
    fd: Option<OwnedFd>,
}

/// Closes a descriptor as soon as every op on it has ended; with another handle on it, drops this
/// one.
pub(crate) async fn close(fd: SharedFd) -> io::Result<()> {
    match Closing::new(fd).await {
        Some(fd) => Submit::new(Close { fd: Some(fd) }).await,
        None => Ok(()),
    }
}

impl Op for Close {
    type Completed = ();
    type Output = io::Result<()>;
    const NAME: &'static str = "close";

    fn prepare(&mut self) -> Sqe<'_, ()> {
        match self.fd.take() {
            Some(fd) => Sqe::close(fd),
            None => Sqe::nop(),
        }
    }

    fn complete(self, result: io::Result<()>) -> Self::Output {
        result
    }
}
