//! The header of a vectored send or receive, and of a datagram with an address.

#![expect(unsafe_code, reason = "a header of addresses goes where its op goes")]

use super::address::SocketAddress;
use crate::buf::{LentPiece, LentSlices};

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

    /// Points the header at a single piece.
    pub(crate) fn set_piece(&mut self, piece: &LentPiece) {
        self.0.msg_iov = piece.as_ptr().cast_mut().cast();
        self.0.msg_iovlen = 1;
    }

    /// Addresses the message.
    pub(crate) fn set_target(&mut self, target: &SocketAddress) {
        self.0.msg_name = target.as_ptr().cast_mut().cast();
        self.0.msg_namelen = target.len();
    }

    /// Has the kernel write to `sender` who has sent the message.
    pub(crate) fn set_sender(&mut self, sender: &mut SocketAddress) {
        *sender = SocketAddress::empty();
        let (start, _) = sender.as_mut_ptrs();
        self.0.msg_name = start.cast();
        self.0.msg_namelen = sender.len();
    }

    /// How long the sender's address is that the kernel has written.
    pub(crate) fn sender_len(&self) -> u32 {
        self.0.msg_namelen
    }

    /// Notes that length for an address that the kernel has not written now.
    pub(crate) fn set_sender_len(&mut self, len: u32) {
        self.0.msg_namelen = len;
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
