//! A ring that binds itself to a list of opcodes.
//!
//! Restrictions are registered while the ring is disabled and hold from when it is enabled until it
//! is closed: another opcode completes with `EACCES`, and so do another flag and another
//! registration. The loop's own entries are always on the list. See
//! `uring-sys-notes/restricted.md`.

#![expect(unsafe_code, reason = "registers through the door")]

use std::io;
use std::os::fd::RawFd;

use super::opcode::Opcode;
use super::{abi, door};

/// `struct io_uring_restriction`. Since 5.10.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct Restriction {
    kind: u16,
    /// An opcode of register or of an SQE, or flags of an SQE.
    value: u8,
    reserved: u8,
    reserved2: [u32; 3],
}

const _: () = assert!(size_of::<Restriction>() == 16);

const REGISTER_OP: u16 = 0;
const SQE_OP: u16 = 1;
const SQE_FLAGS_ALLOWED: u16 = 2;

/// What a loop submits by itself: its notifier, cancels, closes, time limits.
const OWN_OPS: [Opcode; 5] =
    [Opcode::Nop, Opcode::PollAdd, Opcode::AsyncCancel, Opcode::LinkTimeout, Opcode::Close];

/// What a loop registers once it runs.
const OWN_REGISTRATIONS: [u32; 9] = [
    abi::REGISTER_PROBE,
    abi::REGISTER_BUFFERS,
    abi::UNREGISTER_BUFFERS,
    abi::REGISTER_IOWQ_MAX_WORKERS,
    abi::REGISTER_RING_FDS,
    abi::UNREGISTER_RING_FDS,
    abi::REGISTER_PBUF_RING,
    abi::UNREGISTER_PBUF_RING,
    abi::REGISTER_NAPI,
];

/// `IOSQE_` flags that the crate uses: links, the kernel's workers, buffer groups, silence.
const OWN_FLAGS: u8 = 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6;

/// Allows a disabled ring these opcodes and what a loop needs itself, and enables it.
///
/// # Errors
///
/// `EINVAL` before 5.10.
pub(super) fn restrict_and_enable(ring: RawFd, opcodes: &[Opcode]) -> io::Result<()> {
    let of = |kind, value| Restriction { kind, value, ..Restriction::default() };
    let mut restrictions = vec![of(SQE_FLAGS_ALLOWED, OWN_FLAGS)];
    let ops = OWN_OPS.iter().chain(opcodes);
    restrictions.extend(ops.map(|opcode| of(SQE_OP, opcode.code())));
    restrictions.extend(OWN_REGISTRATIONS.iter().map(|opcode| of(REGISTER_OP, *opcode as u8)));
    let count = restrictions.len() as u32;
    let arg = restrictions.as_mut_ptr().cast();
    // SAFETY: `arg` points to `count` records of the kind this opcode takes.
    unsafe { door::register(ring, abi::REGISTER_RESTRICTIONS, arg, count) }?;
    // SAFETY: this opcode takes no argument.
    unsafe { door::register(ring, abi::REGISTER_ENABLE_RINGS, std::ptr::null_mut(), 0) }?;
    Ok(())
}
