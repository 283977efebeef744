//! Connections of a loop with itself.

use std::time::Duration;

use annulus::BufResult;
use annulus::net::{TcpListener, TcpStream};

use super::{Cost, costs, on_a_loop};

/// Longer than any run.
const LIMIT: Duration = Duration::from_secs(600);

pub(crate) fn echoes_owned(rounds: u64) -> Cost {
    echoes(rounds, async |stream| {
        let mut buf = vec![0; 64];
        loop {
            let BufResult(read, back) = stream.read(buf).await;
            if read.expect("a read") == 0 {
                return;
            }
            buf = write(&stream, back).await;
        }
    })
}

pub(crate) fn echoes_timed(rounds: u64) -> Cost {
    echoes(rounds, async |stream| {
        let mut buf = vec![0; 64];
        loop {
            let read = annulus::time::timeout(LIMIT, stream.read(buf)).await;
            let BufResult(read, back) = read.expect("no timeout");
            if read.expect("a read") == 0 {
                return;
            }
            buf = write(&stream, back).await;
        }
    })
}

pub(crate) fn echoes_linked(rounds: u64) -> Cost {
    echoes(rounds, async |stream| {
        let mut buf = vec![0; 64];
        loop {
            let BufResult(read, back) = stream.read(buf).timeout(LIMIT).await;
            if read.expect("a read") == 0 {
                return;
            }
            buf = write(&stream, back).await;
        }
    })
}

pub(crate) fn echoes_pooled(rounds: u64) -> Cost {
    echoes(rounds, async |stream| {
        loop {
            let bytes = stream.recv().await.expect("a read");
            if bytes.is_empty() {
                return;
            }
            write(&stream, bytes).await;
        }
    })
}

async fn write<B: annulus::buf::IoBuf>(stream: &TcpStream, buf: B) -> B {
    let BufResult(written, buf) = stream.write_all(buf).await;
    written.expect("a write");
    buf
}

/// One connection whose far end is `server`; the near end is the same for all.
fn echoes<S>(rounds: u64, server: S) -> Cost
where
    S: AsyncFnOnce(TcpStream) + 'static,
{
    on_a_loop(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("its address");
        let server = annulus::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a connection");
            server(stream).await;
        });
        let stream = TcpStream::connect(address).await.expect("a connection");
        let mut buf = vec![7; 64];
        let took = costs(async {
            for _ in 0..rounds {
                buf = write(&stream, std::mem::take(&mut buf)).await;
                let BufResult(read, back) = stream.read(std::mem::take(&mut buf)).await;
                assert_eq!(read.expect("a read"), 64);
                buf = back;
            }
        })
        .await;
        drop(stream);
        server.await.expect("the server");
        took
    })
}

/// The clients are plain sockets of this thread: connecting to a listener's backlog does not block.
pub(crate) fn accepts(rounds: u64) -> Cost {
    on_a_loop(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("its address");
        costs(async {
            for _ in 0..rounds {
                let client = std::net::TcpStream::connect(address).expect("a connection");
                let (stream, _) = listener.accept().await.expect("a connection");
                stream.close().await.expect("a close");
                drop(client);
            }
        })
        .await
    })
}
