//! The limit of completion: a ring in its fastest set-up and a loop around it, no tasks, no futures.
//!
//! Forms, as annulus has them: `owned` gives each receive a buffer of the connection's; `recv` has
//! the kernel choose one of a shared ring's when bytes are there; `stream` does so with one
//! operation for all that a connection receives.

use std::process::ExitCode;

use annulus_bench_kit::{CountingAllocator, Work, contender};

mod application;
mod connection;
mod files;
mod nops;
mod paths;
mod server;

use application::{Echo, Hello};
use server::serve;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    contender(&[
        Work::server("echo", &["owned", "recv", "stream"], |job, listener| {
            serve(&job, &listener, Echo)
        }),
        Work::server("echo-timeout", &["linked"], |job, listener| serve(&job, &listener, Echo)),
        Work::server("http", &["owned", "recv", "stream"], |job, listener| {
            serve(&job, &listener, Hello)
        }),
        Work::once("file-reads", &["own", "fixed"], files::reads),
        Work::once("file-copy", &["own"], paths::copy),
        Work::once("small-files", &["own"], paths::small_files),
        Work::once("appends", &["own"], paths::appends),
        Work::once("nops", &["own"], nops::nops),
        Work::once("wake-across", &["own"], nops::wakes_across),
        Work::once("lateness", &["own"], nops::lateness),
    ])
}
