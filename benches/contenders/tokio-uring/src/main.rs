//! tokio-uring: tokio's current-thread runtime with a ring that it polls; one task for each
//! connection, which gives each read its buffer.

use std::net::TcpListener;

use annulus_bench_kit::net::{Connection, Settings};
use annulus_bench_kit::{Job, Outcome};
use tokio_uring::net::TcpStream;

mod files;
mod tasks;

const ENTRIES: u32 = 4096;

annulus_bench_kit::runtime_main!(serve, serve, "timer");

fn serve<F: Connection>(
    job: &Job,
    listener: TcpListener,
    connection: fn(TcpStream, Settings) -> F,
) -> Outcome<()> {
    let settings = Settings::of(job);
    tokio_uring::builder().entries(ENTRIES).start(async move {
        let listener = tokio_uring::net::TcpListener::from_std(listener);
        // Each accept is awaited to its end: one that is dropped would take its connection along.
        loop {
            let (stream, _) = listener.accept().await?;
            tokio_uring::spawn(connection(stream, settings));
        }
    })
}

annulus_bench_kit::owned_servers! {
    TcpStream, |stream, buf, bytes, limit|
    read {
        let (received, buf) = stream.read(buf).await;
        (received?, buf)
    }
    within {
        let (received, buf) = tokio::time::timeout(limit, stream.read(buf)).await?;
        (received?, buf)
    }
    write {
        let (written, bytes) = stream.write_all(bytes).await;
        written?;
        bytes
    }
}
