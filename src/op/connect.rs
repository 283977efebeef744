//! `IORING_OP_CONNECT`

use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;

use crate::driver::{FdRef, FromSharedFd, Op, SharedFd, Submit};
use crate::sys::{SocketAddress, Sqe};

/// Connects a socket, which becomes an `S`.
#[derive(Debug)]
pub struct Connect<S> {
    socket: SharedFd,
    address: SocketAddress,
    stream: PhantomData<fn() -> S>,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn connect<S>(socket: SharedFd, address: SocketAddr) -> Submit<Connect<S>>
where
    S: FromSharedFd,
{
    let address = SocketAddress::from(address);
    Submit::new(Connect { socket, address, stream: PhantomData })
}

impl<S: FromSharedFd> Op for Connect<S> {
    type Completed = ();
    type Output = io::Result<S>;
    const NAME: &'static str = "connect";

    fn prepare(&mut self) -> Sqe<'_, ()> {
        Sqe::connect(self.socket.name().descriptor(), &self.address)
    }

    fn complete(self, result: io::Result<()>) -> Self::Output {
        result.map(|()| S::from_shared_fd(self.socket))
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.socket.name())
    }
}
