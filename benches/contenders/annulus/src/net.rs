//! The servers. Forms: `owned` gives each read a buffer of the connection's; `recv` has the kernel
//! choose one from the loop's pool when bytes are there; `stream` does so with one operation for
//! all that a connection receives.

use std::io;
use std::net::TcpListener;

use annulus::net::TcpStream;
use annulus::{BufResult, time};
use annulus_bench_kit::net::{Connection, Settings};
use annulus_bench_kit::{Job, Outcome, http};

annulus_bench_kit::owned_servers! {
    TcpStream, |stream, buf, bytes, limit|
    read {
        stream.read(buf).await.into_result()?
    }
    within {
        // The deadline is the loop's own.
        time::timeout(limit, stream.read(buf)).await?.into_result()?
    }
    write {
        let ((), bytes) = stream.write_all(bytes).await.into_result()?;
        bytes
    }
}

pub(crate) fn serve_echo(job: Job, listener: TcpListener) -> Outcome<()> {
    match job.form() {
        "recv" => serve(&job, listener, echo_recv),
        "stream" => serve(&job, listener, echo_stream),
        _ => serve(&job, listener, echo),
    }
}

pub(crate) fn serve_echo_under_timeout(job: Job, listener: TcpListener) -> Outcome<()> {
    match job.form() {
        "linked" => serve(&job, listener, echo_linked),
        _ => serve(&job, listener, echo_under_timeout),
    }
}

pub(crate) fn serve_http(job: Job, listener: TcpListener) -> Outcome<()> {
    match job.form() {
        "recv" => serve(&job, listener, hello_recv),
        "stream" => serve(&job, listener, hello_stream),
        _ => serve(&job, listener, hello),
    }
}

fn serve<F: Connection>(
    job: &Job,
    listener: TcpListener,
    connection: fn(TcpStream, Settings) -> F,
) -> Outcome<()> {
    let settings = Settings::of(job);
    let runtime =
        annulus::Builder::new().buffer_pool(job.buffers(), settings.buffer as u32).build()?;
    runtime.block_on(async move {
        let listener = annulus::net::TcpListener::from_std(listener)?;
        let mut incoming = listener.incoming();
        loop {
            let stream = incoming.next().await?;
            annulus::spawn(connection(stream, settings)).detach();
        }
    })
}

/// A connection that waits keeps its stream and one operation, and not the settings, which an
/// `async fn` would keep with its arguments.
#[expect(clippy::manual_async_fn, reason = "it would keep what it does not use")]
fn echo_recv(stream: TcpStream, _: Settings) -> impl Future<Output = io::Result<()>> {
    async move {
        loop {
            let answer = {
                let bytes = stream.recv().await?;
                if bytes.is_empty() {
                    return Ok(());
                }
                stream.write_all(bytes)
            };
            answer.await.into_result()?;
        }
    }
}

async fn echo_stream(stream: TcpStream, _: Settings) -> io::Result<()> {
    let mut received = stream.recv_stream();
    while let Some(bytes) = received.next().await {
        stream.write_all(bytes?).await.into_result()?;
    }
    Ok(())
}

/// The kernel's own timeout, linked to each read.
async fn echo_linked(stream: TcpStream, settings: Settings) -> io::Result<()> {
    let mut buf = Vec::with_capacity(settings.buffer);
    loop {
        buf.clear();
        let (received, filled) = stream.read(buf).timeout(settings.timeout).await.into_result()?;
        if received == 0 {
            return Ok(());
        }
        ((), buf) = stream.write_all(filled).await.into_result()?;
    }
}

/// One connection's HTTP: what it has received of a request, and the answers.
#[derive(Default)]
struct Hello {
    remainder: http::Remainder,
    answers: Vec<u8>,
}

impl Hello {
    /// Answers `chunk`; whether the connection goes on.
    async fn answer(&mut self, stream: &TcpStream, chunk: &[u8]) -> io::Result<bool> {
        let outcome = self.remainder.answer(chunk, &mut self.answers);
        let answers = std::mem::take(&mut self.answers);
        let BufResult(written, mut answers) = stream.write_all(answers).await;
        written?;
        answers.clear();
        self.answers = answers;
        Ok(outcome.is_ok())
    }
}

async fn hello_recv(stream: TcpStream, _: Settings) -> io::Result<()> {
    let mut hello = Hello::default();
    loop {
        let bytes = stream.recv().await?;
        if bytes.is_empty() || !hello.answer(&stream, &bytes).await? {
            return Ok(());
        }
    }
}

async fn hello_stream(stream: TcpStream, _: Settings) -> io::Result<()> {
    let mut hello = Hello::default();
    let mut received = stream.recv_stream();
    while let Some(bytes) = received.next().await {
        if !hello.answer(&stream, &bytes?).await? {
            break;
        }
    }
    Ok(())
}
