//! `IORING_OP_SPLICE`

use std::io;

use crate::driver::{FdRef, Lane, Op, SharedFd, Stash, Submit};
use crate::sys::{Number, Sqe};

/// One end of a move: a descriptor, and where in it, if it has places.
pub(crate) type End<'a> = (&'a SharedFd, Option<u64>);

/// Moves bytes between a pipe and something else, or another pipe.
///
/// A kernel worker does it, and waits where it has to. It takes its place among the reads of what
/// it moves from, and holds a handle on what it moves to.
#[derive(Debug)]
pub struct Splice {
    from: FdRef,
    from_offset: Option<u64>,
    /// The error when it could not be held.
    to: io::Result<SharedFd>,
    to_offset: Option<u64>,
    len: u32,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn splice(from: End<'_>, to: End<'_>, len: usize) -> Submit<Splice> {
    let ((from, from_offset), (to, to_offset)) = (from, to);
    let (from, to, len) = (from.name(), to.clone_here(), at_once(len));
    Submit::new(Splice { from, from_offset, to, to_offset, len })
}

/// What the kernel takes for one length.
pub(super) fn at_once(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// The kernel does not know of the bytes that an abandoned read has left: they would be overtaken.
pub(super) fn refuse_to_overtake(stash: &mut Stash) -> Option<io::Result<Number>> {
    if let Some(end) = stash.take_end() {
        return Some(end.map(|_nothing| Number(0)));
    }
    let error =
        "bytes that a dropped read has received are kept: read them before the rest is moved";
    stash.has_bytes().then(|| Err(io::Error::other(error)))
}

impl Op for Splice {
    type Completed = Number;
    type Output = io::Result<usize>;
    const NAME: &'static str = "splice";
    const LANE: Option<Lane> = Some(Lane::Read);
    const HAS_LINKED_TIMEOUT: bool = false;

    fn prepare(&mut self) -> Sqe<'_, Number> {
        let Ok(to) = &self.to else { return Sqe::nothing_moved() };
        let from = (self.from.descriptor(), self.from_offset);
        Sqe::splice(from, (to.name().descriptor(), self.to_offset), self.len)
    }

    fn complete(self, moved: io::Result<Number>) -> Self::Output {
        self.to?;
        moved.map(|count| count.0 as usize)
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.from)
    }

    fn serve(&mut self, stash: &mut Stash) -> Option<io::Result<Number>> {
        refuse_to_overtake(stash)
    }
}
