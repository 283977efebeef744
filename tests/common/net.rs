//! Connections on the loopback.

use std::net::SocketAddr;

use annulus::net::{TcpListener, TcpStream};

/// A free port of the loopback.
pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
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

/// A connection that no loop knows of.
pub(crate) fn std_pair() -> (std::net::TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind(loopback()).expect("a listener");
    let address = listener.local_addr().expect("its address");
    let far = std::net::TcpStream::connect(address).expect("a connection");
    let (near, _) = listener.accept().expect("the same");
    (near, far)
}

/// Writes until the kernel takes no more, so that the next write waits.
pub(crate) fn fill(stream: &std::net::TcpStream) {
    use std::io::Write;
    stream.set_nonblocking(true).expect("a socket");
    let mut stream = stream;
    while stream.write(&[0; 65_536]).is_ok() {}
}
