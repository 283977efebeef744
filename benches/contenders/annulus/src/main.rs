//! annulus: one task for each connection, in each of the ways of reading that it offers.

use std::process::ExitCode;

use annulus_bench_kit::{CountingAllocator, Work, contender};

mod files;
mod net;
mod tasks;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    let mut works = vec![
        Work::server("echo", &["owned", "recv", "stream"], net::serve_echo),
        Work::server("echo-timeout", &["wheel", "linked"], net::serve_echo_under_timeout),
        Work::server("http", &["owned", "recv", "stream"], net::serve_http),
    ];
    works.extend(tasks::works());
    works.extend(files::works());
    contender(&works)
}
