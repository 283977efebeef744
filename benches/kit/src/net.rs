//! The servers of one connection, the same text for every runtime.
//!
//! A runtime says how a connection is read and written; [`lent_servers`](crate::lent_servers) and
//! [`owned_servers`](crate::owned_servers) write its servers around that. They are macros and not
//! functions over a trait, since a future within a future costs a hundred instructions a request,
//! and what is measured should be the runtime.

use std::future::Future;
use std::io;
use std::time::Duration;

use crate::Job;

/// What every connection's task is given.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Bytes of the buffer.
    pub buffer: usize,
    /// Of each read, where the work is one with timeouts.
    pub timeout: Duration,
}

impl Settings {
    pub fn of(job: &Job) -> Settings {
        Settings { buffer: job.buffer(), timeout: job.timeout().unwrap_or(Duration::MAX) }
    }
}

/// What serves one connection to its end.
pub trait Connection: Future<Output = io::Result<()>> + 'static {}

impl<F: Future<Output = io::Result<()>> + 'static> Connection for F {}

/// The `main` of a runtime that offers everything: servers, tasks and files. `$serve` runs a server with
/// what serves a connection, and `$timed` one whose reads have timeouts, of the form `$form`.
#[macro_export]
macro_rules! runtime_main {
    ($serve:ident, $timed:ident, $form:literal) => {
        #[global_allocator]
        static ALLOCATOR: $crate::CountingAllocator = $crate::CountingAllocator;

        fn main() -> std::process::ExitCode {
            use $crate::Work;
            let mut works = vec![
                Work::server("echo", &["owned"], |job, listener| $serve(&job, listener, echo)),
                Work::server("echo-timeout", &[$form], |job, listener| {
                    $timed(&job, listener, echo_under_timeout)
                }),
                Work::server("http", &["owned"], |job, listener| $serve(&job, listener, hello)),
            ];
            works.extend(tasks::works());
            works.extend(files::works());
            $crate::contender(&works)
        }
    };
}

/// `echo`, `echo_under_timeout` and `hello` over connections that are lent their buffers.
///
/// The blocks use the names that are given first. `read` and `within` fill `buf` and say how many bytes
/// came, the latter within `limit`; `write` sends all of `bytes`. An error leaves by `?`.
#[macro_export]
macro_rules! lent_servers {
    (
        $stream_type:ty, |$stream:ident, $buf:ident, $bytes:ident, $limit:ident|
        read $read:block within $within:block write $write:block
    ) => {
        async fn echo(mut $stream: $stream_type, settings: Settings) -> std::io::Result<()> {
            let mut $buf = vec![0; settings.buffer];
            loop {
                let received = $read;
                if received == 0 {
                    return Ok(());
                }
                let $bytes = &$buf[..received];
                $write
            }
        }

        async fn echo_under_timeout(
            mut $stream: $stream_type,
            settings: Settings,
        ) -> std::io::Result<()> {
            let mut $buf = vec![0; settings.buffer];
            loop {
                let $limit = settings.timeout;
                let received = $within;
                if received == 0 {
                    return Ok(());
                }
                let $bytes = &$buf[..received];
                $write
            }
        }

        async fn hello(mut $stream: $stream_type, settings: Settings) -> std::io::Result<()> {
            let mut $buf = vec![0; settings.buffer];
            let mut answers = Vec::new();
            let mut remainder = $crate::http::Remainder::default();
            loop {
                let received = $read;
                if received == 0 {
                    return Ok(());
                }
                let outcome = remainder.answer(&$buf[..received], &mut answers);
                {
                    let $bytes = &answers[..];
                    $write
                }
                answers.clear();
                if outcome.is_err() {
                    return Ok(());
                }
            }
        }
    };
}

/// The same over connections that own their buffers meanwhile.
///
/// `read` and `within` take `buf` and come back with how many bytes came and the buffer; `write`
/// takes `bytes`, sends all of them and gives them back.
#[macro_export]
macro_rules! owned_servers {
    (
        $stream_type:ty, |$stream:ident, $buf:ident, $bytes:ident, $limit:ident|
        read $read:block within $within:block write $write:block
    ) => {
        #[allow(unused_mut)]
        async fn echo(mut $stream: $stream_type, settings: Settings) -> std::io::Result<()> {
            let mut $buf = Vec::with_capacity(settings.buffer);
            loop {
                $buf.clear();
                let (received, $bytes) = $read;
                if received == 0 {
                    return Ok(());
                }
                $buf = $write;
            }
        }

        #[allow(unused_mut)]
        async fn echo_under_timeout(
            mut $stream: $stream_type,
            settings: Settings,
        ) -> std::io::Result<()> {
            let mut $buf = Vec::with_capacity(settings.buffer);
            loop {
                $buf.clear();
                let $limit = settings.timeout;
                let (received, $bytes) = $within;
                if received == 0 {
                    return Ok(());
                }
                $buf = $write;
            }
        }

        #[allow(unused_mut)]
        async fn hello(mut $stream: $stream_type, settings: Settings) -> std::io::Result<()> {
            let mut $buf = Vec::with_capacity(settings.buffer);
            let mut answers = Vec::new();
            let mut remainder = $crate::http::Remainder::default();
            loop {
                $buf.clear();
                let received;
                (received, $buf) = $read;
                if received == 0 {
                    return Ok(());
                }
                let outcome = remainder.answer(&$buf, &mut answers);
                let $bytes = answers;
                answers = $write;
                answers.clear();
                if outcome.is_err() {
                    return Ok(());
                }
            }
        }
    };
}
