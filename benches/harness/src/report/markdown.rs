//! The page.

use std::fmt::Write as _;

use super::plots::Plot;
use super::standings::{Place, standings};
use crate::results::{CellResults, Entry, Metric, Results, WorkloadResults};
use crate::stats::{Spread, readable};
use crate::targets::Target;

/// Adds a line; a string takes everything.
macro_rules! line {
    ($page:expr $(, $($part:tt)+)?) => {
        { writeln!($page $(, $($part)+)?).expect("a string takes everything"); }
    };
}

const HOW_TO_READ: &str = "\
Each contender is a program of its own, pinned to one core, and serves the same work; the load \
generator has another core and this machine's loopback network between. Contenders take turns (A B \
C, B C A, …), so that what changes on the machine meanwhile changes for all. A figure is the median \
of the rounds, with the least and the greatest in brackets.\n\n\
**Server CPU per request** is the figure to compare: the time that the server's core was busy, in \
user space and in the kernel, for one request. It counts what a machine can do with a core, whatever \
the load generator does. Requests per second depend on both; where the load generator was busy all \
the time, it was the limit. The loopback network alone costs about 4 µs of each request, the same \
for everyone: what a runtime can win or lose is the rest, hence the rows of `raw-uring` and \
`raw-epoll`, hand-written loops without tasks or futures, which are the limits of the two techniques.\n\n\
`× tokio` and `× raw ring` are ratios of the first figure to theirs, round by round, with the least \
and the greatest: below 1 is cheaper than they are, where less is better. The part of user space is sampled by the kernel at its clock's ticks and \
is good to a few hundredths; the sum is exact.";

/// The whole page.
pub fn page(results: &Results, targets: &[Target], plots: &[Plot]) -> String {
    let mut page = String::new();
    line!(page, "# annulus and its peers, measured side by side\n");
    in_short(&mut page, results, targets);
    line!(page, "{HOW_TO_READ}\n");
    machine(&mut page, results);
    contenders(&mut page, results);
    summary(&mut page, results);
    target_table(&mut page, targets);
    for workload in &results.workloads {
        section(&mut page, workload, plots);
    }
    if !results.notes.is_empty() {
        line!(page, "## Notes\n");
        results.notes.iter().for_each(|note| line!(page, "- {note}"));
    }
    page
}

fn in_short(page: &mut String, results: &Results, targets: &[Target]) {
    let all: Vec<_> = results.workloads.iter().flat_map(standings).collect();
    let ahead = all.iter().filter(|standing| matches!(standing.place, Place::Ahead { .. })).count();
    let level = all.iter().filter(|standing| matches!(standing.place, Place::Level { .. })).count();
    let (met, told) = counts(targets);
    line!(
        page,
        "In short: of {} cells annulus is ahead of every peer in {ahead}, level with the best in \
         {level}, and behind in {}. {met} of {told} targets are met; {} could not be told. What each of \
         these is, and what was lost, is below.\n",
        all.len(),
        all.len() - ahead - level,
        targets.len() - told
    );
}

/// Targets that are met, and those of which it can be told.
fn counts(targets: &[Target]) -> (usize, usize) {
    let met = targets.iter().filter(|target| target.met == Some(true)).count();
    (met, targets.iter().filter(|target| target.met.is_some()).count())
}

fn machine(page: &mut String, results: &Results) {
    let machine = &results.machine;
    line!(page, "## Where and how\n");
    line!(page, "| | |\n|---|---|");
    line!(page, "| date | {} UTC |", results.date);
    line!(page, "| command | `{}` |", results.command);
    line!(page, "| library | {} |", machine.commit);
    let kind = if machine.hypervisor { "virtual machine, " } else { "" };
    let (processor, memory) = (&machine.processor, machine.memory_gib);
    line!(page, "| machine | {kind}{processor}, {} cores, {memory:.1} GiB |", machine.cores);
    line!(page, "| kernel | Linux {} |", machine.kernel);
    line!(page, "| compiler | {} |", machine.rustc);
    let mitigations =
        if machine.mitigations.is_empty() { "none".into() } else { machine.mitigations.join("; ") };
    line!(page, "| mitigations in the kernel | {mitigations} |");
    if !machine.tools.is_empty() {
        line!(page, "| tools | {} |", machine.tools.join("; "));
    }
    line!(page, "| load before | {:.2} |", machine.load_before);
    line!(page, "| rounds, seconds each | {}, {} |", results.rounds, results.seconds);
    let each: Vec<String> = results
        .workloads
        .iter()
        .map(|workload| format!("{} {:.0}", workload.name, workload.took_seconds))
        .collect();
    line!(page, "| took | {:.0} s ({}) |\n", results.took_seconds, each.join(", "));
    if machine.load_before > 0.5 {
        line!(
            page,
            "**Other programs were running ({:.2} at the beginning): times are noise, counts are \
             not.**\n",
            machine.load_before
        );
    }
}

fn contenders(page: &mut String, results: &Results) {
    line!(page, "## Contenders\n\n| | version | |\n|---|---|---|");
    for contender in &results.contenders {
        let version = contender.version.as_deref().unwrap_or("–");
        match &contender.failure {
            None => line!(page, "| {} | {version} | {} |", contender.name, contender.about),
            Some(failure) => {
                let failure = failure.replace('|', "\\|");
                line!(page, "| {} | {version} | **not measured:** {failure} |", contender.name);
            }
        }
    }
    line!(page);
}

fn summary(page: &mut String, results: &Results) {
    line!(page, "## annulus against the best peer\n");
    line!(
        page,
        "By the first figure of each section below. The two hand-written loops are no peers, \
         nor are plain calls, in which a thread can do nothing else; pools of threads, `cp` and `fio` \
         count as peers where files are concerned. Level is \
         where fewer than four of five rounds went one way; the figure is the medians' all the same.\n"
    );
    line!(page, "| | ahead | level | behind |\n|---|---|---|---|");
    for workload in &results.workloads {
        let (mut ahead, mut level, mut behind) = (Vec::new(), Vec::new(), Vec::new());
        let standings = standings(workload);
        for standing in &standings {
            let cell = &standing.cell;
            match &standing.place {
                Place::Ahead { peer, by } => {
                    ahead.push(format!("{cell} (of {peer} by {:.1} %)", by * 100.0));
                }
                Place::Level { peer, by } => {
                    level.push(format!("{cell} ({peer}, {:+.1} %)", by * 100.0));
                }
                Place::Behind { peer, by } => {
                    behind.push(format!("{cell} (**{peer}** by {:.1} %)", by * 100.0));
                }
                Place::Missing => behind.push(format!("{cell} (not measured)")),
            }
        }
        if !standings.is_empty() {
            let [ahead, level, behind] = [ahead, level, behind].map(|cells| cells.join("<br>"));
            line!(page, "| {} | {ahead} | {level} | {behind} |", workload.title);
        }
    }
    line!(page);
}

fn target_table(page: &mut String, targets: &[Target]) {
    if targets.is_empty() {
        return;
    }
    let (met, told) = counts(targets);
    line!(
        page,
        "## Targets\n\n{met} of {told} are met; of {} others there is no figure in this run. Less is \
         better in every row. The best peer is a runtime; the raw ring's figure is that of the same \
         form as ours.\n",
        targets.len() - told
    );
    line!(page, "| | target | annulus | best peer | tokio | raw ring | |");
    line!(page, "|---|---|---:|---:|---:|---:|---|");
    for target in targets {
        let figure = |value: Option<f64>| value.map_or_else(|| "–".into(), readable);
        let peer = match &target.best_peer {
            Some((name, value)) => format!("{} ({name})", readable(*value)),
            None => "–".into(),
        };
        let met = match target.met {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "not measured",
        };
        line!(
            page,
            "| {}{} | {} | {} | {peer} | {} | {} | {met} |",
            target.what,
            if target.unit.is_empty() { String::new() } else { format!(" [{}]", target.unit) },
            target.target,
            figure(target.ours),
            figure(target.tokio),
            figure(target.raw_ring)
        );
    }
    line!(page);
}

fn section(page: &mut String, workload: &WorkloadResults, plots: &[Plot]) {
    line!(page, "## {}\n\n{}\n", workload.title, workload.about);
    line!(page, "Again: `annulus-bench --only {}/`.\n", workload.name);
    for plot in plots.iter().filter(|plot| plot.workload == workload.name) {
        line!(page, "![{}]({})\n", plot.title, plot.file);
    }
    for cell in &workload.cells {
        line!(page, "### {}\n", cell.title);
        if cell.entries.is_empty() {
            line!(page, "No contender offers this work.\n");
            continue;
        }
        table(page, cell, &workload.metrics);
        failures(page, cell);
    }
    commands(page, workload);
}

/// How each row was run.
fn commands(page: &mut String, workload: &WorkloadResults) {
    let entries = workload.cells.iter().flat_map(|cell| &cell.entries);
    let mut commands: Vec<&str> = entries.filter_map(|entry| entry.command.as_deref()).collect();
    commands.dedup();
    if !commands.is_empty() {
        line!(page, "<details><summary>Command lines</summary>\n\n```text");
        commands.iter().for_each(|command| line!(page, "{command}"));
        line!(page, "```\n\n</details>\n");
    }
}

fn table(page: &mut String, cell: &CellResults, metrics: &[Metric]) {
    let Some((first, others)) = metrics.split_first() else { return };
    let head = |metric: &Metric| format!("{}, {}", metric.title, metric.unit);
    let other_heads: Vec<String> = others.iter().map(head).collect();
    let first_head = head(first);
    line!(page, "| | {first_head} | × tokio | × raw ring | {} |", other_heads.join(" | "));
    line!(page, "|---|---:|---:|---:{}|", "|---:".repeat(others.len()));
    for entry in &cell.entries {
        let ours = entry.spread(&first.key);
        let [tokio, raw] = ["tokio", "raw-uring"]
            .map(|base| cell.entry(base).and_then(|base| entry.ratio(base, &first.key)));
        let numbers: Vec<String> =
            others.iter().map(|metric| number(entry.spread(&metric.key))).collect();
        line!(
            page,
            "| {} | {} | {} | {} | {} |",
            name(entry),
            spread(ours),
            ratio(tokio),
            ratio(raw),
            numbers.join(" | ")
        );
    }
    line!(page);
}

fn name(entry: &Entry) -> String {
    let name = entry.name();
    if entry.contender == "annulus" { format!("**{name}**") } else { name }
}

/// A median with its ends.
fn spread(spread: Option<Spread>) -> String {
    spread.map_or_else(
        || "–".into(),
        |spread| {
            let [median, min, max] = [spread.median, spread.min, spread.max].map(readable);
            format!("**{median}** ({min}–{max})")
        },
    )
}

fn number(spread: Option<Spread>) -> String {
    spread.map_or_else(|| "–".into(), |spread| readable(spread.median))
}

fn ratio(spread: Option<Spread>) -> String {
    spread.map_or_else(
        || "–".into(),
        |Spread { median, min, max }| format!("{median:.2} ({min:.2}–{max:.2})"),
    )
}

/// What went wrong, each reason once.
fn failures(page: &mut String, cell: &CellResults) {
    for entry in &cell.entries {
        let mut reasons = entry.failures.clone();
        reasons.sort();
        reasons.dedup();
        for reason in &reasons {
            let count = entry.failures.iter().filter(|failure| *failure == reason).count();
            line!(page, "- {}, {count} of its measurements: {reason}", entry.name());
        }
    }
    if cell.entries.iter().any(|entry| !entry.failures.is_empty()) {
        line!(page);
    }
}

#[cfg(test)]
mod tests;
