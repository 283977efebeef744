//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::limits::Limits;

pub(crate) const HELP: &str = "\
Serves a page, static files and its own metrics over HTTP/1.1.

Usage: http [OPTIONS]

  --addr ADDRESS:PORT     where to listen; port 0 takes a free one [default: 127.0.0.1:8080]
  --dir DIRECTORY         serve the files in it instead of the hello page
  --connections NUMBER    how many at one time [default: as many as there are descriptors for]
  --head-timeout SECONDS  for a request's head to arrive [default: 10]
  --idle-timeout SECONDS  for the next request to begin [default: 60]
  --body-timeout SECONDS  for a request's body to arrive [default: 60]
  --body-max BYTES        the largest body that is accepted [default: 1048576]
  --no-histograms         do not time polls and system calls for /metrics
  -h, --help              say this

Pages: / (hello), /metrics.json, /metrics, /echo (POST: sends the body back).
Ctrl-C finishes the answers that are under way and ends; a second one ends at once.";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) address: String,
    /// The directory to serve.
    pub(crate) directory: Option<PathBuf>,
    pub(crate) limits: Limits,
    /// Whether `/metrics` says how long polls and system calls take.
    pub(crate) histograms: bool,
}

impl Options {
    /// Reads the command line; `None` when help is wanted.
    pub(crate) fn from_command_line() -> Result<Option<Options>, lexopt::Error> {
        use lexopt::prelude::*;
        let address = String::from("127.0.0.1:8080");
        let (limits, histograms) = (Limits::default(), true);
        let mut options = Options { address, directory: None, limits, histograms };
        let limits = &mut options.limits;
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("addr") => options.address = arguments.value()?.string()?,
                Long("dir") => options.directory = Some(arguments.value()?.into()),
                Long("connections") => limits.connections = arguments.value()?.parse()?,
                Long("head-timeout") => limits.head_time = seconds(&mut arguments)?,
                Long("idle-timeout") => limits.idle_time = seconds(&mut arguments)?,
                Long("body-timeout") => limits.body_time = seconds(&mut arguments)?,
                Long("body-max") => limits.body_bytes = arguments.value()?.parse()?,
                Long("no-histograms") => options.histograms = false,
                Short('h') | Long("help") => return Ok(None),
                other => return Err(other.unexpected()),
            }
        }
        Ok(Some(options))
    }
}

fn seconds(arguments: &mut lexopt::Parser) -> Result<Duration, lexopt::Error> {
    use lexopt::prelude::*;
    arguments.value()?.parse_with(|text| {
        let seconds = text.parse().map_err(|_| "is no number of seconds")?;
        Duration::try_from_secs_f64(seconds).map_err(|_| "is no time that can be waited for")
    })
}
