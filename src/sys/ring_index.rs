//! A ring's descriptor, registered with its thread.
//!
//! An enter through the registered index saves the kernel a look-up. But a registered ring lives
//! until its thread ends, whoever closes its descriptor, and a thread has sixteen places; so the
//! registration is taken back before the ring is closed. See `uring-sys-notes/rings.md`.

#![expect(unsafe_code, reason = "registers through the door")]

use std::os::fd::RawFd;

use super::abi::{self, RsrcUpdate};
use super::door;

/// Registers `ring` with this thread: its index, or `None` on a kernel without it or with no place
/// left, which costs nothing but the saving.
pub(super) fn register(ring: RawFd) -> Option<RawFd> {
    let mut update = RsrcUpdate { offset: u32::MAX, data: ring as u64, ..Default::default() };
    let arg: *mut RsrcUpdate = &mut update;
    // SAFETY: `arg` points to one writable record of the kind this opcode takes.
    let registered = unsafe { door::register(ring, abi::REGISTER_RING_FDS, arg.cast(), 1) };
    matches!(registered, Ok(1)).then_some(update.offset as RawFd)
}

/// Takes the registration of `ring` as `index` back.
pub(super) fn unregister(ring: RawFd, index: RawFd) {
    let mut update = RsrcUpdate { offset: index as u32, ..Default::default() };
    let arg: *mut RsrcUpdate = &mut update;
    // SAFETY: `arg` points to one record of the kind this opcode takes.
    let answer = unsafe { door::register(ring, abi::UNREGISTER_RING_FDS, arg.cast(), 1) };
    if let Err(error) = answer {
        tracing::warn!(%error, "a ring stays registered until its thread ends");
    }
}
