//! The connections of a listener, as a stream.

use std::io;
use std::task::{Context, Poll};

use super::TcpStream;
use crate::driver::{FdRef, Multishot, SharedFd};
use crate::op::{self, AcceptMultishot};

/// The connections that come in, one entry for all of them; made by
/// [`TcpListener::incoming`](super::TcpListener::incoming).
///
/// Since kernel 5.19.
///
/// # Cancellation
///
/// Dropping it loses no connection: those that were accepted and not taken go to the listener's
/// next `accept` or `incoming`.
#[derive(Debug)]
#[must_use = "connections come in only when it is polled"]
pub struct Incoming {
    accepts: Multishot<AcceptMultishot<TcpStream>>,
    listener: FdRef,
}

impl Incoming {
    pub(super) fn new(listener: &SharedFd) -> Self {
        Incoming { accepts: op::accept_multishot(listener), listener: listener.name() }
    }

    /// The next connection.
    ///
    /// # Errors
    ///
    /// As of `accept`: with too many open descriptors (`EMFILE`), wait a little before the next
    /// call. The stream goes on after an error.
    ///
    /// # Cancellation
    ///
    /// As for the stream itself: no connection is lost.
    pub async fn next(&mut self) -> io::Result<TcpStream> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Polls for the next connection, with what [`next`](Self::next) gives.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        loop {
            match self.accepts.poll_next(cx) {
                Poll::Ready(Err(error)) if crate::sys::is_connection_error(&error) => {}
                Poll::Ready(item) => {
                    let stream = item.and_then(|stream| stream);
                    return Poll::Ready(stream.inspect(|new| new.shared().inherit(self.listener)));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
