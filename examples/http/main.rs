//! An HTTP/1.1 server: a page, static files, its own metrics.
//!
//! ```text
//! cargo run --release --example http
//! curl -i http://127.0.0.1:8080/
//! ```
//!
//! Read `connection` first: it is one connection's life from the first request to the last.
//! `request` reads heads and `body` bodies, `response` writes heads, `files` finds and sends
//! files, `server` is what all connections share, `limits` says what a client may do.

mod accept;
mod body;
mod connection;
mod download;
mod files;
mod input;
mod limits;
mod metrics;
mod options;
mod range;
mod request;
mod response;
mod server;
mod status;

#[path = "../shared/interrupt.rs"]
mod interrupt;
#[path = "../shared/listen.rs"]
mod listen;

use std::io;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use annulus::Builder;

use accept::accept;
use files::Files;
use interrupt::Interrupt;
use options::Options;
use server::Server;

/// How long answers that are under way may take when the server ends.
const GRACE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let options = match Options::from_command_line() {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("http: {error}; try --help");
            return ExitCode::from(2);
        }
    };
    match serve(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("http: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(options: Options) -> io::Result<()> {
    let Options { address, directory, mut limits, histograms } = options;
    let interrupt = Interrupt::install()?;
    let files = directory.map(Files::new).transpose()?;
    // The runtime raises the limit of descriptors as far as it may.
    let runtime = Builder::new().histograms(histograms).build()?;
    limits.connections = limits.connections.min(limits::connections_max());
    let server = Rc::new(Server::new(limits, files));
    runtime.block_on(async {
        let listener = listen::at(&address).await?;
        println!("http: listening on http://{}/", listener.local_addr()?);
        interrupt.until(accept(listener, &server)).await;
        io::Result::Ok(())
    })?;
    println!("http: finishing {} connections; Ctrl-C again to end at once", server.metrics.open());
    // Every task is cancelled: connections between two requests end, answers are finished.
    runtime.shutdown_timeout(GRACE);
    Ok(())
}
