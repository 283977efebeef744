//! Timeouts: of one operation, of a block, and of all there is to do.
//!
//! A client talks to a server that is slow on purpose. What differs is who keeps the time and what
//! is left when it is over:
//!
//! - `stream.read(buf).timeout(limit)` is kept by the kernel, with the operation; it fails with
//!   `TimedOut` and gives the buffer back, and what comes later is there for the next read;
//! - `time::timeout(limit, block)` is kept by the loop, around any future; when it is over, the
//!   whole block is dropped where it waits, with what it had in its hands;
//! - `time::timeout_at(deadline, …)` and `.deadline(…)` share one point in time among many steps.
//!
//! ```text
//! cargo run --release --example timeout
//! ```

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use annulus::net::{TcpListener, TcpStream};
use annulus::time::{self, Instant};
use annulus::{BufResult, Runtime};

#[path = "shared/interrupt.rs"]
mod interrupt;

use interrupt::Interrupt;

const HELP: &str = "\
Shows timeouts of operations, of blocks and of many steps, against a slow server.

Usage: timeout [--pause MILLISECONDS]

  --pause MILLISECONDS  how long the server waits before each word [default: 200]
  -h, --help            say this";

const WORDS: [&str; 3] = ["one ", "two ", "three "];

fn main() -> ExitCode {
    let pause = match pause() {
        Ok(Some(pause)) => pause,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("timeout: {error}; try --help");
            return ExitCode::from(2);
        }
    };
    match run(pause) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("timeout: {error}");
            ExitCode::FAILURE
        }
    }
}

fn pause() -> Result<Option<Duration>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut pause = Duration::from_millis(200);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("pause") => pause = Duration::from_millis(arguments.value()?.parse()?),
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(pause))
}

fn run(pause: Duration) -> io::Result<ExitCode> {
    let interrupt = Interrupt::install()?;
    Runtime::new()?.block_on(async {
        let Some(shown) = interrupt.until(show(pause)).await else {
            eprintln!("timeout: interrupted");
            return Ok(ExitCode::from(130));
        };
        shown.map(|()| ExitCode::SUCCESS)
    })
}

async fn show(pause: Duration) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    annulus::spawn(serve(listener, pause)).detach();

    an_operation(&TcpStream::connect(address).await?, pause / 2).await?;
    a_block(&TcpStream::connect(address).await?, pause * 3 / 2).await?;
    many_steps(&TcpStream::connect(address).await?, pause * 5 / 2).await
}

/// Says its words slowly, to each client that comes.
async fn serve(listener: TcpListener, pause: Duration) {
    while let Ok((stream, _peer)) = listener.accept().await {
        annulus::spawn(async move {
            for word in WORDS {
                time::sleep(pause).await;
                if stream.write_all(word).await.is_err() {
                    break;
                }
            }
        })
        .detach();
    }
}

/// A read that is given half the time it needs, and is made again: nothing is lost.
async fn an_operation(stream: &TcpStream, limit: Duration) -> io::Result<()> {
    let mut buf = Vec::with_capacity(64);
    let mut timeouts = 0;
    loop {
        let BufResult(read, back) = stream.read(buf).timeout(limit).await;
        buf = back;
        match read {
            Ok(count) => {
                let word = String::from_utf8_lossy(&buf[..count]).into_owned();
                println!("an operation: {timeouts} timeouts, then {word:?}: nothing was lost");
                return Ok(());
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => timeouts += 1,
            Err(error) => return Err(error),
        }
    }
}

/// A block that reads all words, and is given time for the first one only. What it has read is its
/// own, and goes with it; what it was waiting for is there for the next read.
async fn a_block(stream: &TcpStream, limit: Duration) -> io::Result<()> {
    let read_all = async {
        let mut words = Vec::new();
        while words.len() < WORDS.len() {
            words.push(stream.recv().await?.to_vec());
        }
        io::Result::Ok(words)
    };
    match time::timeout(limit, read_all).await {
        Ok(words) => println!("a block: all {} words in time", words?.len()),
        Err(elapsed) => {
            let next = stream.recv().await?;
            let next = String::from_utf8_lossy(&next).into_owned();
            println!("a block: {elapsed}; the next read gets {next:?}");
        }
    }
    Ok(())
}

/// Reads word after word until one point in time; what came before it is kept.
async fn many_steps(stream: &TcpStream, limit: Duration) -> io::Result<()> {
    let deadline = Instant::now() + limit;
    let mut words = String::new();
    let ended = loop {
        let BufResult(read, buf) = stream.read(vec![0; 64]).deadline(deadline).await;
        match read {
            Ok(0) => break "the server was done".to_owned(),
            Ok(count) => words.push_str(&String::from_utf8_lossy(&buf[..count])),
            Err(error) => break error.to_string(),
        }
    };
    println!("many steps: {words:?} before the deadline, then: {ended}");
    Ok(())
}
