//! Reads under a timeout each.

use std::time::Duration;

use super::{Cell, Entrant, Workload, served};
use crate::Error;
use crate::load::{Exchange, connect, counted};
use crate::options::Options;
use crate::process::Server;
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
        "Echo of 64 bytes; every read has a timeout, which never passes. What the timeout costs is \
         the difference to a server without: for that both run at once and are kept busy in turns, \
         a fortieth of a second each, so that what changes on the machine changes for both. Forms: \
         `wheel` and `timer` are timeouts that the runtime keeps (`time::timeout` around the read), \
         `linked` is the kernel's own, linked to the read."
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
        let program = &entrant.contender.program;
        let bare = Server::start(program, &served::launch("echo", &plain, options))?;
        let timed = served::launch("echo-timeout", entrant, options).with("timeout_ms", TIMEOUT_MS);
        let mut sample = served::closed(&timed, entrant, &exchange, connections, &halved)?;
        let timed = Server::start(program, &timed)?;
        let servers = [bare, timed];
        let slices = (options.measure.as_millis() as usize / 50).max(2);
        let [bare, timed] = in_turns(&servers, connections, &exchange, slices)?;
        sample.insert("extra_ns".into(), timed - bare);
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
            let target = "≤ the kernel's own cost, which is the raw ring's, + 60 ns";
            rows.push(row("a linked timeout on each read", target, ours("linked"), kernel, limit));
        }
        rows
    }
}

/// Exchanges in one turn: a fortieth of a second or so.
const TURN: u64 = 5_000;

/// What an exchange costs each of two servers, in nanoseconds of its processor time, which are busy in
/// turns, so many each.
fn in_turns(
    servers: &[Server; 2],
    connections: usize,
    exchange: &Exchange,
    turns: usize,
) -> Result<[f64; 2], Error> {
    let streams = [
        connect(servers[0].port, connections, exchange)?,
        connect(servers[1].port, connections, exchange)?,
    ];
    let mut spent = [Duration::ZERO; 2];
    let mut requests = [0; 2];
    // The first turn of each warms it up. Who is first in a pair of turns changes: A B, B A, …
    for turn in 0..=turns {
        for number in [turn % 2, 1 - turn % 2] {
            let before = servers[number].cpu()?;
            let count = counted(&streams[number], exchange, TURN)?;
            if turn > 0 {
                spent[number] += servers[number].cpu()?.saturating_sub(before);
                requests[number] += count;
            }
        }
    }
    Ok([0, 1].map(|number| spent[number].as_nanos() as f64 / requests[number] as f64))
}

/// The form of plain echo that is the same but for the timeout: reads into a buffer of the
/// connection's own.
fn plain_form(entrant: &Entrant) -> Option<Entrant> {
    let forms = &entrant.contender.work("echo")?.forms;
    let form = forms.iter().find(|form| *form == "owned").or(forms.first())?;
    Some(Entrant { contender: entrant.contender.clone(), form: form.clone() })
}
