//! A run: builds the contenders, then measures cell by cell, round by round, one contender after
//! the other, so that what changes on the machine meanwhile changes for all.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::Error;
use crate::contender::{self, CONTESTANTS, Contender, Contestant, YARDSTICKS};
use crate::machine::{Machine, utc_now};
use crate::options::Options;
use crate::results::{CellResults, ContenderReport, Entry, Results, WorkloadResults};
use crate::workload::{self, Cell, Entrant, Workload, entrants};
use crate::{process, report};

/// Builds the contenders and says how that went.
pub fn build(options: &Options) -> Result<(), Error> {
    let (_, reports) = build_all(options);
    for report in &reports {
        let version = report.version.as_deref().unwrap_or("");
        match &report.failure {
            None => println!("{:<12} {version:<10} built", report.name),
            Some(failure) => println!("{:<12} {version:<10} {failure}", report.name),
        }
    }
    Ok(())
}

/// Builds who is asked for, and the yardsticks: other workloads' measurements need these, whether
/// they take part themselves or not.
fn build_all(options: &Options) -> (Vec<Contender>, Vec<ContenderReport>) {
    let wanted = |contestant: &Contestant| options.wants_contender(contestant.name);
    let needed: Vec<_> = CONTESTANTS
        .iter()
        .filter(|contestant| wanted(contestant) || YARDSTICKS.contains(&contestant.name))
        .collect();
    let bar = progress(options, needed.len(), "building");
    let (mut contenders, mut reports) = (Vec::new(), Vec::new());
    for contestant in needed {
        bar.set_message(contestant.name);
        let (built, report) = contender::build(contestant, options.build);
        if wanted(contestant) {
            contenders.extend(built);
            reports.push(report);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    (contenders, reports)
}

/// Runs everything that is asked for and writes the report.
pub fn run(options: &Options) -> Result<(), Error> {
    let began = Instant::now();
    let date = utc_now();
    let machine = Machine::look();
    let (contenders, reports) = build_all(options);
    annulus_bench_kit::raise_descriptor_limit();
    annulus_bench_kit::pin(options.load_core)
        .map_err(|error| format!("core {} cannot be had: {error}", options.load_core))?;
    let mut results = Results {
        machine,
        date,
        command: std::env::args().collect::<Vec<_>>().join(" "),
        rounds: options.rounds,
        seconds: options.measure.as_secs_f64(),
        took_seconds: 0.0,
        contenders: reports,
        workloads: Vec::new(),
        notes: Vec::new(),
    };
    let plan = plan(options, &contenders);
    let steps = plan.iter().map(|(workload, cells)| {
        let once: usize = cells.iter().map(|(_, entrants)| entrants.len()).sum();
        once * workload.rounds(options)
    });
    let bar = progress(options, steps.sum(), "measuring");
    for (workload, cells) in &plan {
        let mut measured = describe(workload.as_ref());
        for (cell, entrants) in cells {
            measured.cells.push(measure(workload.as_ref(), cell, entrants, options, &bar));
        }
        results.workloads.push(measured);
    }
    bar.finish_and_clear();
    results.took_seconds = began.elapsed().as_secs_f64();
    report::write(&results, options)
}

/// A workload with its cells, each with who takes part.
type Planned = (Box<dyn Workload>, Vec<(Cell, Vec<Entrant>)>);

fn plan(options: &Options, contenders: &[Contender]) -> Vec<Planned> {
    let mut plan = Vec::new();
    for workload in workload::all() {
        let mut cells = Vec::new();
        for cell in workload.cells(options) {
            if options.wants(workload.name(), &cell.id) {
                let mut who = entrants(workload.work(&cell), workload.all_forms(), contenders);
                who.retain(|entrant| workload.admits(entrant.contender.name));
                cells.push((cell, who));
            }
        }
        if !cells.is_empty() {
            plan.push((workload, cells));
        }
    }
    plan
}

fn describe(workload: &dyn Workload) -> WorkloadResults {
    WorkloadResults {
        name: workload.name().into(),
        title: workload.title().into(),
        about: workload.about().into(),
        metrics: workload.metrics(),
        axis: workload.axis().map(str::to_owned),
        cells: Vec::new(),
    }
}

fn measure(
    workload: &dyn Workload,
    cell: &Cell,
    entrants: &[Entrant],
    options: &Options,
    bar: &ProgressBar,
) -> CellResults {
    let mut entries: Vec<Entry> = entrants
        .iter()
        .map(|entrant| Entry {
            contender: entrant.contender.name.into(),
            form: entrant.form.clone(),
            command: None,
            samples: Vec::new(),
            failures: Vec::new(),
        })
        .collect();
    for round in 0..workload.rounds(options) {
        for (entrant, entry) in entrants.iter().zip(&mut entries) {
            bar.set_message(format!(
                "{}/{} round {}: {}",
                workload.name(),
                cell.id,
                round + 1,
                entrant.contender.name
            ));
            match workload.measure(cell, entrant, options) {
                Ok(sample) => entry.samples.push(sample),
                Err(error) => entry.failures.push(error.to_string()),
            }
            entry.failures.extend(workload.shortfalls());
            entry.command = process::last_command().or(entry.command.take());
            bar.inc(1);
        }
    }
    CellResults {
        id: cell.id.clone(),
        title: cell.title.clone(),
        group: cell.group.clone(),
        x: cell.x,
        entries,
    }
}

/// A bar that is drawn between measurements only: it must not disturb them.
fn progress(options: &Options, steps: usize, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(steps as u64);
    if options.quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template(
        "{prefix} {bar:30} {pos}/{len} {elapsed}, {eta} left {wide_msg}",
    );
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(what);
    bar
}
