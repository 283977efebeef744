//! HTTP/1.1, a closed loop.

use super::{Cell, Entrant, Workload, served};
use crate::Error;
use crate::load::Exchange;
use crate::options::Options;
use crate::results::{Metric, Results, Sample};
use crate::targets::{self, Target};

/// A greeting of 13 bytes for every request.
#[derive(Debug)]
pub struct Http;

impl Workload for Http {
    fn name(&self) -> &'static str {
        "http"
    }

    fn title(&self) -> &'static str {
        "HTTP/1.1"
    }

    fn about(&self) -> &'static str {
        "A 64-byte request is parsed by `httparse` and answered with a greeting, by the same code \
         in every contender. Pipelined, a connection sends 16 requests at once and waits for all \
         answers; costs are for each single request, and latencies for the 16 together."
    }

    fn metrics(&self) -> Vec<Metric> {
        served::metrics()
    }

    fn axis(&self) -> Option<&'static str> {
        Some("connections")
    }

    fn cells(&self, options: &Options) -> Vec<Cell> {
        let mut cells = Vec::new();
        for (pipelined, title) in [(1, "one at a time"), (16, "16 pipelined")] {
            let connections: &[u64] = match (options.quick, pipelined) {
                (false, _) => &[1, 32, 256, 1000],
                (true, 1) => &[32, 256],
                (true, _) => &[256],
            };
            for &count in connections {
                let cell = Cell::new(
                    format!("p{pipelined}-{count}"),
                    format!("{title}, {}", served::connections(count)),
                );
                let cell = cell.at(title, count as f64).with("pipelined", pipelined);
                cells.push(cell.with("connections", count));
            }
        }
        cells
    }

    fn work(&self, _: &Cell) -> &'static str {
        "http"
    }

    fn measure(&self, cell: &Cell, entrant: &Entrant, options: &Options) -> Result<Sample, Error> {
        let exchange = Exchange::hello(cell.get("pipelined") as usize);
        let launch = served::launch("http", entrant, options).with("buffer", 4096);
        served::closed(&launch, entrant, &exchange, cell.get("connections") as usize, options)
    }

    fn targets(&self, results: &Results) -> Vec<Target> {
        let Some(workload) = results.workload(self.name()) else { return Vec::new() };
        let mut rows = Vec::new();
        for cell in &workload.cells {
            if cell.id == "p1-1" || cell.id == "p16-1" {
                continue;
            }
            if cell.id.starts_with("p16") {
                rows.extend(targets::at_most(cell, "HTTP", "cpu_ns", 340.0, "≤ 340 ns"));
                rows.extend(targets::of_peer(cell, "HTTP", "cpu_ns", "tokio", 0.93));
                rows.extend(targets::of_peer(cell, "HTTP", "cpu_ns", "monoio", 0.97));
            } else {
                rows.extend(targets::served_cell(cell, "HTTP"));
            }
        }
        rows
    }
}
