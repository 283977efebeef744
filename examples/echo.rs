//! A TCP server that sends back whatever comes.
//!
//! Connections and bytes come as streams: one operation is armed for all connections and one for
//! all that a connection receives. The bytes are in buffers of the loop's pool, which an idle
//! connection does not hold, and go out from there; each buffer returns when it is written.
//!
//! ```text
//! cargo run --release --example echo
//! nc 127.0.0.1 7000
//! ```

use std::cell::Cell;
use std::io;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use annulus::net::{TcpListener, TcpStream};
use annulus::{BufResult, Runtime, time};

#[path = "shared/interrupt.rs"]
mod interrupt;
#[path = "shared/listen.rs"]
mod listen;

use interrupt::Interrupt;

const HELP: &str = "\
Sends back whatever comes over TCP.

Usage: echo [--addr ADDRESS:PORT]

  --addr ADDRESS:PORT  where to listen; port 0 takes a free one [default: 127.0.0.1:7000]
  -h, --help           say this

Ctrl-C closes the connections and ends; a second one ends at once.";

/// What the server has done so far.
#[derive(Default)]
pub(crate) struct Totals {
    pub(crate) connections: Cell<u64>,
    pub(crate) bytes: Cell<u64>,
}

fn main() -> ExitCode {
    let outcome = match address() {
        Ok(Some(address)) => serve(address),
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("echo: {error}; try --help");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The address to listen at, or `None` when help is wanted.
fn address() -> Result<Option<String>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut address = String::from("127.0.0.1:7000");
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("addr") => address = arguments.value()?.string()?,
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(address))
}

fn serve(address: String) -> io::Result<()> {
    let interrupt = Interrupt::install()?;
    let totals = Rc::new(Totals::default());
    Runtime::new()?.block_on(async {
        let listener = listen::at(&address).await?;
        println!("echo: listening at {}", listener.local_addr()?);
        interrupt.until(accept(listener, &totals)).await;
        println!("echo: {} connections, {} bytes", totals.connections.get(), totals.bytes.get());
        Ok(())
    })
}

pub(crate) async fn accept(listener: TcpListener, totals: &Rc<Totals>) {
    let mut incoming = listener.incoming();
    loop {
        match incoming.next().await {
            Ok(stream) => {
                totals.connections.set(totals.connections.get() + 1);
                annulus::spawn(echo(stream, Rc::clone(totals))).detach();
            }
            Err(error) => {
                // Too many open files, as a rule: connections wait in the backlog meanwhile.
                eprintln!("echo: cannot accept: {error}");
                time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Sends back what comes, until the peer has sent its last byte or is gone.
async fn echo(stream: TcpStream, totals: Rc<Totals>) {
    let mut received = stream.recv_stream();
    while let Some(Ok(bytes)) = received.next().await {
        let BufResult(written, bytes) = stream.write_all(bytes).await;
        if written.is_err() {
            return;
        }
        totals.bytes.set(totals.bytes.get() + bytes.len() as u64);
    }
}
