//! Cancellation: where a task ends, what it cleans up, and what nobody can take from it.
//!
//! Some workers write reports, step by step, each into a file of its own that is moved to its
//! place when it is complete. They are the children of a group, which ends by Ctrl-C, by the clock
//! or because one of them failed. Then each is cancelled: it ends where it waits and removes its
//! unfinished file, and when all have, the group has ended. Moving a file and noting that is
//! shielded: it is done whole or not at all.
//!
//! ```text
//! cargo run --release --example cancel
//! ```

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use annulus::fs::{self, File};
use annulus::task::TaskGroup;
use annulus::{Runtime, task, time};

#[path = "shared/interrupt.rs"]
mod interrupt;

use interrupt::Interrupt;

const HELP: &str = "\
Cancels tasks that have something to clean up.

Usage: cancel [OPTIONS] DIRECTORY

  --workers NUMBER      how many tasks write reports there [default: 3]
  --after MILLISECONDS  cancel them then, if Ctrl-C does not [default: 1000]
  --step MILLISECONDS   how long a worker takes for each of ten steps of a report [default: 40]
  -h, --help            say this";

struct Options {
    directory: PathBuf,
    workers: u64,
    after: Duration,
    step: Duration,
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("cancel: {error}; try --help");
            return ExitCode::from(2);
        }
    };
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cancel: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::*;
    let (mut directory, mut workers) = (None, 3);
    let (mut after, mut step) = (Duration::from_millis(1000), Duration::from_millis(40));
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("workers") => workers = arguments.value()?.parse()?,
            Long("after") => after = Duration::from_millis(arguments.value()?.parse()?),
            Long("step") => step = Duration::from_millis(arguments.value()?.parse()?),
            Value(path) if directory.is_none() => directory = Some(PathBuf::from(path)),
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    let directory = directory.ok_or("a directory is needed")?;
    Ok(Some(Options { directory, workers, after, step }))
}

fn run(options: Options) -> io::Result<()> {
    let Options { directory, workers, after, step } = options;
    let interrupt = Interrupt::install()?;
    Runtime::new()?.block_on(async {
        let finished = Rc::new(Cell::new(0));
        let stop = async {
            let is_time = interrupt.until(time::sleep(after)).await.is_some();
            println!("cancelled by {}", if is_time { "the clock" } else { "Ctrl-C" });
        };
        let ended = TaskGroup::scope_until(stop, async |group| {
            for number in 1..=workers {
                let (directory, finished) = (directory.clone(), Rc::clone(&finished));
                group.spawn(async move { work(number, &directory, step, &finished).await });
            }
            Ok(())
        });
        if let Ok(failed) = ended.await {
            failed?;
        }
        println!("{} reports finished, and nothing else is left", finished.get());
        Ok(())
    })
}

/// Writes one report after another, until it fails or is cancelled.
async fn work(
    number: u64,
    directory: &Path,
    step: Duration,
    finished: &Cell<u64>,
) -> io::Result<()> {
    for round in 1.. {
        let report = directory.join(format!("report-{number}-{round}.txt"));
        let draft = report.with_extension("draft");
        // Runs when the task ends, however it does, unless it is disarmed before.
        let unfinished = draft.clone();
        let clean_up = task::defer(async move {
            if fs::remove_file(&unfinished).await.is_ok() {
                println!("worker {number}: removed {}", unfinished.display());
            }
        });
        write(&draft, step).await.map_err(|error| told(&draft, &error))?;
        // Half of this would be a report that nobody knows of.
        task::shield(async {
            fs::rename(&draft, &report).await?;
            clean_up.disarm();
            finished.set(finished.get() + 1);
            io::Result::Ok(())
        })
        .await?;
    }
    Ok(())
}

async fn write(draft: &Path, step: Duration) -> io::Result<()> {
    let file = File::create(draft).await?;
    for line in 0..10 {
        time::sleep(step).await;
        let text = format!("step {line}\n");
        let offset = (line * text.len()) as u64;
        file.write_all_at(text, offset).await.into_result()?;
    }
    file.close().await
}

fn told(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()))
}
