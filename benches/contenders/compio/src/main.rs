//! compio: one task for each connection, which gives each read its buffer. The ring is set up as
//! its documentation advises for a runtime of one thread.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

use annulus_bench_kit::{CountingAllocator, Job, Outcome, Work, contender, http};
use compio::BufResult;
use compio::driver::ProactorBuilder;
use compio::io::{AsyncRead, AsyncWriteExt};
use compio::net::TcpStream;
use compio::runtime::RuntimeBuilder;

mod tasks;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

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

async fn echo(mut stream: TcpStream, settings: Settings) -> io::Result<()> {
    let mut buf = Vec::with_capacity(settings.buffer);
    loop {
        buf.clear();
        let BufResult(received, filled) = stream.read(buf).await;
        if received? == 0 {
            return Ok(());
        }
        let BufResult(written, filled) = stream.write_all(filled).await;
        written?;
        buf = filled;
    }
}

async fn echo_under_timeout(mut stream: TcpStream, settings: Settings) -> io::Result<()> {
    let mut buf = Vec::with_capacity(settings.buffer);
    loop {
        buf.clear();
        let read = compio::time::timeout(settings.timeout, stream.read(buf)).await;
        let BufResult(received, filled) = read.map_err(|_| io::ErrorKind::TimedOut)?;
        if received? == 0 {
            return Ok(());
        }
        let BufResult(written, filled) = stream.write_all(filled).await;
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
        let BufResult(received, filled) = stream.read(buf).await;
        if received? == 0 {
            return Ok(());
        }
        let outcome = remainder.answer(&filled, &mut answers);
        let BufResult(written, sent) = stream.write_all(answers).await;
        written?;
        (answers, buf) = (sent, filled);
        answers.clear();
        if outcome.is_err() {
            return Ok(());
        }
    }
}
