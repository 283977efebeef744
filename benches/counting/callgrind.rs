//! Runs this program again under valgrind and reads what it counted.

use std::process::Command;

use super::count::Count;
use crate::loops::{Loop, Part};

/// What one round of `path` costs; the set-up falls out of the difference of two runs.
pub(crate) fn measure(path: &Loop) -> Result<Count, String> {
    let (short, long) = (path.rounds, 2 * path.rounds);
    let instructions = instructions(path, long)?.saturating_sub(instructions(path, short)?);
    // One run before, so that what the process allocates only once is there.
    (path.run)(short);
    let allocations = (path.run)(long).allocations.saturating_sub((path.run)(short).allocations);
    let a_round = |count: u64| count as f64 / path.rounds as f64;
    Ok(Count {
        instructions: (a_round(instructions) * 10.0).round() / 10.0,
        allocations: (a_round(allocations) * 100.0).round() / 100.0,
    })
}

fn instructions(path: &Loop, rounds: u64) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| format!("this program: {error}"))?;
    // A run takes a few seconds; one that stands still must not hold CI up.
    let mut command = Command::new("timeout");
    command.args(["120", "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    if path.part == Part::Marked {
        command.arg("--toggle-collect=annulus_counted");
    }
    command.arg(program).args(["run", path.name, &rounds.to_string()]);
    let output = command.output().map_err(|error| format!("valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{} under valgrind: {}\n{said}", path.name, output.status));
    }
    collected(&said).ok_or_else(|| format!("valgrind said no count:\n{said}"))
}

/// The count in a line like `==17== Collected : 123456`.
fn collected(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}
