//! monoio on io_uring: one task for each connection, which gives each read its buffer.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

use annulus_bench_kit::{CountingAllocator, Job, Outcome, Work, contender, http};
use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::TcpStream;
use monoio::{IoUringDriver, RuntimeBuilder};

mod tasks;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const ENTRIES: u32 = 4096;

fn main() -> ExitCode {
    let mut works = vec![
        Work::server("echo", &["owned"], |job, listener| serve(&job, listener, echo)),
        Work::server("echo-timeout", &["timer"], |job, listener| {
            serve_timed(&job, listener, echo_under_timeout)
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

fn settings(job: &Job) -> Settings {
    Settings { buffer: job.buffer(), timeout: job.timeout().unwrap_or(Duration::MAX) }
}

fn serve<F>(
    job: &Job,
    listener: TcpListener,
    connection: fn(TcpStream, Settings) -> F,
) -> Outcome<()>
where
    F: Future<Output = io::Result<()>> + 'static,
{
    let mut runtime = RuntimeBuilder::<IoUringDriver>::new().with_entries(ENTRIES).build()?;
    runtime.block_on(accept(listener, connection, settings(job)))
}

/// The same with the driver that has timers.
fn serve_timed<F>(
    job: &Job,
    listener: TcpListener,
    connection: fn(TcpStream, Settings) -> F,
) -> Outcome<()>
where
    F: Future<Output = io::Result<()>> + 'static,
{
    let builder = RuntimeBuilder::<IoUringDriver>::new().with_entries(ENTRIES);
    let mut runtime = builder.enable_timer().build()?;
    runtime.block_on(accept(listener, connection, settings(job)))
}

async fn accept<F>(
    listener: TcpListener,
    connection: fn(TcpStream, Settings) -> F,
    settings: Settings,
) -> Outcome<()>
where
    F: Future<Output = io::Result<()>> + 'static,
{
    let listener = monoio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        monoio::spawn(connection(stream, settings));
    }
}

async fn echo(mut stream: TcpStream, settings: Settings) -> io::Result<()> {
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

async fn echo_under_timeout(mut stream: TcpStream, settings: Settings) -> io::Result<()> {
    let mut buf = Vec::with_capacity(settings.buffer);
    loop {
        buf.clear();
        let read = monoio::time::timeout(settings.timeout, stream.read(buf)).await;
        let (received, filled) = read.map_err(|_| io::ErrorKind::TimedOut)?;
        if received? == 0 {
            return Ok(());
        }
        let (written, filled) = stream.write_all(filled).await;
        written?;
        buf = filled;
    }
}

async fn hello(mut stream: TcpStream, settings: Settings) -> io::Result<()> {
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
