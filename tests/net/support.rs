//! What the tests share.

use std::io::Read;
use std::net::SocketAddr;
use std::time::Duration;

use annulus::BufResult;
use annulus::net::{TcpListener, TcpStream};

pub(crate) use crate::common::bound::{run, run_really};
pub(crate) use crate::common::net::loopback;
pub(crate) use crate::common::poll::poll_once;

/// Longer than anything takes.
pub(crate) const LONG: Duration = Duration::from_secs(600);

pub(crate) async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A connection both ends of which are in the loop: the client's and the server's.
pub(crate) async fn pair() -> (TcpStream, TcpStream) {
    let (listener, address) = listen().await;
    let client = TcpStream::connect(address).await.unwrap();
    let (server, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    (client, server)
}

/// A connection one end of which is std's, to look at the other from outside.
pub(crate) async fn half_foreign_pair() -> (TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind(loopback()).unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (foreign, _) = listener.accept().unwrap();
    (stream, foreign)
}

/// Reads until `len` bytes are there.
pub(crate) async fn read_exact(stream: &TcpStream, len: usize) -> Vec<u8> {
    let mut all = Vec::with_capacity(len);
    while all.len() < len {
        let BufResult(count, buf) = stream.read(Vec::with_capacity(len - all.len())).await;
        assert_ne!(count.unwrap(), 0, "the stream ended after {} bytes", all.len());
        all.extend_from_slice(&buf);
    }
    all
}

/// Reads to the end of the stream.
pub(crate) async fn read_to_end(stream: &TcpStream) -> std::io::Result<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let (count, buf) = stream.read(Vec::with_capacity(64 * 1024)).await.into_result()?;
        if count == 0 {
            return Ok(all);
        }
        all.extend_from_slice(&buf);
    }
}

/// Lets the loop turn a few times; then a foreign peer must be able to read to the end of the
/// stream, or to a reset. What it read before that.
pub(crate) async fn foreign_end(mut peer: std::net::TcpStream) -> Vec<u8> {
    settle().await;
    let mut all = Vec::new();
    match peer.read_to_end(&mut all) {
        Ok(_) => all,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => all,
        Err(error) => panic!("the peer saw neither the end nor a reset: {error}"),
    }
}

/// Lets the loop turn a few times, so that what was cancelled has ended.
pub(crate) async fn settle() {
    for _ in 0..4 {
        annulus::op::nop().await.unwrap();
    }
}

/// How many descriptors this process has open.
pub(crate) fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("procfs").count()
}
