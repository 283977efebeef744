//! The forms of reading, beside each other.

use super::{Cell, Entrant, Workload, served};
use crate::Error;
use crate::load::Exchange;
use crate::options::Options;
use crate::results::{Metric, Sample};

/// Echo in every form that a contender offers.
#[derive(Debug)]
pub struct Forms;

impl Workload for Forms {
    fn name(&self) -> &'static str {
        "forms"
    }

    fn title(&self) -> &'static str {
        "Ways of reading"
    }

    fn about(&self) -> &'static str {
        "Echo of 64 bytes by annulus and by the hand-written ring, in each form: `owned` gives \
         every read a buffer of the connection's; `recv` has the kernel choose one from a shared \
         pool when bytes are there; `stream` does so with one operation for all that a connection \
         receives. The difference between the two in one form is what the runtime itself costs. The \
         kernel takes the buffers of a pool in turn, so a pool that is larger than the work needs \
         leaves the processor's caches."
    }

    fn metrics(&self) -> Vec<Metric> {
        served::metrics()
    }

    fn axis(&self) -> Option<&'static str> {
        Some("connections")
    }

    fn cells(&self, options: &Options) -> Vec<Cell> {
        let connections: &[u64] = if options.quick { &[64] } else { &[1, 64, 1000] };
        let mut cells: Vec<Cell> = connections
            .iter()
            .map(|&count| {
                let cell = Cell::new(format!("64B-{count}"), served::connections(count));
                cell.at("64 B in each form", count as f64)
                    .with("connections", count)
                    .with("buffers", 1024)
            })
            .collect();
        if !options.quick {
            let few = Cell::new("64B-64-few", "64 connections, a pool of 128 buffers");
            cells.push(few.with("connections", 64).with("buffers", 128));
        }
        cells
    }

    fn work(&self, _: &Cell) -> &'static str {
        "echo"
    }

    fn all_forms(&self) -> bool {
        true
    }

    fn admits(&self, contender: &str) -> bool {
        matches!(contender, "annulus" | "raw-uring")
    }

    fn measure(&self, cell: &Cell, entrant: &Entrant, options: &Options) -> Result<Sample, Error> {
        let launch = served::launch("echo", entrant, options);
        let launch = launch.with("buffers", cell.get("buffers"));
        let exchange = Exchange::echo(64);
        served::closed(&launch, entrant, &exchange, cell.get("connections") as usize, options)
    }
}
