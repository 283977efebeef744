//! The header of a vectored send or receive.

#![expect(unsafe_code, reason = "a header of addresses goes where its op goes")]

use crate::buf::LentSlices;

/// A `struct msghdr` for an op to hold beside its pieces.
pub(crate) struct MessageHeader(libc::msghdr);

// SAFETY: the header is only addresses; what they point to is owned by the op that holds it, and
// goes with it to another thread only while nothing is lent.
unsafe impl Send for MessageHeader {}

// SAFETY: as above; a shared reference to it gives nothing away.
unsafe impl Sync for MessageHeader {}

impl MessageHeader {
    pub(crate) fn new() -> Self {
        // SAFETY: every field of the header is an integer or a pointer, for which zero is valid.
        MessageHeader(unsafe { std::mem::zeroed() })
    }

    /// Points the header at the pieces.
    pub(crate) fn set_pieces(&mut self, pieces: &LentSlices) {
        let (start, count) = pieces.as_parts();
        self.0.msg_iov = start.cast_mut().cast();
        self.0.msg_iovlen = count as _;
    }

    pub(super) fn as_ptr(&self) -> *const libc::msghdr {
        &self.0
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut libc::msghdr {
        &mut self.0
    }
}

impl std::fmt::Debug for MessageHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MessageHeader")
    }
}
