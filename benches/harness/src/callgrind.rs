//! callgrind: what a server's exchanges cost in instructions of user space, and in which functions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Error;
use crate::load::{Exchange, connect, counted};
use crate::patience::output_within;
use crate::process::{Launch, Server};
use crate::workload::served;

/// Instructions by the file that the code stands in and by the function that it was compiled into,
/// which is another one where it was inlined.
pub type Functions = BTreeMap<(String, String), u64>;

/// The instructions of `count` exchanges over `connections`: what callgrind has counted between two
/// dumps of its profile, which it is asked for from outside.
pub fn count(
    program: &Path,
    launch: &Launch,
    exchange: &Exchange,
    connections: usize,
    count: u64,
) -> Result<Profile, Error> {
    let mut profile = Profile::new();
    let mut launch = launch.clone();
    let file = format!("--callgrind-out-file={}", profile.path.display());
    launch.under = vec!["valgrind".into(), "--tool=callgrind".into(), file];
    let mut server = Server::start(program, &launch)?;
    let outcome = connect(server.port, connections, exchange).and_then(|streams| {
        // The first exchanges of a connection are dearer: its buffers are made.
        counted(&streams, exchange, count / 4)?;
        profile.dump(&server, 1)?;
        profile.requests = counted(&streams, exchange, count)?;
        profile.dump(&server, 2)
    });
    profile.instructions = outcome.map_err(|error| served::why(error, &mut server))?;
    Ok(profile)
}

/// What callgrind has counted, and where it writes, one file a dump; they are removed in the end.
#[derive(Debug)]
pub struct Profile {
    path: PathBuf,
    pub instructions: u64,
    pub requests: u64,
}

impl Profile {
    fn new() -> Self {
        let name = format!("annulus-bench-{}.callgrind", std::process::id());
        Profile { path: std::env::temp_dir().join(name), instructions: 0, requests: 0 }
    }

    fn file(&self, number: usize) -> PathBuf {
        self.path.with_extension(format!("callgrind.{number}"))
    }

    /// Has callgrind write down what it has counted since the last time; that many instructions.
    fn dump(&self, server: &Server, number: usize) -> Result<u64, Error> {
        let mut vgdb = Command::new("vgdb");
        vgdb.arg(format!("--pid={}", server.pid())).arg("dump");
        let output = output_within(vgdb, Duration::from_secs(20))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("callgrind cannot be asked: {}", said.trim()).into());
        }
        let text = std::fs::read_to_string(self.file(number))?;
        parse_totals(&text).ok_or_else(|| "callgrind did not say what it counted".into())
    }

    /// The functions in which the instructions were spent.
    pub fn functions(&self) -> Result<Functions, Error> {
        let functions = parse_functions(&std::fs::read_to_string(self.file(2))?);
        if functions.is_empty() {
            return Err("callgrind named no functions".into());
        }
        Ok(functions)
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        for number in 1..=2 {
            let _ = std::fs::remove_file(self.file(number));
        }
    }
}

fn parse_totals(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("totals: "))?.trim().parse().ok()
}

/// Reads the profile's own format: `fl=`, `fi=` and `fe=` name the file and `fn=` the function of the
/// cost lines that follow, as `(number) name` at first and by the number alone afterwards, which is also
/// given by the lines of calls (`cfn=`, `cfi=`). The line after `calls=` is the cost of the callee.
fn parse_functions(text: &str) -> Functions {
    let (mut files, mut names) = (Names::default(), Names::default());
    let (mut file, mut function) = (String::new(), String::new());
    let mut functions = Functions::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        match line.split_once('=') {
            Some(("fl" | "fi" | "fe", name)) => file = short(&files.resolve(name)),
            Some(("fn", name)) => function = names.resolve(name),
            Some(("cfl" | "cfi", name)) => drop(files.resolve(name)),
            Some(("cfn", name)) => drop(names.resolve(name)),
            Some(("calls", _)) => drop(lines.next()),
            Some(_) => {}
            None => {
                let Some((place, count)) = line.split_once(' ') else { continue };
                let is_place = place
                    .starts_with(|first: char| "+-*".contains(first) || first.is_ascii_digit());
                if let (true, Ok(count)) = (is_place, count.trim().parse::<u64>()) {
                    *functions.entry((file.clone(), function.clone())).or_default() += count;
                }
            }
        }
    }
    functions
}

/// Names that are given once and then by their numbers.
#[derive(Debug, Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    fn resolve(&mut self, text: &str) -> String {
        let Some((number, name)) = text.split_once(')') else { return text.to_owned() };
        if !name.trim().is_empty() {
            self.0.insert(number.to_owned(), name.trim().to_owned());
        }
        self.0.get(number).cloned().unwrap_or_default()
    }
}

/// A path below its crate or the standard library, without where these are on this machine.
fn short(path: &str) -> String {
    for (mark, head) in [("/library/", "std: "), ("/src/index.crates.io", "")] {
        if let Some((_, rest)) = path.split_once(mark) {
            let rest = if head.is_empty() {
                rest.split_once('/').map_or(rest, |(_, rest)| rest)
            } else {
                rest
            };
            return format!("{head}{rest}");
        }
    }
    let parts: Vec<&str> = path.split('/').collect();
    let from = parts.iter().position(|part| *part == "benches" || *part == "src").unwrap_or(0);
    parts[from..].join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_callgrind_says_is_read() {
        let text = "summary: 123456\n\nfn=(1) main\n1 7\ntotals: 123456\n";
        assert_eq!(parse_totals(text), Some(123_456));
    }

    #[test]
    fn functions_are_read_and_their_paths_are_short() {
        let text = "positions: line\nevents: Ir\nfl=(1) /home/a/annulus/src/driver/turn.rs\n\
            fn=(1) annulus::turn\n10 1000\n+3 234\n\
            fi=(2) /rustc/0123/library/core/src/mem/mod.rs\n5 200\n\
            cfi=(3) /c/registry/src/index.crates.io-1/io-uring-0.7.15/src/squeue.rs\n\
            cfn=(2) push\ncalls=7 1\n* 30\n\nfl=(3)\nfn=(2)\n1 20\n* 10\n\ntotals: 1464\n";
        let functions = parse_functions(text);
        let found = |file: &str, function: &str| {
            functions.get(&(file.to_owned(), function.to_owned())).copied()
        };
        assert_eq!(found("src/driver/turn.rs", "annulus::turn"), Some(1234));
        assert_eq!(found("std: core/src/mem/mod.rs", "annulus::turn"), Some(200));
        assert_eq!(found("io-uring-0.7.15/src/squeue.rs", "push"), Some(30));
        assert_eq!(functions.len(), 3);
    }
}
