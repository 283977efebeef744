//! compio: one task for each connection, which gives each read its buffer. The ring is set up as
//! its documentation advises for a runtime of one thread.

use std::io;
use std::net::TcpListener;

use annulus_bench_kit::net::{Connection, Settings};
use annulus_bench_kit::{Job, Outcome};
use compio::BufResult;
use compio::driver::ProactorBuilder;
use compio::io::{AsyncRead, AsyncWriteExt};
use compio::net::TcpStream;
use compio::runtime::RuntimeBuilder;

mod files;
mod tasks;

annulus_bench_kit::runtime_main!(serve, serve, "timer");

fn serve<F: Connection>(
    job: &Job,
    listener: TcpListener,
    connection: fn(TcpStream, Settings) -> F,
) -> Outcome<()> {
    let settings = Settings::of(job);
    let mut proactor = ProactorBuilder::new();
    proactor.single_issuer(true).defer_taskrun(true).cqsize(8192);
    let runtime = RuntimeBuilder::new().with_proactor(proactor).build()?;
    runtime.block_on(async move {
        let listener = compio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            compio::runtime::spawn(connection(stream, settings)).detach();
        }
    })
}

annulus_bench_kit::owned_servers! {
    TcpStream, |stream, buf, bytes, limit|
    read {
        let BufResult(received, buf) = stream.read(buf).await;
        (received?, buf)
    }
    within {
        let read = compio::time::timeout(limit, stream.read(buf)).await;
        let BufResult(received, buf) = read.map_err(|_| io::ErrorKind::TimedOut)?;
        (received?, buf)
    }
    write {
        let BufResult(written, bytes) = stream.write_all(bytes).await;
        written?;
        bytes
    }
}
