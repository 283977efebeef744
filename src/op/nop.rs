//! `IORING_OP_NOP`

use std::io;

use crate::driver::{Op, Submit};
use crate::sys::Sqe;

/// Asks the kernel for nothing: a round trip through the ring, for measurements and tests.
#[derive(Debug)]
pub struct Nop(());

/// An operation that does nothing. Since kernel 5.1.
#[cfg_attr(debug_assertions, track_caller)]
pub fn nop() -> Submit<Nop> {
    Submit::new(Nop(()))
}

impl Op for Nop {
    type Completed = ();
    type Output = io::Result<()>;
    const NAME: &'static str = "nop";

    fn prepare(&mut self) -> Sqe<'_, ()> {
        Sqe::nop()
    }

    fn complete(self, result: io::Result<()>) -> Self::Output {
        result
    }
}
