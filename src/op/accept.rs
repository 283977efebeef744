//! `IORING_OP_ACCEPT`

use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use crate::driver::{self, FdRef, FromSharedFd, Lane, Leftover, Op, SharedFd, Stash, Submit};
use crate::sys::{self, Owned, SocketAddress, Sqe};

/// Accepts a connection as an `S`.
#[derive(Debug)]
pub struct Accept<S> {
    listener: FdRef,
    peer: SocketAddress,
    stream: PhantomData<fn() -> S>,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn accept<S>(listener: &SharedFd) -> Submit<Accept<S>>
where
    S: FromSharedFd,
{
    let peer = SocketAddress::empty();
    Submit::new(Accept { listener: listener.name(), peer, stream: PhantomData })
}

impl<S: FromSharedFd> Op for Accept<S> {
    type Completed = Owned;
    type Output = io::Result<(S, SocketAddr)>;
    const NAME: &'static str = "accept";
    const LANE: Option<Lane> = Some(Lane::Accept);

    fn prepare(&mut self) -> Sqe<'_, Owned> {
        self.peer = SocketAddress::empty();
        Sqe::accept(self.listener.descriptor(), &mut self.peer)
    }

    fn complete(self, result: io::Result<Owned>) -> Self::Output {
        let stream = SharedFd::adopt(result?)?;
        stream.inherit(self.listener);
        // A connection that a multishot accept left came without its peer's address, and one that
        // its peer has reset meanwhile has none any more.
        let peer = match self.peer.to_socket_addr() {
            Ok(peer) => peer,
            Err(_) => sys::socket::peer_addr(stream.as_fd())
                .unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0))),
        };
        Ok((S::from_shared_fd(stream), peer))
    }

    fn salvage(self, result: io::Result<Owned>) {
        if let Ok(connection) = result {
            if planted!("abandoned accept leaks") {
                let _leaked = std::mem::ManuallyDrop::new(connection);
                return;
            }
            driver::keep(self.listener, Leftover::Accepted(connection, self.peer));
        }
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.listener)
    }

    fn serve(&mut self, stash: &mut Stash) -> Option<io::Result<Owned>> {
        let (connection, peer) = stash.take_accepted()?;
        self.peer = peer;
        Some(Ok(connection))
    }

    fn retries(&mut self, error: &io::Error) -> bool {
        sys::is_connection_error(error)
    }
}
