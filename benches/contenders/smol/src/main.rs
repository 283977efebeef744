//! smol: its local executor on one thread, on epoll; one task and one buffer for each connection.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;

use annulus_bench_kit::net::{Connection, Settings};
use annulus_bench_kit::{Job, Outcome};
use smol::future::FutureExt;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::{Async, LocalExecutor, Timer};

mod files;
mod tasks;

annulus_bench_kit::runtime_main!(serve, serve, "timer");

fn serve<F: Connection>(
    job: &Job,
    listener: TcpListener,
    connection: fn(Async<TcpStream>, Settings) -> F,
) -> Outcome<()> {
    let settings = Settings::of(job);
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

annulus_bench_kit::lent_servers! {
    Async<TcpStream>, |stream, buf, bytes, limit|
    read {
        stream.read(&mut buf).await?
    }
    within {
        let late = async {
            Timer::after(limit).await;
            Err(ErrorKind::TimedOut.into())
        };
        stream.read(&mut buf).or(late).await?
    }
    write {
        stream.write_all(bytes).await?;
    }
}
