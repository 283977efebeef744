//! smol: its local executor on one thread, on epoll; one task and one buffer for each connection.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use annulus_bench_kit::{CountingAllocator, Job, Outcome, Work, contender, http};
use smol::future::FutureExt;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::{Async, LocalExecutor, Timer};

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
    connection: fn(Async<TcpStream>, Settings) -> F,
) -> Outcome<()>
where
    F: Future<Output = io::Result<()>> + 'static,
{
    let settings =
        Settings { buffer: job.buffer(), timeout: job.timeout().unwrap_or(Duration::MAX) };
    let executor = Rc::new(LocalExecutor::new());
    let spawner = Rc::clone(&executor);
    smol::block_on(executor.run(async move {
        let listener = Async::new(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            spawner.spawn(connection(stream, settings)).detach();
        }
    }))
}

async fn echo(mut stream: Async<TcpStream>, settings: Settings) -> io::Result<()> {
    let mut buf = vec![0; settings.buffer];
    loop {
        let received = stream.read(&mut buf).await?;
        if received == 0 {
            return Ok(());
        }
        stream.write_all(&buf[..received]).await?;
    }
}

async fn echo_under_timeout(mut stream: Async<TcpStream>, settings: Settings) -> io::Result<()> {
    let mut buf = vec![0; settings.buffer];
    loop {
        let late = async {
            Timer::after(settings.timeout).await;
            Err(ErrorKind::TimedOut.into())
        };
        let received = stream.read(&mut buf).or(late).await?;
        if received == 0 {
            return Ok(());
        }
        stream.write_all(&buf[..received]).await?;
    }
}

async fn hello(mut stream: Async<TcpStream>, settings: Settings) -> io::Result<()> {
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
