//! The servers. Forms: `owned` gives each read a buffer of the connection's; `recv` has the kernel
//! choose one from the loop's pool when bytes are there; `stream` does so with one operation for
//! all that a connection receives.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::time::Duration;

use annulus::net::TcpStream;
use annulus::{BufResult, time};
use annulus_bench_kit::{Job, Outcome, http};

/// What every connection's task is given.
#[derive(Clone, Copy)]
struct Settings {
    buffer: usize,
    timeout: Duration,
}

pub(crate) fn echo(job: Job, listener: TcpListener) -> Outcome<()> {
    match job.form() {
        "recv" => serve(&job, listener, echo_recv),
        "stream" => serve(&job, listener, echo_stream),
        _ => serve(&job, listener, echo_owned),
    }
}

pub(crate) fn echo_under_timeout(job: Job, listener: TcpListener) -> Outcome<()> {
    match job.form() {
        "linked" => serve(&job, listener, echo_linked),
        _ => serve(&job, listener, echo_wheel),
    }
}

pub(crate) fn http(job: Job, listener: TcpListener) -> Outcome<()> {
    match job.form() {
        "recv" => serve(&job, listener, hello_recv),
        "stream" => serve(&job, listener, hello_stream),
        _ => serve(&job, listener, hello_owned),
    }
}

fn serve<F>(
    job: &Job,
    listener: TcpListener,
    connection: fn(TcpStream, Settings) -> F,
) -> Outcome<()>
where
    F: Future<Output = io::Result<()>> + 'static,
{
    let settings =
        Settings { buffer: job.buffer(), timeout: job.timeout().unwrap_or(Duration::MAX) };
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

async fn echo_owned(stream: TcpStream, settings: Settings) -> io::Result<()> {
    let mut buf = Vec::with_capacity(settings.buffer);
    loop {
        buf.clear();
        let (received, filled) = stream.read(buf).await.into_result()?;
        if received == 0 {
            return Ok(());
        }
        ((), buf) = stream.write_all(filled).await.into_result()?;
    }
}

async fn echo_recv(stream: TcpStream, _: Settings) -> io::Result<()> {
    loop {
        let bytes = stream.recv().await?;
        if bytes.is_empty() {
            return Ok(());
        }
        stream.write_all(bytes).await.into_result()?;
    }
}

async fn echo_stream(stream: TcpStream, _: Settings) -> io::Result<()> {
    let mut received = stream.recv_stream();
    while let Some(bytes) = received.next().await {
        stream.write_all(bytes?).await.into_result()?;
    }
    Ok(())
}

/// The deadline is the loop's own.
async fn echo_wheel(stream: TcpStream, settings: Settings) -> io::Result<()> {
    let mut buf = Vec::with_capacity(settings.buffer);
    loop {
        buf.clear();
        let read = time::timeout(settings.timeout, stream.read(buf)).await?;
        let (received, filled) = read.into_result()?;
        if received == 0 {
            return Ok(());
        }
        ((), buf) = stream.write_all(filled).await.into_result()?;
    }
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

async fn hello_owned(stream: TcpStream, settings: Settings) -> io::Result<()> {
    let mut hello = Hello::default();
    let mut buf = Vec::with_capacity(settings.buffer);
    loop {
        buf.clear();
        let received;
        (received, buf) = stream.read(buf).await.into_result()?;
        if received == 0 || !hello.answer(&stream, &buf).await? {
            return Ok(());
        }
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
