//! A run: builds the contenders, then measures cell by cell, round by round, one contender after
//! the other (A B C, B C A, …), so that what changes on the machine meanwhile changes for all.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::Error;
use crate::contender::{self, CONTESTANTS, Contender, Contestant, YARDSTICKS};
use crate::machine::{Machine, utc_now};
use crate::options::Options;
use crate::results::{CellResults, ContenderReport, Entry, ROUND, Results, WorkloadResults};
use crate::workload::{self, Cell, Entrant, Workload, entrants};
use crate::{patience, process, report};

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
    process::keep_to(options.load_core)?;
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
    let mut hung = Hung::default();
    for (workload, cells) in &plan {
        let mut measured = describe(workload.as_ref());
        let began = Instant::now();
        for (cell, entrants) in cells {
            let run = Run { workload: workload.as_ref(), cell, entrants, options, bar: &bar };
            measured.cells.push(run.measure(&mut hung));
        }
        measured.took_seconds = began.elapsed().as_secs_f64();
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
        took_seconds: 0.0,
        cells: Vec::new(),
    }
}

/// Who hung at what: it is not asked for the same again, which would cost the run its time.
#[derive(Debug, Default)]
struct Hung(Vec<(&'static str, String, String)>);

impl Hung {
    fn add(&mut self, entrant: &Entrant, work: &str) {
        self.0.push((entrant.contender.name, entrant.form.clone(), work.to_owned()));
    }

    fn has(&self, entrant: &Entrant, work: &str) -> bool {
        self.0.iter().any(|(name, form, at)| {
            *name == entrant.contender.name && *form == entrant.form && at == work
        })
    }
}

/// One cell to be measured.
struct Run<'a> {
    workload: &'a dyn Workload,
    cell: &'a Cell,
    entrants: &'a [Entrant],
    options: &'a Options,
    bar: &'a ProgressBar,
}

impl Run<'_> {
    fn measure(&self, hung: &mut Hung) -> CellResults {
        let mut entries: Vec<Entry> = self.entrants.iter().map(entry).collect();
        for round in 0..self.workload.rounds(self.options) {
            for turn in 0..entries.len() {
                // Each round begins with another: who comes after whom must not matter.
                let place = (round + turn) % entries.len();
                let (entrant, entry) = (&self.entrants[place], &mut entries[place]);
                self.bar.set_message(format!(
                    "{}/{} round {}: {}",
                    self.workload.name(),
                    self.cell.id,
                    round + 1,
                    entrant.contender.name
                ));
                self.once(round, entrant, entry, hung);
                self.bar.inc(1);
            }
        }
        let Cell { id, title, group, x, .. } = self.cell.clone();
        CellResults { id, title, group, x, entries }
    }

    fn once(&self, round: usize, entrant: &Entrant, entry: &mut Entry, hung: &mut Hung) {
        let work = self.workload.work(self.cell);
        if hung.has(entrant, work) {
            entry.failures.push(format!("not asked: it hung at `{work}` before"));
            return;
        }
        match self.workload.measure(self.cell, entrant, self.options) {
            Ok(mut sample) => {
                sample.insert(ROUND.into(), round as f64);
                entry.samples.push(sample);
            }
            Err(error) => {
                if patience::is_over(&error) {
                    hung.add(entrant, work);
                }
                entry.failures.push(error.to_string());
            }
        }
        entry.failures.extend(self.workload.shortfalls());
        entry.command = process::last_command().or(entry.command.take());
    }
}

fn entry(entrant: &Entrant) -> Entry {
    Entry {
        contender: entrant.contender.name.into(),
        form: entrant.form.clone(),
        command: None,
        samples: Vec::new(),
        failures: Vec::new(),
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

#[cfg(test)]
mod tests {
    use std::cell::Cell as Count;

    use super::*;
    use crate::contender::Contender;
    use crate::results::{Better, Metric, Sample};

    /// One contender answers, the other hangs.
    #[derive(Default)]
    struct Two(Count<usize>);

    impl Workload for Two {
        fn name(&self) -> &'static str {
            "two"
        }
        fn title(&self) -> &'static str {
            "two"
        }
        fn about(&self) -> &'static str {
            ""
        }
        fn metrics(&self) -> Vec<Metric> {
            vec![Metric::new("n", "n", "ns", Better::Less)]
        }
        fn cells(&self, _: &Options) -> Vec<Cell> {
            Vec::new()
        }
        fn work(&self, _: &Cell) -> &'static str {
            "echo"
        }
        fn measure(&self, _: &Cell, entrant: &Entrant, _: &Options) -> Result<Sample, Error> {
            if entrant.contender.name == "hangs" {
                self.0.set(self.0.get() + 1);
                return Err(patience::over("it said nothing"));
            }
            Ok(Sample::from([("n".to_owned(), 1.0)]))
        }
    }

    #[test]
    fn who_hangs_is_asked_once_and_the_others_go_on() {
        let entrant = |name| Entrant {
            contender: Contender { name, program: "nowhere".into(), works: Vec::new() },
            form: "own".into(),
        };
        let entrants = [entrant("hangs"), entrant("answers")];
        let workload = Two::default();
        let (options, bar) = (Options::default(), ProgressBar::hidden());
        let mut hung = Hung::default();
        for id in ["one", "other"] {
            let cell = Cell::new(id, id);
            let run = Run {
                workload: &workload,
                cell: &cell,
                entrants: &entrants,
                options: &options,
                bar: &bar,
            };
            let results = run.measure(&mut hung);
            assert_eq!(results.entries[1].samples.len(), options.rounds);
            assert_eq!(results.entries[0].failures.len(), options.rounds);
        }
        assert_eq!(workload.0.get(), 1);
    }
}
