//! Counts what the hot paths cost in user space, so that a change of their cost is seen exactly.
//!
//! Time is noisy on a shared machine and instructions are not: the count of one program is the same
//! in every run, but for a few of the allocator's and of the loop's turns. Only instructions of the
//! program itself count, none of the kernel's. `ci/instructions.sh` calls this program:
//!
//! ```text
//! instructions check FILE [PATH…]   measures, compares with FILE, fails where something is slower
//! instructions renew FILE [PATH…]   measures and writes FILE
//! instructions run PATH ROUNDS      runs one path; valgrind is given this
//! ```
//!
//! Without such words it runs each path once, a few rounds long.

mod counting;
#[allow(dead_code, reason = "what only the timing needs")]
mod loops;

use std::process::{Command, ExitCode};

use counting::compare::{Comparison, TABLE_HEAD, Verdict};
use counting::{Baseline, callgrind};
use loops::{LOOPS, Loop};

fn main() -> ExitCode {
    // Cargo adds a word of its own.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["run", name, rounds] => run(name, rounds),
        ["check", file, ref names @ ..] => check(file, names),
        ["renew", file, ref names @ ..] => renew(file, names),
        _ => {
            for path in LOOPS {
                (path.run)(8);
            }
            Ok(true)
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("instructions: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(name: &str, rounds: &str) -> Result<bool, String> {
    let rounds = rounds.parse().map_err(|error| format!("rounds `{rounds}`: {error}"))?;
    (path(name)?.run)(rounds);
    Ok(true)
}

fn path(name: &str) -> Result<&'static Loop, String> {
    loops::named(name).ok_or_else(|| {
        let known: Vec<_> = LOOPS.iter().map(|path| path.name).collect();
        format!("there is no path `{name}`; there are {}", known.join(", "))
    })
}

/// The paths with these names, or all.
fn asked(names: &[&str]) -> Result<Vec<&'static Loop>, String> {
    match names {
        [] => Ok(LOOPS.iter().collect()),
        names => names.iter().map(|name| path(name)).collect(),
    }
}

fn read(file: &str) -> Result<Baseline, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    Baseline::from_text(&text).map_err(|error| format!("{file}: {error}"))
}

fn check(file: &str, names: &[&str]) -> Result<bool, String> {
    let baseline = read(file)?;
    let compiler = compiler()?;
    let mut verdicts = Vec::new();
    println!("{TABLE_HEAD}");
    for path in asked(names)? {
        let comparison = compare(path, &baseline, path.name)?;
        println!("{comparison}");
        verdicts.push(comparison.verdict());
    }
    if names.is_empty() {
        let gone = |name: &str| loops::named(name).is_none();
        for (name, _) in baseline.rows.iter().filter(|(name, _)| gone(name)) {
            println!("{name:20} is in {file}, but is no path any more");
            verdicts.push(Verdict::New);
        }
    }
    // What the check would say if somebody put a box into a path.
    let slowed = compare(&loops::SLOWED, &baseline, "yield")?;
    if slowed.verdict() != Verdict::Slower {
        return Err(format!("a box in each round of `yield` was not seen:\n{slowed}"));
    }
    let has = |verdict| verdicts.contains(&verdict);
    if compiler != baseline.compiler {
        println!(
            "\nThe baseline was counted with another compiler, so this proves nothing:\n  \
             then {}\n  now  {compiler}\n\
             Renew it with `ci/instructions.sh --renew` on unchanged code to compare again.",
            baseline.compiler
        );
        return Ok(true);
    }
    if has(Verdict::Slower) || has(Verdict::New) {
        println!(
            "\nPaths marked SLOWER cost more than {file} allows; those marked NEW, or gone, do not \
             match it.\nWhere that is meant, renew it with `ci/instructions.sh --renew`, commit it \
             with the change, and say why."
        );
        return Ok(false);
    }
    if has(Verdict::Faster) {
        println!("\nSome are faster: `ci/instructions.sh --renew` keeps them so.");
    }
    Ok(true)
}

fn compare(path: &Loop, baseline: &Baseline, like: &str) -> Result<Comparison, String> {
    let now = callgrind::measure(path)?;
    Ok(Comparison { name: path.name.to_owned(), before: baseline.row(like), now })
}

fn renew(file: &str, names: &[&str]) -> Result<bool, String> {
    let old = read(file).ok();
    let compiler = compiler()?;
    let mut baseline = Baseline { compiler, rows: Vec::new() };
    if let Some(old) = old.as_ref().filter(|_| !names.is_empty()) {
        if old.compiler != baseline.compiler {
            return Err(format!("{file} is of another compiler: renew all of it"));
        }
        baseline.rows.clone_from(&old.rows);
    }
    println!("{TABLE_HEAD}");
    for path in asked(names)? {
        let now = callgrind::measure(path)?;
        let before = old.as_ref().and_then(|old| old.row(path.name));
        println!("{}", Comparison { name: path.name.to_owned(), before, now });
        baseline.set(path.name, now);
    }
    std::fs::write(file, baseline.to_text()).map_err(|error| format!("{file}: {error}"))?;
    Ok(true)
}

/// The compiler that cargo uses, in a line.
fn compiler() -> Result<String, String> {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(&rustc).arg("-vV").output();
    let output = output.map_err(|error| format!("{rustc}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    match (said.lines().next(), host) {
        (Some(version), Some(host)) => Ok(format!("{version}, {host}")),
        _ => Err(format!("{rustc} -vV said: {said}")),
    }
}
