//! `annulus-bench`: measures annulus and its peers side by side, and writes a report.
//!
//! Servers run in processes of their own on one core, the load generator in this one on another.
//!
//! | module | purpose |
//! |---|---|
//! | [`options`] | the command line |
//! | [`contender`] | the contenders: building them, asking what they can do |
//! | [`protocol`], [`process`] | a contender at work, and what can be seen of it from outside |
//! | [`patience`] | ends what hangs |
//! | [`counter`] | the processor's count of a server's instructions |
//! | [`callgrind`], [`profile`] | that of callgrind, and which functions they are in |
//! | [`load`] | the load generator |
//! | [`workload`] | what is measured: **the place for a new workload** |
//! | [`runner`] | rounds, interleaving, progress |
//! | [`results`], [`stats`], [`targets`] | what was measured |
//! | [`report`] | Markdown, plots, JSON |
//! | [`machine`] | where it was measured |

use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

mod callgrind;
mod contender;
mod counter;
mod load;
mod machine;
mod options;
mod patience;
mod process;
mod profile;
mod protocol;
mod report;
mod results;
mod runner;
mod stats;
mod targets;
mod workload;

use options::{Action, Options};

/// Any failure, with a sentence.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let outcome = options::parse(std::env::args().skip(1)).and_then(|(action, options)| {
        match action {
            Action::Help => println!("{}", options::HELP),
            Action::List => list(&options)?,
            Action::Build => runner::build(&options)?,
            Action::Run => runner::run(&options)?,
            Action::Profile => profile::run(&options)?,
            Action::Report(file) => report::again(&file, &options)?,
        }
        Ok(())
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("annulus-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What there is. A reader that has seen enough may close the pipe.
fn list(options: &Options) -> Result<(), Error> {
    let mut text = String::from("contenders:\n");
    for contestant in contender::CONTESTANTS {
        writeln!(text, "  {:<12} {}", contestant.name, contestant.about)?;
    }
    text.push_str("\nworkloads and their cells:\n");
    for workload in workload::all() {
        writeln!(text, "  {:<12} {}", workload.name(), workload.title())?;
        for cell in workload.cells(options) {
            writeln!(text, "    {}/{}: {}", workload.name(), cell.id, cell.title)?;
        }
    }
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
