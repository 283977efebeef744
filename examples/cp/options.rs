//! The command line.

use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Copies a file.

Usage: cp [OPTIONS] SOURCE DESTINATION

  --jobs NUMBER  how many parts are on their way at one time [default: 8]
  --verify       read both files again and compare them
  --sync         wait until the copy is on its device
  -h, --help     say this

Ctrl-C leaves the destination as it was.";

pub(crate) struct Options {
    pub(crate) source: PathBuf,
    pub(crate) destination: PathBuf,
    pub(crate) jobs: usize,
    pub(crate) verify: bool,
    pub(crate) sync: bool,
}

impl Options {
    /// Reads the command line; `None` when help is wanted.
    pub(crate) fn from_command_line() -> Result<Option<Options>, lexopt::Error> {
        use lexopt::prelude::*;
        let (mut source, mut destination) = (None, None);
        let (mut jobs, mut verify, mut sync) = (8, false, false);
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("jobs") => jobs = arguments.value()?.parse()?,
                Long("verify") => verify = true,
                Long("sync") => sync = true,
                Value(path) if source.is_none() => source = Some(PathBuf::from(path)),
                Value(path) if destination.is_none() => destination = Some(PathBuf::from(path)),
                Short('h') | Long("help") => return Ok(None),
                other => return Err(other.unexpected()),
            }
        }
        let source = source.ok_or("a source is needed")?;
        let destination = destination.ok_or("a destination is needed")?;
        Ok(Some(Options { source, destination, jobs: jobs.max(1), verify, sync }))
    }
}
