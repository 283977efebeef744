//! kimojio: one task for each connection, which lends each read its buffer.

use std::net::TcpListener;

use annulus_bench_kit::net::{Connection, Settings};
use annulus_bench_kit::{Job, Outcome};
use kimojio::configuration::Configuration;
use kimojio::operations::{self, RecvFlags, SendFlags};
use kimojio::{OwnedFd, Runtime};

mod files;
mod tasks;

annulus_bench_kit::runtime_main!(serve, serve, "linked");

fn serve<F: Connection>(
    job: &Job,
    listener: TcpListener,
    connection: fn(OwnedFd, Settings) -> F,
) -> Outcome<()> {
    let settings = Settings::of(job);
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

annulus_bench_kit::lent_servers! {
    OwnedFd, |stream, buf, bytes, limit|
    read {
        operations::recv(&stream, &mut buf, RecvFlags::empty(), None).await?
    }
    within {
        // The kernel's own timeout, linked to the read.
        operations::recv(&stream, &mut buf, RecvFlags::empty(), Some(limit)).await?
    }
    write {
        let mut rest = bytes;
        while !rest.is_empty() {
            let sent = operations::send(&stream, rest, SendFlags::NOSIGNAL, None).await?;
            rest = &rest[sent..];
        }
    }
}
