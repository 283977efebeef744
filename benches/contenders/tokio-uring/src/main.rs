//! tokio-uring: tokio's current-thread runtime with a ring that it polls; one task for each
//! connection, which gives each read its buffer.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

use annulus_bench_kit::{CountingAllocator, Job, Outcome, Work, contender, http};
use tokio_uring::net::TcpStream;

mod tasks;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const ENTRIES: u32 = 4096;

fn main() -> ExitCode {
    let mut works = vec![
        Work::server("echo", &["owned"], |job, listener| serve(&job, listener, echo)),
        Work::server("echo-timeout", &["timer"], |job, listener| {
            serve(&job, listener, echo_under_timeout)
        }),
        Work::server("http", &["owned"], |job, listener| serve(&job, listener, hello)),
    ];
    works.extend(tasks::works());
    contender(&works)
}

/// What every connection's task is given.
#[derive(Clone, Copy)]
struct Settings {
    buffer: usize,
    timeout: Duration,
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
    tokio_uring::builder().entries(ENTRIES).start(async move {
        let listener = tokio_uring::net::TcpListener::from_std(listener);
        // Each accept is awaited to its end: one that is dropped would take its connection along.
        loop {
            let (stream, _) = listener.accept().await?;
            tokio_uring::spawn(connection(stream, settings));
        }
    })
}

async fn echo(stream: TcpStream, settings: Settings) -> io::Result<()> {
    let mut buf = Vec::with_capacity(settings.buffer);
    loop {
        buf.clear();
        let (received, filled) = stream.read(buf).await;
        if received? == 0 {
            return Ok(());
        }
        let (written, filled) = stream.write_all(filled).await;
        written?;
        buf = filled;
    }
}

async fn echo_under_timeout(stream: TcpStream, settings: Settings) -> io::Result<()> {
    let mut buf = Vec::with_capacity(settings.buffer);
    loop {
        buf.clear();
        let (received, filled) = tokio::time::timeout(settings.timeout, stream.read(buf)).await?;
        if received? == 0 {
            return Ok(());
        }
        let (written, filled) = stream.write_all(filled).await;
        written?;
        buf = filled;
    }
}

async fn hello(stream: TcpStream, settings: Settings) -> io::Result<()> {
    let mut buf = Vec::with_capacity(settings.buffer);
    let mut answers = Vec::new();
    let mut remainder = http::Remainder::default();
    loop {
        buf.clear();
        let (received, filled) = stream.read(buf).await;
        if received? == 0 {
            return Ok(());
        }
        let outcome = remainder.answer(&filled, &mut answers);
        let (written, sent) = stream.write_all(answers).await;
        written?;
        (answers, buf) = (sent, filled);
        answers.clear();
        if outcome.is_err() {
            return Ok(());
        }
    }
}
