//! `IORING_OP_CONNECT` of a datagram socket, which only notes the address

use std::io;
use std::net::SocketAddr;

use crate::driver::{FdRef, Lane, Op, SharedFd, Submit};
use crate::sys::{SocketAddress, Sqe};

/// Says whom a datagram socket talks to.
///
/// It takes its place among the sends, so that those which were begun before it go where they were to.
#[derive(Debug)]
pub struct ConnectDatagram {
    socket: FdRef,
    address: SocketAddress,
}

/// To nobody in particular without an address.
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn connect_datagram(
    socket: &SharedFd,
    address: Option<SocketAddr>,
) -> Submit<ConnectDatagram> {
    let address = address.map_or(SocketAddress::nobody(), SocketAddress::from);
    Submit::new(ConnectDatagram { socket: socket.name(), address })
}

impl Op for ConnectDatagram {
    type Completed = ();
    type Output = io::Result<()>;
    const NAME: &'static str = "connect";
    const LANE: Option<Lane> = Some(Lane::Write);

    fn prepare(&mut self) -> Sqe<'_, ()> {
        Sqe::connect(self.socket.descriptor(), &self.address)
    }

    fn complete(self, result: io::Result<()>) -> Self::Output {
        result
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.socket)
    }
}
