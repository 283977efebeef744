//! tokio's current-thread runtime: one task for each connection, one buffer for each task.

use std::net::TcpListener;

use annulus_bench_kit::net::{Connection, Settings};
use annulus_bench_kit::{Job, Outcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

mod files;
mod tasks;

annulus_bench_kit::runtime_main!(serve, serve, "timer");

fn serve<F: Connection + Send>(
    job: &Job,
    listener: TcpListener,
    connection: fn(TcpStream, Settings) -> F,
) -> Outcome<()> {
    let settings = Settings::of(job);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async move {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(connection(stream, settings));
        }
    })
}

annulus_bench_kit::lent_servers! {
    TcpStream, |stream, buf, bytes, limit|
    read {
        stream.read(&mut buf).await?
    }
    within {
        tokio::time::timeout(limit, stream.read(&mut buf)).await??
    }
    write {
        stream.write_all(bytes).await?;
    }
}
