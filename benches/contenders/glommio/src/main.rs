//! glommio: one local executor; one task and one buffer for each connection.
//!
//! Its memory for storage I/O is registered with the kernel, which counts it as locked: the servers
//! use none, so they ask for the least, and start where little memory may be locked.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::fd::{FromRawFd, IntoRawFd};

use annulus_bench_kit::net::{Connection, Settings};
use annulus_bench_kit::{Job, Outcome};
use futures_lite::FutureExt;
use futures_lite::io::{AsyncReadExt, AsyncWriteExt};
use glommio::net::TcpStream;
use glommio::timer::Timer;
use glommio::{LocalExecutorBuilder, Placement, spawn_local};

mod files;
mod tasks;

const IO_MEMORY: usize = 64 * 1024;
const RING_DEPTH: usize = 1024;

annulus_bench_kit::runtime_main!(serve, serve, "timer");

fn serve<F: Connection>(
    job: &Job,
    listener: TcpListener,
    connection: fn(TcpStream, Settings) -> F,
) -> Outcome<()> {
    let settings = Settings::of(job);
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

annulus_bench_kit::lent_servers! {
    TcpStream, |stream, buf, bytes, limit|
    read {
        stream.read(&mut buf).await?
    }
    within {
        let late = async {
            Timer::new(limit).await;
            Err(ErrorKind::TimedOut.into())
        };
        stream.read(&mut buf).or(late).await?
    }
    write {
        stream.write_all(bytes).await?;
    }
}
