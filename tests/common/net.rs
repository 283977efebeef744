//! Connections on the loopback.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use annulus::net::{TcpListener, TcpStream};
use socket2::{Domain, Socket, Type};

/// A free port of the loopback.
pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A free port at an address of this process alone: on a busy machine a port that was just freed is
/// soon somebody else's, and a test may want it again.
pub(crate) fn own_loopback() -> SocketAddr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    SocketAddr::from(([127, 1 + high % 64, middle, low.clamp(1, 254)], 0))
}

/// Where the connection with this number comes from, if there are very many of them.
///
/// One that is closed keeps its port for a minute. Those of an address are soon used up, and at
/// 127.0.0.1 nobody could listen any more.
pub(crate) fn origin(number: usize) -> SocketAddr {
    let [.., high, low] = (number / 4096).to_be_bytes();
    let [.., process] = std::process::id().to_be_bytes();
    SocketAddr::from(([127, 65 + process % 64, high, 1 + low % 254], 0))
}

/// The connection with this number, from its [`origin`].
pub(crate) fn connect_as(number: usize, address: SocketAddr) -> std::net::TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&origin(number).into()).expect("a port");
    socket.connect(&address.into()).expect("a connection");
    socket.into()
}

/// A listener and its address.
pub(crate) fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind_addr(loopback()).expect("a listener");
    let address = listener.local_addr().expect("its address");
    (listener, address)
}

/// A connection whose other end is in std's hands.
pub(crate) fn half_pair() -> (TcpStream, std::net::TcpStream) {
    let (near, far) = std_pair();
    (TcpStream::from_std(near).expect("a loop"), far)
}

/// A connection with both ends in the loop.
pub(crate) fn pair() -> (TcpStream, TcpStream) {
    let (near, far) = std_pair();
    let adopt = |end| TcpStream::from_std(end).expect("a loop");
    (adopt(near), adopt(far))
}

/// A connection with both ends in the loop, of the kernel that the loop runs on.
pub(crate) async fn own_pair() -> (TcpStream, TcpStream) {
    let (listener, address) = listener();
    let far = TcpStream::connect_addr(address).expect("a connect").await.expect("a connection");
    (listener.accept().await.expect("the same").0, far)
}

/// A connection that no loop knows of.
pub(crate) fn std_pair() -> (std::net::TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind(own_loopback()).expect("a listener");
    let address = listener.local_addr().expect("its address");
    let far = std::net::TcpStream::connect(address).expect("a connection");
    let (near, _) = listener.accept().expect("the same");
    (near, far)
}

/// A connection whose near end takes no more bytes until the far one is read.
pub(crate) async fn full_pair() -> (TcpStream, TcpStream) {
    let (near, far) = std_pair();
    let twin = near.try_clone().expect("a descriptor");
    let near = TcpStream::from_std(near).expect("a loop");
    let far = TcpStream::from_std(far).expect("a loop");
    // Sizes that were set do not grow.
    near.set_send_buffer_size(4096).expect("a socket");
    far.set_recv_buffer_size(4096).expect("a socket");
    twin.set_nonblocking(true).expect("a socket");
    loop {
        while (&twin).write(&[0; 4096]).is_ok() {}
        // The kernel may move what it has, and then has room for more.
        if near.writable().timeout(Duration::from_millis(5)).await.is_err() {
            return (near, far);
        }
    }
}
