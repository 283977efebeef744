//! Connected sockets.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

/// A connected TCP pair on loopback.
pub(crate) fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let client = TcpStream::connect(listener.local_addr().expect("its address")).expect("connect");
    let (server, _) = listener.accept().expect("accept");
    (client, server)
}

/// A connected pair of Unix stream sockets.
pub(crate) fn unix_pair() -> (UnixStream, UnixStream) {
    UnixStream::pair().expect("a pair")
}
