//! Tasks, wakes, timers, channels and blocking work: what a runtime does between the system calls.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::{Cell, Entrant, Workload, once};
use crate::Error;
use crate::options::Options;
use crate::process::Launch;
use crate::results::{Better, Metric, Results, Sample};
use crate::targets::{self, Target};

/// Each cell is one job, which a contender measures itself.
#[derive(Debug, Default)]
pub struct Tasks {
    /// Instructions of each operation, by cell and contender: counted once, for they do not vary.
    instructions: Mutex<BTreeMap<(String, &'static str), Option<f64>>>,
}

/// One kind of job.
#[derive(Debug)]
struct Kind {
    id: &'static str,
    title: &'static str,
    work: &'static str,
    /// Operations; in a quick run a tenth of them, unless they are few.
    operations: u64,
    /// Operations under callgrind; none where threads or the clock decide what is run.
    counted: u64,
    parameters: &'static [(&'static str, &'static str)],
    goal: Goal,
}

/// What ours is held against.
#[derive(Debug)]
enum Goal {
    None,
    AtMost(f64),
    OfTokio(f64),
    /// Nanoseconds above the raw ring's.
    AboveRing(f64),
    /// This share of the raw ring's.
    OfRing(f64),
    Bytes(f64),
}

impl Kind {
    const fn new(id: &'static str, title: &'static str, work: &'static str, goal: Goal) -> Kind {
        Kind { id, title, work, operations: 0, counted: 0, parameters: &[], goal }
    }

    const fn runs(mut self, operations: u64, counted: u64) -> Kind {
        (self.operations, self.counted) = (operations, counted);
        self
    }

    const fn with(mut self, parameters: &'static [(&'static str, &'static str)]) -> Kind {
        self.parameters = parameters;
        self
    }
}

const KINDS: &[Kind] = &[
    Kind::new("spawn", "spawn and join, all at once", "spawn", Goal::AtMost(60.0))
        .runs(1_000_000, 20_000),
    Kind::new(
        "spawn-await",
        "spawn and join, one after another",
        "spawn-await",
        Goal::OfTokio(0.5),
    )
    .runs(300_000, 20_000),
    Kind::new("yield", "a task that is alone yields", "yield", Goal::OfTokio(1.0))
        .runs(300_000, 20_000),
    Kind::new("wake", "wake and poll, two tasks in turn", "wake", Goal::AtMost(12.0))
        .runs(2_000_000, 20_000),
    Kind::new("wake-across", "a wake from another thread", "wake-across", Goal::OfRing(1.1))
        .runs(1_000, 0),
    Kind::new(
        "ping-pong",
        "channels: a message there and one back",
        "ping-pong",
        Goal::OfTokio(0.5),
    )
    .runs(200_000, 20_000),
    Kind::new("semaphore", "acquire and release a free permit", "semaphore", Goal::OfTokio(0.5))
        .runs(1_000_000, 20_000),
    Kind::new("timer-register", "timers: arm a million", "timers", Goal::AtMost(40.0))
        .runs(1_000_000, 20_000)
        .with(&[("phase", "register")]),
    Kind::new("timer-cancel", "timers: drop a million that stand", "timers", Goal::AtMost(20.0))
        .runs(1_000_000, 0)
        .with(&[("phase", "cancel")]),
    Kind::new(
        "timer-drop",
        "timers: arm and drop, a million standing",
        "timers",
        Goal::AtMost(30.0),
    )
    .runs(1_000_000, 0)
    .with(&[("phase", "drop")]),
    Kind::new("lateness", "a sleep of 1 to 3 ms ends late by", "lateness", Goal::AtMost(30_000.0))
        .runs(200, 0),
    Kind::new("blocking-1", "blocking work, one at a time", "blocking", Goal::AtMost(9_800.0))
        .runs(20_000, 0)
        .with(&[("batch", "1")]),
    Kind::new("blocking-100", "blocking work, 100 at a time", "blocking", Goal::AtMost(600.0))
        .runs(40_000, 0)
        .with(&[("batch", "100")]),
    Kind::new("bytes", "memory of a task that waits", "task-bytes", Goal::Bytes(112.0))
        .runs(1 << 17, 0),
    Kind::new("nop-1", "a no-op of the ring, alone", "nops", Goal::None)
        .runs(300_000, 20_000)
        .with(&[("tasks", "1")]),
    Kind::new("nop-256", "a no-op of the ring, 256 tasks", "nops", Goal::AboveRing(15.0))
        .runs(1_000_192, 25_600)
        .with(&[("tasks", "256")]),
];

/// Whose instructions are counted: a count takes seconds.
const COUNTED: [&str; 3] = ["annulus", "tokio", "raw-uring"];

fn kind(cell: &str) -> &'static Kind {
    KINDS.iter().find(|kind| kind.id == cell).expect("the workload's own cell")
}

impl Workload for Tasks {
    fn name(&self) -> &'static str {
        "tasks"
    }

    fn title(&self) -> &'static str {
        "Tasks, timers, threads"
    }

    fn about(&self) -> &'static str {
        "What a runtime does between its system calls, measured by the contenders themselves, each \
         job once unmeasured before. Channels and semaphores are the runtime's own, or the ones \
         that its users take (`async-channel`). Instructions are those of user space, by callgrind, \
         as the difference of two runs; annulus, tokio and the raw ring are counted. Lateness and \
         the wake from another thread are medians of many. Memory is what the allocator has in use. \
         Blocking work is not bound to a core, everything else is."
    }

    fn metrics(&self) -> Vec<Metric> {
        vec![
            Metric::new("ns", "time", "ns each", Better::Less),
            Metric::new("cpu_ns", "CPU, all threads", "ns each", Better::Less),
            Metric::new("instructions", "user instructions", "each", Better::Less),
            Metric::new("allocations", "allocations", "each", Better::Less),
            Metric::new("bytes", "memory", "bytes each", Better::Less),
        ]
    }

    fn cells(&self, _: &Options) -> Vec<Cell> {
        KINDS.iter().map(|kind| Cell::new(kind.id, kind.title)).collect()
    }

    fn work(&self, cell: &Cell) -> &'static str {
        kind(&cell.id).work
    }

    fn measure(&self, cell: &Cell, entrant: &Entrant, options: &Options) -> Result<Sample, Error> {
        let kind = kind(&cell.id);
        let operations = operations(kind, options);
        let launch = launch(kind, entrant, options).with("operations", operations);
        let mut sample = once::sample(&once::run(entrant, &launch)?);
        if let Some(count) = self.instructions(kind, entrant, options) {
            sample.insert("instructions".into(), count);
        }
        Ok(sample)
    }

    fn targets(&self, results: &Results) -> Vec<Target> {
        let Some(workload) = results.workload(self.name()) else { return Vec::new() };
        let cells = workload.cells.iter().filter(|cell| cell.entry("annulus").is_some());
        cells.filter_map(target).collect()
    }
}

fn operations(kind: &Kind, options: &Options) -> u64 {
    // Memory is counted with a power of two of tasks, so that tables which double are full.
    let fewer = options.quick && kind.operations > 10_000 && !matches!(kind.goal, Goal::Bytes(_));
    if fewer { kind.operations / 10 } else { kind.operations }
}

fn launch(kind: &Kind, entrant: &Entrant, options: &Options) -> Launch {
    let mut launch = Launch::new(kind.work, &entrant.form);
    if kind.work != "blocking" {
        launch = launch.with("core", options.server_core);
    }
    if kind.work == "wake-across" {
        launch = launch.with("other", options.load_core);
    }
    kind.parameters.iter().fold(launch, |launch, (key, value)| launch.with(key, value))
}

impl Tasks {
    fn instructions(&self, kind: &Kind, entrant: &Entrant, options: &Options) -> Option<f64> {
        let name = entrant.contender.name;
        if kind.counted == 0 || !COUNTED.contains(&name) || options.quick {
            return None;
        }
        let mut known = self.instructions.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry((kind.id.to_owned(), name)).or_insert_with(|| {
            let launch = launch(kind, entrant, options).with("warm", 0);
            once::instructions(entrant, &launch, kind.counted).ok()
        })
    }
}

fn target(cell: &crate::results::CellResults) -> Option<Target> {
    let what = "tasks";
    match kind(&cell.id).goal {
        Goal::None => None,
        Goal::AtMost(limit) => targets::at_most(cell, what, "ns", limit, &format!("≤ {limit} ns")),
        Goal::OfTokio(factor) => targets::of_peer(cell, what, "ns", "tokio", factor),
        Goal::AboveRing(extra) => {
            let words = format!("≤ the raw ring's + {extra} ns");
            let row = Target::of(cell, what, "ns", &words);
            let raw = row.raw_ring;
            Some(row.decide(|ours, raw| ours <= raw + extra, raw))
        }
        Goal::OfRing(factor) => {
            let row = Target::of(cell, what, "ns", &format!("≤ {factor} × the raw ring's"));
            let raw = row.raw_ring;
            Some(row.decide(|ours, raw| ours <= raw * factor, raw))
        }
        Goal::Bytes(limit) => {
            targets::at_most(cell, what, "bytes", limit, &format!("≤ {limit} bytes"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{CellResults, Entry};

    fn cell(id: &str, figures: &[(&str, f64)]) -> CellResults {
        let entry = |&(contender, ns): &(&str, f64)| Entry {
            contender: contender.into(),
            form: "own".into(),
            command: None,
            samples: vec![Sample::from([("ns".to_owned(), ns)])],
            failures: Vec::new(),
        };
        let entries = figures.iter().map(entry).collect();
        CellResults { id: id.into(), title: id.into(), group: String::new(), x: None, entries }
    }

    fn met(id: &str, figures: &[(&str, f64)]) -> Option<bool> {
        target(&cell(id, figures)).expect("a target").met
    }

    #[test]
    fn targets_are_held_against_a_number_tokio_or_the_ring() {
        assert_eq!(met("wake", &[("annulus", 12.0)]), Some(true));
        assert_eq!(met("wake", &[("annulus", 12.1)]), Some(false));
        assert_eq!(met("semaphore", &[("annulus", 5.0), ("tokio", 10.0)]), Some(true));
        assert_eq!(met("semaphore", &[("annulus", 5.1), ("tokio", 10.0)]), Some(false));
        assert_eq!(met("semaphore", &[("annulus", 5.0)]), None);
        assert_eq!(met("nop-256", &[("annulus", 81.0), ("raw-uring", 66.0)]), Some(true));
        assert_eq!(met("nop-256", &[("annulus", 82.0), ("raw-uring", 66.0)]), Some(false));
        assert_eq!(met("wake-across", &[("annulus", 110.0), ("raw-uring", 100.0)]), Some(true));
        assert_eq!(met("wake-across", &[("annulus", 111.0), ("raw-uring", 100.0)]), Some(false));
    }

    #[test]
    fn a_quick_run_does_a_tenth_but_keeps_what_is_few() {
        let quick = Options { quick: true, ..Options::default() };
        assert_eq!(operations(kind("spawn"), &quick), 100_000);
        assert_eq!(operations(kind("lateness"), &quick), 200);
        assert_eq!(operations(kind("bytes"), &quick), 1 << 17);
        assert_eq!(operations(kind("spawn"), &Options::default()), 1_000_000);
    }
}
