//! `IORING_OP_ACCEPT` with `IORING_ACCEPT_MULTISHOT`

use std::io;
use std::marker::PhantomData;

use crate::driver::{
    self, FdRef, FromSharedFd, Lane, Leftover, Multishot, MultishotOp, Op, SharedFd, Stash,
};
use crate::sys::{Owned, SocketAddress, Sqe};

/// Accepts connections as `S`, one after another.
#[derive(Debug)]
pub struct AcceptMultishot<S> {
    listener: FdRef,
    stream: PhantomData<fn() -> S>,
}

pub(crate) fn accept_multishot<S>(listener: &SharedFd) -> Multishot<AcceptMultishot<S>>
where
    S: FromSharedFd,
{
    Multishot::new(AcceptMultishot { listener: listener.name(), stream: PhantomData })
}

impl<S: FromSharedFd> Op for AcceptMultishot<S> {
    type Completed = Owned;
    type Output = ();
    const NAME: &'static str = "accept";
    const LANE: Option<Lane> = Some(Lane::Accept);

    fn prepare(&mut self) -> Sqe<'_, Owned> {
        Sqe::accept_multishot(self.listener.descriptor())
    }

    fn complete(self, _result: io::Result<Owned>) {}

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.listener)
    }

    fn serve(&mut self, stash: &mut Stash) -> Option<io::Result<Owned>> {
        stash.take_accepted().map(|(connection, _)| Ok(connection))
    }
}

impl<S: FromSharedFd> MultishotOp for AcceptMultishot<S> {
    type Item = io::Result<S>;
    const QUEUED_MAX: usize = 256;

    fn item(connection: Owned) -> io::Result<S> {
        SharedFd::adopt(connection).map(S::from_shared_fd)
    }

    fn keep(listener: FdRef, connection: Owned) {
        // Many accepts share no place for the peer's address; the accept that takes this one asks
        // the connection for it.
        driver::keep(listener, Leftover::Accepted(connection, SocketAddress::empty()));
    }
}
