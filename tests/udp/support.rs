//! What the tests share.

use std::net::SocketAddr;

use annulus::net::UdpSocket;

pub(crate) use crate::common::bound::{run, run_really};
pub(crate) use crate::common::net::loopback;
pub(crate) use crate::common::poll::poll_once;

/// The longest datagram over IPv4: 65 535 bytes without the headers of IP and UDP.
pub(crate) const LONGEST: usize = 65_507;

pub(crate) async fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind(loopback()).await.unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// Two sockets, each connected to the other.
pub(crate) async fn pair() -> (UdpSocket, UdpSocket) {
    let ((one, first), (other, second)) = (socket().await, socket().await);
    one.connect(second).await.unwrap();
    other.connect(first).await.unwrap();
    (one, other)
}

/// The next datagram.
pub(crate) async fn recv(socket: &UdpSocket) -> Vec<u8> {
    let (len, mut buf) = socket.recv(vec![0xee; 70_000]).await.into_result().unwrap();
    buf.truncate(len);
    buf
}

/// Lets the loop turn a few times, so that what was cancelled has ended.
pub(crate) async fn settle() {
    for _ in 0..4 {
        annulus::op::nop().await.unwrap();
    }
}
