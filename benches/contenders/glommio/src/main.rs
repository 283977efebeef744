//! glommio: one local executor; one task and one buffer for each connection.
//!
//! Its memory for storage I/O is registered with the kernel, which counts it as locked: the servers
//! use none, so they ask for the least, and start where little memory may be locked.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::fd::{FromRawFd, IntoRawFd};
use std::process::ExitCode;
use std::time::Duration;

use annulus_bench_kit::{CountingAllocator, Job, Outcome, Work, contender, http};
use futures_lite::FutureExt;
use futures_lite::io::{AsyncReadExt, AsyncWriteExt};
use glommio::net::TcpStream;
use glommio::timer::Timer;
use glommio::{LocalExecutorBuilder, Placement, spawn_local};

mod tasks;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const IO_MEMORY: usize = 64 * 1024;
const RING_DEPTH: usize = 1024;

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
    let executor = LocalExecutorBuilder::new(Placement::Unbound)
        .io_memory(IO_MEMORY)
        .ring_depth(RING_DEPTH)
        .make()
        .map_err(|error| format!("no executor: {error}"))?;
    executor.run(async move {
        // SAFETY: the descriptor is given away by its owner, and is a listening socket.
        let listener = unsafe { glommio::net::TcpListener::from_raw_fd(listener.into_raw_fd()) };
        loop {
            let stream = listener.accept().await.map_err(|error| error.to_string())?;
            spawn_local(connection(stream, settings)).detach();
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
        let late = async {
            Timer::new(settings.timeout).await;
            Err(ErrorKind::TimedOut.into())
        };
        let received = stream.read(&mut buf).or(late).await?;
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
