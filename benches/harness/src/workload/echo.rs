//! TCP echo, a closed loop.

use super::{Cell, Entrant, Workload, served};
use crate::Error;
use crate::load::Exchange;
use crate::options::Options;
use crate::results::{Metric, Results, Sample};
use crate::targets::{self, Target};

/// Bytes that come back as they were sent.
#[derive(Debug)]
pub struct Echo;

const SIZES: [(u64, &str); 3] = [(64, "64 B"), (1024, "1 KiB"), (16 * 1024, "16 KiB")];

impl Workload for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn title(&self) -> &'static str {
        "TCP echo"
    }

    fn about(&self) -> &'static str {
        "Each connection sends a message, waits until it has come back whole, and sends the next."
    }

    fn metrics(&self) -> Vec<Metric> {
        served::metrics()
    }

    fn axis(&self) -> Option<&'static str> {
        Some("connections")
    }

    fn cells(&self, options: &Options) -> Vec<Cell> {
        let mut cells = Vec::new();
        for (size, title) in SIZES {
            let connections: &[u64] = match (options.quick, size) {
                (false, _) => &[1, 32, 256, 1000],
                (true, 64) => &[32, 256],
                (true, _) => &[32],
            };
            for &count in connections {
                let id = format!("{}-{count}", title.replace(' ', ""));
                let cell = Cell::new(id, format!("{title}, {}", served::connections(count)));
                cells.push(
                    cell.at(title, count as f64).with("size", size).with("connections", count),
                );
            }
        }
        cells
    }

    fn work(&self, _: &Cell) -> &'static str {
        "echo"
    }

    fn measure(&self, cell: &Cell, entrant: &Entrant, options: &Options) -> Result<Sample, Error> {
        let size = cell.get("size");
        let exchange = Exchange::echo(size as usize);
        let launch = served::launch("echo", entrant, options).with("buffer", size.max(4096));
        served::closed(&launch, entrant, &exchange, cell.get("connections") as usize, options)
    }

    fn targets(&self, results: &Results) -> Vec<Target> {
        let Some(workload) = results.workload(self.name()) else { return Vec::new() };
        // With one connection all are equal: what is measured is the sleep of a processor.
        let busy = workload.cells.iter().filter(|cell| cell.x > Some(1.0));
        busy.flat_map(|cell| targets::served_cell(cell, "echo")).collect()
    }
}
