//! The errors of the loops that go on until all is done.

use std::io::{Error, ErrorKind};

/// Whether the call is to be made again.
pub(super) fn is_interrupted(error: &Error) -> bool {
    error.kind() == ErrorKind::Interrupted
}

pub(super) fn unexpected_end(filled: usize, room: usize) -> Error {
    let message = format!("the stream ended after {filled} of {room} bytes");
    Error::new(ErrorKind::UnexpectedEof, message)
}

pub(super) fn write_zero(written: usize, len: usize) -> Error {
    let message = format!("the stream took no more than {written} of {len} bytes");
    Error::new(ErrorKind::WriteZero, message)
}

pub(super) fn not_utf8() -> Error {
    Error::new(ErrorKind::InvalidData, "the stream did not contain valid UTF-8")
}
