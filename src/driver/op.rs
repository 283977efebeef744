//! What an operation must say of itself to be driven.

use std::io;

use super::descriptor::FdRef;
use super::stash::Stash;
use crate::sys::{FromCqe, Sqe};

/// The orders in which things go through a descriptor.
///
/// Ops of one lane of one descriptor that follow an abandoned one wait until it has ended, so
/// that what it still received comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Receives and reads.
    Read = 0,
    /// Sends and writes.
    Write = 1,
    /// Accepts. For each connection the kernel wakes one of those that wait, and one that is
    /// cancelled then keeps it to itself: the others are told to look again.
    Accept = 2,
}

impl Lane {
    pub(super) const COUNT: usize = 3;
}

/// One operation: its request and all that it lends.
///
/// Sealed: the crate's own ops implement it. The life of an op:
///
/// 1. It is made by a method such as `TcpStream::read`; nothing has happened yet.
/// 2. The first poll moves it into a cell, where it stays until its final completion, and asks it
///    for its SQE, whose pointers all borrow from the op: [`prepare`](Self::prepare).
/// 3. Its completion moves it out again: [`complete`](Self::complete).
/// 4. When its future is dropped before that, the op is *abandoned*: a cancel is requested, and
///    the final completion, whatever it says, goes to [`salvage`](Self::salvage).
pub trait Op: Unpin + Sized + 'static {
    /// What the opcode's success means; fixed by the constructor of its SQE.
    type Completed: FromCqe;
    /// What the future gives.
    type Output;
    /// For logs and dumps: the opcode's name in lower case.
    const NAME: &'static str;
    /// Which order the op belongs to, if any.
    const LANE: Option<Lane> = None;

    /// Whether the kernel keeps the time of the op's timeout, in a linked entry.
    ///
    /// It does not where the opcode goes straight to a kernel worker: since 6.15 the timeout is
    /// started only when the worker has let go of the op. Those are timed by the loop.
    const HAS_LINKED_TIMEOUT: bool = true;

    /// Whether the op may be submitted again after an interruption.
    const IS_REPEATABLE: bool = true;

    /// Whether there is nothing for the kernel to do, as with an empty buffer: then a no-op is
    /// submitted in its place, whose success counts zero. Asked before the op is put into its cell.
    ///
    /// It is no branch of `prepare`, so that each opcode's entry is written straight into the queue.
    #[inline]
    fn is_void(&mut self) -> bool {
        false
    }

    /// Builds the SQE. Called again when the op is submitted anew after an interruption.
    fn prepare(&mut self) -> Sqe<'_, Self::Completed>;

    /// Turns the completion into what the future gives.
    fn complete(self, result: io::Result<Self::Completed>) -> Self::Output;

    /// Keeps what the completion of an abandoned op brought, or lets go of it.
    fn salvage(self, result: io::Result<Self::Completed>) {
        drop(self.complete(result));
    }

    /// The descriptor that must stay open while the op is in flight.
    fn descriptor(&self) -> Option<FdRef> {
        None
    }

    /// Serves the op from what an abandoned one of the same lane left behind: the completion that
    /// the kernel would have posted, or `None` when there is nothing for it.
    fn serve(&mut self, _stash: &mut Stash) -> Option<io::Result<Self::Completed>> {
        None
    }

    /// Whether to submit the op anew after this success, for the rest of its work.
    #[inline]
    fn goes_on(&mut self, _res: i32) -> bool {
        false
    }

    /// Whether to submit the op anew after this failure, which the caller must not see.
    fn retries(&mut self, _error: &io::Error) -> bool {
        false
    }
}

/// What builds the entry of an op.
pub(super) type Prepare<T> = for<'op> fn(&'op mut T) -> Sqe<'op, <T as Op>::Completed>;
