//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::Error;

pub const HELP: &str = "\
Measures annulus and its peers side by side, and writes a report.

Usage: annulus-bench [run] [OPTIONS]     measure and report
       annulus-bench build [OPTIONS]     build the contenders only
       annulus-bench profile [OPTIONS]   where the instructions of a request go, in
                                         annulus and the raw ring: DIR/profile.md
       annulus-bench list                the workloads, their cells and the contenders
       annulus-bench report FILE.json [--out DIR]
                                         write the report of an earlier run again

  --quick            fewer cells, rounds and seconds: done within ten minutes
  --only WORDS       only these workloads or cells: a list of names or parts of names,
                     such as echo,http/p16
  --contenders LIST  only these contenders, such as annulus,raw-uring,tokio
  --rounds N         how many times each contender is measured in each cell [5; quick: 2]
  --seconds S        how long each measurement takes [0.5; quick: 0.3]
  --out DIR          where the report goes [bench-report]
  --json             print the results as JSON on the standard output as well
  --server-core N    the core of the servers [0]
  --load-core N      the core of the load generator [1]
  --no-build         take the contenders as they were built before
  --quiet            no progress
  -h, --help         say this

The report is DIR/report.md with plots beside it, and DIR/results.json. Nothing else should run on
the machine meanwhile; the report names the load it found.";

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    Run,
    Build,
    Profile,
    List,
    Report(PathBuf),
    Help,
}

/// How to do it.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    pub quick: bool,
    pub only: Vec<String>,
    pub contenders: Vec<String>,
    pub rounds: usize,
    pub measure: Duration,
    /// Before each measurement, unmeasured.
    pub warm_up: Duration,
    pub out: PathBuf,
    pub json: bool,
    pub server_core: usize,
    pub load_core: usize,
    pub build: bool,
    pub quiet: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            quick: false,
            only: Vec::new(),
            contenders: Vec::new(),
            rounds: 5,
            measure: Duration::from_millis(500),
            warm_up: Duration::from_millis(100),
            out: "bench-report".into(),
            json: false,
            server_core: 0,
            load_core: 1,
            build: true,
            quiet: false,
        }
    }
}

impl Options {
    /// Whether a cell is asked for. `workload` alone asks for all of its cells.
    pub fn wants(&self, workload: &str, cell: &str) -> bool {
        let name = format!("{workload}/{cell}");
        self.only.is_empty() || self.only.iter().any(|word| name.contains(word.as_str()))
    }

    pub fn wants_contender(&self, name: &str) -> bool {
        self.contenders.is_empty() || self.contenders.iter().any(|word| word == name)
    }
}

/// Reads the command line without the program's name.
pub fn parse(words: impl IntoIterator<Item = String>) -> Result<(Action, Options), Error> {
    use lexopt::prelude::*;
    let mut options = Options::default();
    let mut action = None;
    let (mut rounds, mut seconds) = (None, None);
    let mut parser = lexopt::Parser::from_args(words);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok((Action::Help, options)),
            Long("quick") => options.quick = true,
            Long("only") => options.only = list(&parser.value()?.string()?),
            Long("contenders") => options.contenders = list(&parser.value()?.string()?),
            Long("rounds") => rounds = Some(parser.value()?.parse::<usize>()?),
            Long("seconds") => seconds = Some(parser.value()?.parse::<f64>()?),
            Long("out") => options.out = parser.value()?.into(),
            Long("json") => options.json = true,
            Long("server-core") => options.server_core = parser.value()?.parse()?,
            Long("load-core") => options.load_core = parser.value()?.parse()?,
            Long("no-build") => options.build = false,
            Long("quiet") => options.quiet = true,
            Value(word) if action.is_none() => {
                action = Some(parse_action(word.string()?, &mut parser)?)
            }
            other => return Err(other.unexpected().into()),
        }
    }
    if options.quick {
        (options.rounds, options.measure) = (2, Duration::from_millis(300));
    }
    if let Some(rounds) = rounds {
        options.rounds = rounds.max(1);
    }
    if let Some(seconds) = seconds {
        if !(0.01..=600.0).contains(&seconds) {
            return Err(format!("--seconds {seconds} is not within 0.01 and 600").into());
        }
        options.measure = Duration::from_secs_f64(seconds);
    }
    Ok((action.unwrap_or(Action::Run), options))
}

fn parse_action(word: String, parser: &mut lexopt::Parser) -> Result<Action, Error> {
    use lexopt::ValueExt;
    match word.as_str() {
        "run" => Ok(Action::Run),
        "build" => Ok(Action::Build),
        "profile" => Ok(Action::Profile),
        "list" => Ok(Action::List),
        "report" => Ok(Action::Report(parser.value()?.string()?.into())),
        _ => Err(format!("there is no `{word}`; try --help").into()),
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<(Action, Options), Error> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn what_is_given_counts_more_than_quick() {
        let (action, options) = parsed("--quick --rounds 7 --seconds 0.5").expect("options");
        assert_eq!(action, Action::Run);
        assert_eq!((options.rounds, options.measure), (7, Duration::from_millis(500)));
        let (_, options) = parsed("run --quick").expect("options");
        assert_eq!((options.rounds, options.measure), (2, Duration::from_millis(300)));
    }

    #[test]
    fn cells_are_asked_for_by_parts_of_their_names() {
        let (_, options) = parsed("--only echo,http/p16").expect("options");
        assert!(options.wants("echo", "64B-32"));
        assert!(options.wants("http", "p16-256"));
        assert!(!options.wants("http", "p1-256"));
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for line in ["--rounds many", "--seconds 0", "--nonsense", "nonsense", "run run"] {
            assert!(parsed(line).is_err(), "{line}");
        }
        assert_eq!(parsed("--help").expect("help").0, Action::Help);
        let (action, _) = parsed("report a.json --out b").expect("a report");
        assert_eq!(action, Action::Report("a.json".into()));
    }
}
