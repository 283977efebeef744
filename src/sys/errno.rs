//! The errors that the runtime makes itself or has to tell apart.

use std::io;

/// An operation that was asked to end, and did.
pub(crate) fn cancelled() -> io::Error {
    io::Error::from_raw_os_error(libc::ECANCELED)
}

/// Whether an operation failed because it was cancelled.
pub(crate) fn is_cancelled(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ECANCELED)
}

/// An operation whose linked timeout came first.
pub(crate) fn timed_out() -> io::Error {
    io::Error::from_raw_os_error(libc::ETIMEDOUT)
}

/// An operation on a handle that has been closed.
pub(crate) fn closed() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotConnected,
        "the handle was closed or dropped before this operation was done",
    )
}

/// An operation in a loop that ends.
pub(crate) fn shutting_down() -> io::Error {
    io::Error::other("the runtime is shutting down and starts no more operations")
}

/// Whether an accept failed because of the one connection it would have given.
///
/// Linux passes pending network errors of the new socket on from accept (accept(2)); those that a
/// wrong socket or a firewall can cause for ever are not among these.
pub(crate) fn is_connection_error(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNABORTED
                | libc::EPROTO
                | libc::ENETDOWN
                | libc::ENOPROTOOPT
                | libc::EHOSTDOWN
                | libc::ENONET
                | libc::EHOSTUNREACH
                | libc::ENETUNREACH
        )
    )
}

/// Whether the kernel does not know an opcode, or not for this kind of descriptor.
pub(crate) fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EOPNOTSUPP))
}

/// A receive that finds no provided buffer.
pub(crate) fn out_of_buffers() -> io::Error {
    io::Error::from_raw_os_error(libc::ENOBUFS)
}

/// Whether a group of provided buffers had run out.
pub(crate) fn is_out_of_buffers(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENOBUFS)
}

/// Whether an error says how a connection ended, which the kernel says once.
pub(crate) fn is_end_of_connection(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNRESET
                | libc::ECONNABORTED
                | libc::ECONNREFUSED
                | libc::ETIMEDOUT
                | libc::EHOSTUNREACH
                | libc::ENETUNREACH
                | libc::EPIPE
        )
    )
}

/// Whether an error is one that the network has answered to a datagram, which the kernel says once.
pub(crate) fn is_answer_to_datagram(error: &io::Error) -> bool {
    is_end_of_connection(error) || is_connection_error(error)
}

/// Whether a socket has no connection, or none any more.
pub(crate) fn is_not_connected(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENOTCONN)
}
