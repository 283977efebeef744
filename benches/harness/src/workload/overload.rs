//! More than a server can do.

use std::cell::OnceCell;

use super::{Cell, Entrant, Workload, served};
use crate::Error;
use crate::load::{Arrivals, Exchange, Window, connect, open_loop};
use crate::options::Options;
use crate::process::{Launch, Server};
use crate::results::{Better, Metric, Results, Sample};
use crate::targets::Target;

/// Requests that arrive whether the server keeps up or not.
#[derive(Debug, Default)]
pub struct Overload {
    /// What the hand-written ring can do, in requests a second; measured once.
    capacity: OnceCell<f64>,
}

const CONNECTIONS: usize = 256;

/// What the application does for each request, so that the server is the limit and not the load
/// generator: some ten microseconds.
const SPINS: u64 = 10_000;

impl Workload for Overload {
    fn name(&self) -> &'static str {
        "overload"
    }

    fn title(&self) -> &'static str {
        "Latency under load, and overload"
    }

    fn about(&self) -> &'static str {
        "HTTP requests arrive at random (a Poisson process, the same for all) at a rate that is a \
         fraction of what the hand-written ring can do at most, over 256 connections. For each the \
         application computes for some ten microseconds, so that the server is the limit. Latency \
         counts from the arrival, also of requests that could not be sent yet (coordinated \
         omission is thereby corrected); beyond capacity it grows as long as the measurement \
         lasts, and what can be compared is how many were served."
    }

    fn metrics(&self) -> Vec<Metric> {
        let mut metrics = vec![Metric::new("p999_us", "p99.9", "µs", Better::Less)];
        metrics.extend(served::metrics().into_iter().filter(|metric| metric.key != "p999_us"));
        metrics.push(Metric::new("offered", "arrivals", "1/s", Better::Neither));
        metrics
    }

    fn axis(&self) -> Option<&'static str> {
        Some("load, % of the raw ring's capacity")
    }

    fn cells(&self, options: &Options) -> Vec<Cell> {
        let loads: &[u64] = if options.quick { &[70, 120] } else { &[30, 50, 70, 90, 120] };
        loads
            .iter()
            .map(|&load| {
                let cell = Cell::new(format!("{load}"), format!("{load} % of capacity"));
                cell.at("open loop", load as f64).with("load", load)
            })
            .collect()
    }

    fn work(&self, _: &Cell) -> &'static str {
        "http"
    }

    fn rounds(&self, options: &Options) -> usize {
        options.rounds.min(3)
    }

    fn measure(&self, cell: &Cell, entrant: &Entrant, options: &Options) -> Result<Sample, Error> {
        let capacity = match self.capacity.get() {
            Some(capacity) => *capacity,
            None => {
                let measured = capacity(entrant, options)?;
                *self.capacity.get_or_init(|| measured)
            }
        };
        let rate = capacity * cell.get("load") as f64 / 100.0;
        let exchange = Exchange::hello(1);
        let launch = with_work(served::launch("http", entrant, options));
        let mut server = Server::start(&entrant.contender.program, &launch)?;
        // Of the slowest thousandth there must be enough to speak of.
        let window = Window { warm_up: options.warm_up, measure: options.measure * 2 };
        let mut usages = Vec::new();
        let outcome = connect(server.port, CONNECTIONS, &exchange).and_then(|streams| {
            open_loop(&streams, &exchange, rate, window, || {
                usages.push(server.usage()?);
                Ok(())
            })
        });
        let load = outcome.map_err(|error| served::why(error, &mut server))?;
        let mut sample = served::sample(&load, &usages[0], &usages[1]);
        sample.insert("offered".into(), rate);
        sample.insert("seed".into(), Arrivals::SEED as f64);
        Ok(sample)
    }

    fn targets(&self, results: &Results) -> Vec<Target> {
        let cell = results.workload(self.name()).and_then(|workload| workload.cell("70"));
        let Some(cell) = cell.filter(|cell| cell.entry("annulus").is_some()) else {
            return Vec::new();
        };
        let row = Target::of(cell, "p99.9, open loop", "p999_us", "≤ the raw ring's + 10 %");
        let raw = row.raw_ring;
        vec![row.decide(|ours, raw| ours <= raw * 1.1, raw)]
    }
}

fn with_work(launch: Launch) -> Launch {
    launch.with("spins", SPINS)
}

/// What the hand-written ring serves in a closed loop, its neighbour of any contender.
fn capacity(entrant: &Entrant, options: &Options) -> Result<f64, Error> {
    let mut raw = entrant.clone();
    raw.contender.name = "raw-uring";
    raw.contender.program = entrant.contender.program.with_file_name("contender-raw-uring");
    raw.form = "owned".into();
    let launch = with_work(served::launch("http", &raw, options));
    let sample = served::closed(&launch, &raw, &Exchange::hello(1), CONNECTIONS, options)?;
    Ok(sample["rate"])
}
