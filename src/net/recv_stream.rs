//! The bytes of a connection, as a stream of pooled buffers.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::buf::PooledBuf;
use crate::driver::{self, Multishot, SharedFd, Submit};
use crate::op::{self, RecvMultishot, RecvPooled};

/// What arrives on a connection, one entry for all of it; made by
/// [`TcpStream::recv_stream`](super::TcpStream::recv_stream).
///
/// While the pool is empty it receives into memory of its own, so exhaustion is never an error.
/// Since kernel 6.0; before, each buffer is received by an entry of its own.
///
/// # Cancellation
///
/// Dropping it loses no byte: what has arrived and was not taken goes to the connection's next
/// `read` or `recv`.
#[derive(Debug)]
#[must_use = "bytes are received only when it is polled"]
pub struct RecvStream<'a> {
    socket: &'a SharedFd,
    state: State,
}

#[derive(Debug)]
enum State {
    Many(Multishot<RecvMultishot>),
    /// The pool was empty, or bytes were kept: one plain receive, then many again.
    One(Submit<RecvPooled>),
    Ended,
}

impl<'a> RecvStream<'a> {
    pub(super) fn new(socket: &'a SharedFd) -> Self {
        RecvStream { socket, state: start(socket) }
    }

    /// The next bytes, or `None` at the end of the stream.
    ///
    /// # Errors
    ///
    /// What the connection ended with, such as a reset. After an error the stream has ended.
    ///
    /// # Cancellation
    ///
    /// As for the stream itself: no byte is lost.
    pub async fn next(&mut self) -> Option<io::Result<PooledBuf>> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Polls for the next bytes, with what [`next`](Self::next) gives.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<PooledBuf>>> {
        loop {
            let received = match &mut self.state {
                State::Ended => return Poll::Ready(None),
                State::Many(items) => match ready!(items.poll_next(cx)) {
                    Err(error) if falls_back(&error) => {
                        self.state = State::One(op::recv_pooled(self.socket));
                        continue;
                    }
                    received => received,
                },
                State::One(recv) => {
                    let received = ready!(Pin::new(recv).poll(cx));
                    self.state = start(self.socket);
                    received
                }
            };
            return Poll::Ready(match received {
                Ok(bytes) if bytes.is_empty() => {
                    self.state = State::Ended;
                    None
                }
                Ok(bytes) => Some(Ok(bytes)),
                Err(error) => {
                    self.state = State::Ended;
                    Some(Err(error))
                }
            });
        }
    }
}

fn start(socket: &SharedFd) -> State {
    match driver::with(|driver| driver.buffer_group()) {
        Some(Ok((group, _))) => State::Many(op::recv_multishot(socket, group)),
        _ => State::One(op::recv_pooled(socket)),
    }
}

/// Whether many receives cannot go on but one can: no buffers, or no multishot in this kernel.
fn falls_back(error: &io::Error) -> bool {
    crate::sys::is_out_of_buffers(error) || error.kind() == io::ErrorKind::InvalidInput
}
