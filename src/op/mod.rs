//! Says what each opcode asks for and gives back.
//!
//! One small file per opcode: no unsafe, no driver internals.

mod nop;

pub use self::nop::{Nop, nop};
pub use crate::driver::{Cancel, CancelOn, Submit};

/// Whether an operation failed because it was cancelled.
pub fn is_cancelled(error: &std::io::Error) -> bool {
    crate::sys::is_cancelled(error)
}
