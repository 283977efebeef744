//! kimojio: one task for each connection, which lends each read its buffer.

use std::future::Future;
use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

use annulus_bench_kit::{CountingAllocator, Job, Outcome, Work, contender, http};
use kimojio::configuration::Configuration;
use kimojio::operations::{self, RecvFlags, SendFlags};
use kimojio::{Errno, OwnedFd, Runtime};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    contender(&[
        Work::server("echo", &["owned"], |job, listener| serve(&job, listener, echo)),
        Work::server("echo-timeout", &["linked"], |job, listener| serve(&job, listener, echo)),
        Work::server("http", &["owned"], |job, listener| serve(&job, listener, hello)),
    ])
}

/// What every connection's task is given.
#[derive(Clone, Copy)]
struct Settings {
    buffer: usize,
    /// Linked to each read, where there is one.
    timeout: Option<Duration>,
}

fn serve<F>(job: &Job, listener: TcpListener, connection: fn(OwnedFd, Settings) -> F) -> Outcome<()>
where
    F: Future<Output = Result<(), Errno>> + 'static,
{
    let settings = Settings { buffer: job.buffer(), timeout: job.timeout() };
    let mut runtime = Runtime::new(0, Configuration::new());
    let ended = runtime.block_on(async move {
        let listener = OwnedFd::from(listener);
        loop {
            match operations::accept(&listener).await {
                Ok(stream) => drop(operations::spawn_task(connection(stream, settings))),
                Err(error) => return error,
            }
        }
    });
    match ended {
        Some(Ok(error)) => Err(format!("no connection could be accepted: {error}").into()),
        Some(Err(_)) => Err("the server panicked".into()),
        None => Err("the runtime stopped".into()),
    }
}

async fn send_all(stream: &OwnedFd, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        let sent = operations::send(stream, bytes, SendFlags::NOSIGNAL, None).await?;
        bytes = &bytes[sent..];
    }
    Ok(())
}

async fn echo(stream: OwnedFd, settings: Settings) -> Result<(), Errno> {
    let mut buf = vec![0; settings.buffer];
    loop {
        let flags = RecvFlags::empty();
        let received = operations::recv(&stream, &mut buf, flags, settings.timeout).await?;
        if received == 0 {
            return Ok(());
        }
        send_all(&stream, &buf[..received]).await?;
    }
}

async fn hello(stream: OwnedFd, settings: Settings) -> Result<(), Errno> {
    let mut buf = vec![0; settings.buffer];
    let mut answers = Vec::new();
    let mut remainder = http::Remainder::default();
    loop {
        let received = operations::recv(&stream, &mut buf, RecvFlags::empty(), None).await?;
        if received == 0 {
            return Ok(());
        }
        let outcome = remainder.answer(&buf[..received], &mut answers);
        send_all(&stream, &answers).await?;
        answers.clear();
        if outcome.is_err() {
            return Ok(());
        }
    }
}
