//! A connection inside the loop.

use annulus::BufResult;
use annulus::net::{TcpListener, TcpStream};

use crate::common::net::loopback;

#[test]
fn connect_and_echo() {
    annulus::run(async {
        let listener = TcpListener::bind_addr(loopback()).unwrap();
        let address = listener.local_addr().unwrap();
        let server = annulus::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut buf = Vec::with_capacity(1024);
            loop {
                let BufResult(n, b) = stream.read(buf).await;
                let n = n.unwrap();
                if n == 0 {
                    break;
                }
                buf = b;
                buf.truncate(n);
                let BufResult(r, b) = stream.write_all(buf).await;
                r.unwrap();
                buf = b;
                buf.clear();
            }
        });
        let client = TcpStream::connect_addr(address).unwrap().await.unwrap();
        let BufResult(r, _) = client.write_all("hello").await;
        r.unwrap();
        let BufResult(n, buf) = client.read(Vec::with_capacity(16)).await;
        assert_eq!(&buf[..n.unwrap()], b"hello");
        client.close().await.unwrap();
        server.await.unwrap();
    })
    .unwrap();
}
