//! Reads under a timeout each.

use super::{Cell, Entrant, Workload, served};
use crate::Error;
use crate::load::Exchange;
use crate::options::Options;
use crate::results::{Better, Metric, Results, Sample};
use crate::targets::Target;

/// Echo in which each read has a timeout, beside the same without.
#[derive(Debug)]
pub struct Timeouts;

/// Long enough never to pass.
const TIMEOUT_MS: u64 = 30_000;

impl Workload for Timeouts {
    fn name(&self) -> &'static str {
        "timeouts"
    }

    fn title(&self) -> &'static str {
        "Reads under a timeout each"
    }

    fn about(&self) -> &'static str {
        "Echo of 64 bytes; every read has a timeout, which never passes. Each measurement runs the \
         server without timeouts and then with them, for half the time each; the difference is \
         what the timeout costs. Forms: `wheel` and `timer` are timeouts that the runtime keeps \
         (`time::timeout` around the read), `linked` is the kernel's own, linked to the read."
    }

    fn metrics(&self) -> Vec<Metric> {
        let mut metrics = served::metrics();
        metrics.insert(1, Metric::new("extra_ns", "of it the timeout", "ns/request", Better::Less));
        metrics
    }

    fn cells(&self, options: &Options) -> Vec<Cell> {
        let connections: &[u64] = if options.quick { &[256] } else { &[32, 256] };
        connections
            .iter()
            .map(|&count| {
                Cell::new(format!("{count}"), served::connections(count)).with("connections", count)
            })
            .collect()
    }

    fn work(&self, _: &Cell) -> &'static str {
        "echo-timeout"
    }

    fn all_forms(&self) -> bool {
        true
    }

    fn measure(&self, cell: &Cell, entrant: &Entrant, options: &Options) -> Result<Sample, Error> {
        let connections = cell.get("connections") as usize;
        let exchange = Exchange::echo(64);
        let halved = Options { measure: options.measure / 2, ..options.clone() };
        let plain = plain_form(entrant).ok_or("it offers no echo to compare with")?;
        let base = served::launch("echo", &plain, options);
        let base = served::closed(&base, &plain, &exchange, connections, &halved)?;
        let timed = served::launch("echo-timeout", entrant, options).with("timeout_ms", TIMEOUT_MS);
        let mut sample = served::closed(&timed, entrant, &exchange, connections, &halved)?;
        sample.insert("extra_ns".into(), sample["cpu_ns"] - base["cpu_ns"]);
        Ok(sample)
    }

    fn targets(&self, results: &Results) -> Vec<Target> {
        let Some(workload) = results.workload(self.name()) else { return Vec::new() };
        let mut rows = Vec::new();
        for cell in &workload.cells {
            let kernel = cell.entry_form("raw-uring", "linked");
            let kernel = kernel.and_then(|entry| entry.median("extra_ns"));
            let ours = |form| cell.entry_form("annulus", form)?.median("extra_ns");
            let row = |what: &str, target: &str, ours, raw_ring, limit| Target {
                raw_ring,
                ..Target::of(cell, what, "extra_ns", target).with_ours(ours, limit)
            };
            let wheel = ours("wheel");
            rows.push(row("a timeout around each read", "≤ 40 ns", wheel, None, Some(40.0)));
            let limit = kernel.map(|kernel| kernel + 60.0);
            let target = "≤ the raw ring's + 60 ns";
            rows.push(row("a linked timeout on each read", target, ours("linked"), kernel, limit));
        }
        rows
    }
}

/// The form of plain echo that is the same but for the timeout: reads into a buffer of the
/// connection's own.
fn plain_form(entrant: &Entrant) -> Option<Entrant> {
    let forms = &entrant.contender.work("echo")?.forms;
    let form = forms.iter().find(|form| *form == "owned").or(forms.first())?;
    Some(Entrant { contender: entrant.contender.clone(), form: form.clone() })
}
