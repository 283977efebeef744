//! `IORING_OP_TEE`

use std::io;

use super::splice::{at_once, refuse_to_overtake};
use crate::driver::{FdRef, Lane, Op, SharedFd, Stash, Submit};
use crate::sys::{Number, Sqe};

/// Copies bytes from a pipe to another, and leaves them in the first.
///
/// As with [`Splice`](super::Splice), a kernel worker does it.
#[derive(Debug)]
pub struct Tee {
    from: FdRef,
    /// The error when it could not be held.
    to: io::Result<SharedFd>,
    len: u32,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn tee(from: &SharedFd, to: &SharedFd, len: usize) -> Submit<Tee> {
    Submit::new(Tee { from: from.name(), to: to.clone_here(), len: at_once(len) })
}

impl Op for Tee {
    type Completed = Number;
    type Output = io::Result<usize>;
    const NAME: &'static str = "tee";
    const LANE: Option<Lane> = Some(Lane::Read);
    const HAS_LINKED_TIMEOUT: bool = false;

    fn prepare(&mut self) -> Sqe<'_, Number> {
        let Ok(to) = &self.to else { return Sqe::nothing_moved() };
        Sqe::tee(self.from.descriptor(), to.name().descriptor(), self.len)
    }

    fn complete(self, copied: io::Result<Number>) -> Self::Output {
        self.to?;
        copied.map(|count| count.0 as usize)
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.from)
    }

    fn serve(&mut self, stash: &mut Stash) -> Option<io::Result<Number>> {
        refuse_to_overtake(stash)
    }
}
