//! `IORING_OP_CLOSE`

use std::io;
use std::os::fd::IntoRawFd;

use crate::driver::{Closing, Op, SharedFd, Submit};
use crate::sys::{self, Descriptor, Owned, Sqe};

/// Closes a descriptor that nobody else uses.
///
/// It owns the descriptor until the kernel says that it has closed it: one that was cancelled
/// before it was submitted closes it in the end all the same.
#[derive(Debug)]
pub struct Close {
    fd: Owned,
}

/// Closes a descriptor as soon as every op on it has ended; with another handle on it, drops this
/// one.
pub(crate) async fn close(fd: SharedFd) -> io::Result<()> {
    match Closing::new(fd).await {
        Some(fd) => Submit::new(Close { fd }).await,
        None => Ok(()),
    }
}

impl Op for Close {
    type Completed = ();
    type Output = io::Result<()>;
    const NAME: &'static str = "close";

    /// A close that was interrupted has closed: the number may be another's by now.
    const IS_REPEATABLE: bool = false;

    fn prepare(&mut self) -> Sqe<'_, ()> {
        Sqe::close_number(Descriptor::of(&self.fd))
    }

    fn complete(self, result: io::Result<()>) -> Self::Output {
        match result {
            // Never submitted: cancelled in the backlog, or refused by a loop that ends.
            Err(error) if was_never_submitted(&error) => {
                drop(self.fd);
                Ok(())
            }
            done => {
                // The kernel has closed it, also where it reports that writing back failed.
                let _closed = self.fd.into_raw_fd();
                done
            }
        }
    }
}

fn was_never_submitted(error: &io::Error) -> bool {
    let is_refusal = error.raw_os_error().is_none() && error.kind() != io::ErrorKind::Interrupted;
    sys::is_cancelled(error) || is_refusal
}
