//! monoio on io_uring: one task for each connection, which gives each read its buffer.

use std::io;
use std::net::TcpListener;

use annulus_bench_kit::net::{Connection, Settings};
use annulus_bench_kit::{Job, Outcome};
use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::TcpStream;
use monoio::{IoUringDriver, RuntimeBuilder};

mod files;
mod tasks;

const ENTRIES: u32 = 4096;

annulus_bench_kit::runtime_main!(serve, serve_timed, "timer");

fn serve<F: Connection>(
    job: &Job,
    listener: TcpListener,
    connection: fn(TcpStream, Settings) -> F,
) -> Outcome<()> {
    let mut runtime = RuntimeBuilder::<IoUringDriver>::new().with_entries(ENTRIES).build()?;
    runtime.block_on(accept(listener, connection, Settings::of(job)))
}

/// The same with the driver that has timers.
fn serve_timed<F: Connection>(
    job: &Job,
    listener: TcpListener,
    connection: fn(TcpStream, Settings) -> F,
) -> Outcome<()> {
    let builder = RuntimeBuilder::<IoUringDriver>::new().with_entries(ENTRIES);
    let mut runtime = builder.enable_timer().build()?;
    runtime.block_on(accept(listener, connection, Settings::of(job)))
}

async fn accept<F: Connection>(
    listener: TcpListener,
    connection: fn(TcpStream, Settings) -> F,
    settings: Settings,
) -> Outcome<()> {
    let listener = monoio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        monoio::spawn(connection(stream, settings));
    }
}

annulus_bench_kit::owned_servers! {
    TcpStream, |stream, buf, bytes, limit|
    read {
        let (received, buf) = stream.read(buf).await;
        (received?, buf)
    }
    within {
        let read = monoio::time::timeout(limit, stream.read(buf)).await;
        let (received, buf) = read.map_err(|_| io::ErrorKind::TimedOut)?;
        (received?, buf)
    }
    write {
        let (written, bytes) = stream.write_all(bytes).await;
        written?;
        bytes
    }
}
