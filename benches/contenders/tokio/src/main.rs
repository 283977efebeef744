//! tokio's current-thread runtime: one task for each connection, one buffer for each task.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

use annulus_bench_kit::{CountingAllocator, Job, Outcome, Work, contender, http};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

mod files;
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
    works.extend(files::works());
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
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let settings =
        Settings { buffer: job.buffer(), timeout: job.timeout().unwrap_or(Duration::MAX) };
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

async fn echo(mut stream: TcpStream, settings: Settings) -> io::Result<()> {
    let mut buf = vec![0; settings.buffer];
    loop {
        let received = stream.read(&mut buf).await?;
        if received == 0 {
            return Ok(());
        }
        stream.write_all(&buf[..received]).await?;
    }
}

async fn echo_under_timeout(mut stream: TcpStream, settings: Settings) -> io::Result<()> {
    let mut buf = vec![0; settings.buffer];
    loop {
        let received = tokio::time::timeout(settings.timeout, stream.read(&mut buf)).await??;
        if received == 0 {
            return Ok(());
        }
        stream.write_all(&buf[..received]).await?;
    }
}

async fn hello(mut stream: TcpStream, settings: Settings) -> io::Result<()> {
    let mut buf = vec![0; settings.buffer];
    let mut answers = Vec::new();
    let mut remainder = http::Remainder::default();
    loop {
        let received = stream.read(&mut buf).await?;
        if received == 0 {
            return Ok(());
        }
        let outcome = remainder.answer(&buf[..received], &mut answers);
        stream.write_all(&answers).await?;
        answers.clear();
        if outcome.is_err() {
            return Ok(());
        }
    }
}
