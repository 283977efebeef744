//! The limit of readiness: a loop of `epoll_wait`, `recv` and `send`, and nothing else.

use std::io;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::process::ExitCode;

use annulus_bench_kit::{CountingAllocator, Job, Outcome, Work, contender, http};

mod server;
mod sys;

use server::{Application, Server};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    contender(&[
        Work::server("echo", &["level"], echo),
        Work::server("http", &["level"], http_hello),
        Work::server("hold", &["accept"], hold),
    ])
}

fn echo(job: Job, listener: TcpListener) -> Outcome<()> {
    Server::new(listener, job.buffer(), Echo)?.run()
}

fn http_hello(job: Job, listener: TcpListener) -> Outcome<()> {
    Server::new(listener, job.buffer(), Hello)?.run()
}

/// Accepts connections and keeps them, in no event queue: what the sockets alone take.
fn hold(_: Job, listener: TcpListener) -> Outcome<()> {
    let mut kept = Vec::new();
    loop {
        kept.push(sys::accept(listener.as_raw_fd(), 0)?);
    }
}

struct Echo;

impl Application for Echo {
    type Connection = ();

    fn answer(&self, (): &mut (), bytes: &[u8], answers: &mut Vec<u8>) -> io::Result<()> {
        answers.extend_from_slice(bytes);
        Ok(())
    }

    fn answers_are_the_bytes(&self) -> bool {
        true
    }
}

struct Hello;

impl Application for Hello {
    type Connection = http::Remainder;

    fn answer(
        &self,
        remainder: &mut http::Remainder,
        bytes: &[u8],
        answers: &mut Vec<u8>,
    ) -> io::Result<()> {
        remainder.answer(bytes, answers).map_err(|_| io::ErrorKind::InvalidData.into())
    }

    fn answers_are_the_bytes(&self) -> bool {
        false
    }
}
