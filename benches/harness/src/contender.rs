//! The contenders: what they are, building them, and asking what they can do.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::protocol::{self, Line, Work};
use crate::results::ContenderReport;
use crate::{Error, patience};

/// A contender before it is built.
#[derive(Debug, Clone, Copy)]
pub struct Contestant {
    pub name: &'static str,
    /// The crate whose version the report names.
    pub crate_name: Option<&'static str>,
    pub about: &'static str,
}

/// All contenders, in the order in which the report lists them.
pub const CONTESTANTS: &[Contestant] = &[
    Contestant {
        name: "annulus",
        crate_name: Some("annulus"),
        about: "this library, one loop with its default settings",
    },
    Contestant {
        name: "raw-uring",
        crate_name: Some("io-uring"),
        about: "a hand-written io_uring loop: what a completion runtime can reach at best",
    },
    Contestant {
        name: "raw-epoll",
        crate_name: None,
        about: "a hand-written loop of epoll_wait, recv and send: the limit of readiness",
    },
    Contestant {
        name: "std",
        crate_name: None,
        about: "files by plain system calls, by pools of threads, and by `fio` and `cp`",
    },
    Contestant {
        name: "tokio",
        crate_name: Some("tokio"),
        about: "the current-thread runtime, on epoll",
    },
    Contestant {
        name: "compio",
        crate_name: Some("compio"),
        about: "owned buffers on io_uring, its ring set up as its documentation advises",
    },
    Contestant { name: "monoio", crate_name: Some("monoio"), about: "owned buffers on io_uring" },
    Contestant {
        name: "glommio",
        crate_name: Some("glommio"),
        about: "a thread-per-core runtime on io_uring",
    },
    Contestant {
        name: "tokio-uring",
        crate_name: Some("tokio-uring"),
        about: "a ring below tokio's current-thread runtime",
    },
    Contestant {
        name: "smol",
        crate_name: Some("smol"),
        about: "small crates on epoll, its local executor",
    },
    Contestant {
        name: "kimojio",
        crate_name: Some("kimojio"),
        about: "a thread-per-core runtime on io_uring, made for latency",
    },
];

/// The hand-written loops: one says what the machine's capacity is, the other what sockets take.
pub const YARDSTICKS: [&str; 2] = ["raw-uring", "raw-epoll"];

/// A contender that is built, with what it can do.
#[derive(Debug, Clone)]
pub struct Contender {
    pub name: &'static str,
    pub program: PathBuf,
    pub works: Vec<Work>,
}

impl Contender {
    pub fn work(&self, name: &str) -> Option<&Work> {
        self.works.iter().find(|work| work.name == name)
    }
}

/// Builds one contender, and says how that went for the report; `None` beside a report of failure.
pub fn build(contestant: &Contestant, compiles: bool) -> (Option<Contender>, ContenderReport) {
    let mut report = ContenderReport {
        name: contestant.name.into(),
        about: contestant.about.into(),
        version: contestant.crate_name.and_then(version),
        failure: None,
    };
    let built = program(contestant.name, compiles).and_then(|program| {
        let works = list(&program)?;
        Ok(Contender { name: contestant.name, program, works })
    });
    match built {
        Ok(contender) => (Some(contender), report),
        Err(error) => {
            report.failure = Some(error.to_string());
            (None, report)
        }
    }
}

/// Where the contenders' workspace is.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../contenders")
}

/// The contenders are built below the target directory that this program was built in, so that one
/// `cargo clean` takes everything.
fn target_directory() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let found = program.ancestors().find(|path| path.join("CACHEDIR.TAG").is_file());
    found.map_or_else(|| workspace().join("target"), |path| path.join("contenders"))
}

/// A contender's program, compiled first if that is asked for.
fn program(name: &str, compiles: bool) -> Result<PathBuf, Error> {
    let package = format!("contender-{name}");
    let target = target_directory();
    let program = target.join("release").join(&package);
    if compiles {
        compile(&package, &target)?;
    } else if !program.is_file() {
        return Err("it has not been built".into());
    }
    Ok(program)
}

/// Not `--locked`: the lock file pins the peers all the same, and a new dependency of the library
/// must not keep every contender from being built.
fn compile(package: &str, target: &Path) -> Result<(), Error> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--release", "--package", package, "--quiet"])
        .arg("--manifest-path")
        .arg(workspace().join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .output()?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(format!("it does not build: {}", essence(&text)).into());
    }
    Ok(())
}

/// The errors of a build, without what led up to them.
fn essence(text: &str) -> String {
    let errors: Vec<&str> = text.lines().filter(|line| line.contains("error")).take(3).collect();
    if errors.is_empty() {
        text.lines().take(3).collect::<Vec<_>>().join("; ")
    } else {
        errors.join("; ")
    }
}

fn list(program: &Path) -> Result<Vec<Work>, Error> {
    let mut command = Command::new(program);
    command.arg("list");
    let output = patience::output_within(command, Duration::from_secs(10))?;
    let mut works = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        match protocol::parse(line)? {
            Line::Work(work) => works.push(work),
            Line::Failed(reason) => return Err(reason.into()),
            other => return Err(format!("asked what it can do, it said {other:?}").into()),
        }
    }
    Ok(works)
}

/// The version of a crate in the contenders' lock file.
fn version(name: &str) -> Option<String> {
    let lock = std::fs::read_to_string(workspace().join("Cargo.lock")).ok()?;
    locked_version(&lock, name)
}

/// Of several versions the newest: the older ones are some contender's own affair.
fn locked_version(lock: &str, name: &str) -> Option<String> {
    let head = format!("name = \"{name}\"\nversion = \"");
    let versions = lock.match_indices(&head).filter_map(|(at, _)| {
        let version = lock[at + head.len()..].split('"').next()?;
        let parts: Vec<u64> = version.split('.').filter_map(|part| part.parse().ok()).collect();
        Some((parts, version.to_owned()))
    });
    versions.max().map(|(_, version)| version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_the_lock_file() {
        let lock = "[[package]]\nname = \"tokio-util\"\nversion = \"0.7.1\"\n\n\
                    [[package]]\nname = \"tokio\"\nversion = \"1.54.1\"\n";
        assert_eq!(locked_version(lock, "tokio").as_deref(), Some("1.54.1"));
        assert_eq!(locked_version(lock, "smol"), None);
        let twice = "name = \"io-uring\"\nversion = \"0.7.16\"\n\
                     name = \"io-uring\"\nversion = \"0.6.4\"\n";
        assert_eq!(locked_version(twice, "io-uring").as_deref(), Some("0.7.16"));
    }

    #[test]
    fn of_a_failed_build_the_errors_are_kept() {
        let text =
            "   Compiling a v1\nerror[E0425]: not found\n  --> a.rs:1\nerror: could not compile";
        assert_eq!(essence(text), "error[E0425]: not found; error: could not compile");
        assert_eq!(essence("killed\n"), "killed");
    }

    #[test]
    fn every_contestant_has_a_package() {
        for contestant in CONTESTANTS {
            let manifest = workspace().join(contestant.name).join("Cargo.toml");
            assert!(manifest.is_file(), "{} has no package", contestant.name);
        }
    }
}
