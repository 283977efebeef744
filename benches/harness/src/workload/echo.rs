//! TCP echo, a closed loop.

use super::{Cell, Entrant, Workload, served};
use crate::Error;
use crate::load::Exchange;
use crate::options::Options;
use crate::results::{Metric, Sample};

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
                let plural = if count == 1 { "" } else { "s" };
                let cell = Cell::new(id, format!("{title}, {count} connection{plural}"));
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
}
