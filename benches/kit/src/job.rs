//! A contender's `main`: what it can do, and one job of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

use crate::{Cost, counters, listener};

/// What a job may end with; a server's never ends well, it is killed.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// One thing that a contender can do.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    name: &'static str,
    /// The ways of doing it that the contender offers, the best first.
    forms: &'static [&'static str],
    run: Run,
}

#[derive(Debug, Clone, Copy)]
enum Run {
    Server(fn(Job, TcpListener) -> Outcome<()>),
    Once(fn(Job) -> Outcome<Results>),
}

impl Work {
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Work that serves connections until it is killed. The listener blocks; a runtime that wants
    /// it otherwise says so.
    pub const fn server(
        name: &'static str,
        forms: &'static [&'static str],
        run: fn(Job, TcpListener) -> Outcome<()>,
    ) -> Work {
        Work { name, forms, run: Run::Server(run) }
    }

    /// Work that measures itself and ends with results.
    pub const fn once(
        name: &'static str,
        forms: &'static [&'static str],
        run: fn(Job) -> Outcome<Results>,
    ) -> Work {
        Work { name, forms, run: Run::Once(run) }
    }
}

/// What the harness asks for: the words of the command line.
#[derive(Debug, Clone, Default)]
pub struct Job {
    words: BTreeMap<String, String>,
}

impl Job {
    fn parse(words: impl IntoIterator<Item = String>) -> Outcome<Job> {
        let mut job = Job::default();
        for word in words {
            let (key, value) =
                word.split_once('=').ok_or_else(|| format!("`{word}` is no key=value"))?;
            job.words.insert(key.to_owned(), value.to_owned());
        }
        Ok(job)
    }

    /// The way of doing the work; one of its forms.
    pub fn form(&self) -> &str {
        self.text("form").unwrap_or_default()
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        self.words.get(key).map(String::as_str)
    }

    /// A number of the command line, or `default` where it is not given.
    ///
    /// # Panics
    ///
    /// If it is no number.
    pub fn number(&self, key: &str, default: u64) -> u64 {
        self.text(key).map_or(default, |text| {
            text.parse().unwrap_or_else(|_| panic!("{key}={text} is no number"))
        })
    }

    /// Bytes of the buffer that each read is given.
    pub fn buffer(&self) -> usize {
        self.number("buffer", 4096) as usize
    }

    /// How many buffers a shared pool has, where there is one: a power of two.
    pub fn buffers(&self) -> u16 {
        self.number("buffers", 1024) as u16
    }

    /// What each read is limited to, where reads are.
    pub fn timeout(&self) -> Option<Duration> {
        self.text("timeout_ms").map(|_| Duration::from_millis(self.number("timeout_ms", 0)))
    }
}

/// What a job measured: names and numbers.
#[derive(Debug, Clone, Default)]
pub struct Results {
    line: String,
}

impl Results {
    pub fn new() -> Self {
        Results::default()
    }

    /// The cost of `operations` of the job.
    pub fn of(operations: u64, cost: Cost) -> Self {
        Results::new()
            .with("operations", operations as f64)
            .with("wall_ns", cost.wall.as_nanos() as f64)
            .with("cpu_ns", cost.cpu.as_nanos() as f64)
            .with("allocations", cost.allocations as f64)
            .with("allocated_bytes", cost.allocated_bytes as f64)
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: f64) -> Self {
        write!(self.line, " {name}={value}").expect("a string takes everything");
        self
    }
}

/// The whole `main` of a contender: says what it can do, or does one job.
pub fn contender(works: &[Work]) -> ExitCode {
    let mut words = std::env::args().skip(1);
    let outcome = match words.next() {
        None => Err("usage: contender list | contender WORK [key=value ...]".into()),
        Some(name) if name == "list" => list(works),
        Some(name) => Job::parse(words).and_then(|job| start(works, &name, job)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = say(&format!("failed {}", error.to_string().replace('\n', " ")));
            ExitCode::FAILURE
        }
    }
}

fn list(works: &[Work]) -> Outcome<()> {
    for work in works {
        let kind = match work.run {
            Run::Server(_) => "server",
            Run::Once(_) => "once",
        };
        say(&format!("work {} kind={kind} forms={}", work.name, work.forms.join(",")))?;
    }
    Ok(())
}

fn start(works: &[Work], name: &str, mut job: Job) -> Outcome<()> {
    let work = works.iter().find(|work| work.name == name);
    let work = work.ok_or_else(|| format!("there is no work `{name}` here"))?;
    let form = job.words.entry("form".into()).or_insert_with(|| work.forms[0].into());
    if !work.forms.contains(&form.as_str()) {
        return Err(format!("`{name}` has no form `{form}`").into());
    }
    listener::end_with_parent();
    listener::raise_descriptor_limit();
    if job.text("core").is_some() {
        listener::pin(job.number("core", 0) as usize)?;
    }
    match work.run {
        Run::Server(run) => {
            crate::http::set_work(job.number("spins", 0));
            let listener = listener::listen()?;
            let port = listener.local_addr()?.port();
            say(&format!("ready port={port} counters={:#x}", counters::address()))?;
            run(job, listener)?;
            Err("the server ended".into())
        }
        Run::Once(run) => {
            let results = run(job)?;
            say(&format!("result{}", results.line))
        }
    }
}

fn say(line: &str) -> Outcome<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_nonsense_is_refused() {
        let words = ["form=stream", "timeout_ms=250", "buffer=16384"].map(String::from);
        let job = Job::parse(words).expect("a job");
        assert_eq!(job.form(), "stream");
        assert_eq!(job.timeout(), Some(Duration::from_millis(250)));
        assert_eq!(job.buffer(), 16_384);
        assert_eq!(job.buffers(), 1024);
        assert_eq!(job.number("depth", 7), 7);
        assert!(Job::parse(["nonsense".to_owned()]).is_err());
    }

    #[test]
    fn a_job_without_a_limit_has_no_timeout() {
        assert_eq!(Job::default().timeout(), None);
    }

    #[test]
    fn results_are_one_line_of_words() {
        let results = Results::new().with("operations", 10.0).with("p50_ns", 1.5);
        assert_eq!(results.line, " operations=10 p50_ns=1.5");
    }
}
