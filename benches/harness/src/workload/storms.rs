//! Connections that come and go.

use super::{Cell, Entrant, Workload, served};
use crate::Error;
use crate::load::{Exchange, Window, storm};
use crate::options::Options;
use crate::process::Server;
use crate::results::{Metric, Sample};

/// Accepting, one exchange, closing.
#[derive(Debug)]
pub struct Storms;

impl Workload for Storms {
    fn name(&self) -> &'static str {
        "storm"
    }

    fn title(&self) -> &'static str {
        "Storms of connections"
    }

    fn about(&self) -> &'static str {
        "A connection is opened, echoes 64 bytes once, and is closed, by the client first. A \
         request is one whole connection: the server accepts it, makes and ends a task for it, and \
         closes it."
    }

    fn metrics(&self) -> Vec<Metric> {
        served::metrics()
    }

    fn cells(&self, _: &Options) -> Vec<Cell> {
        vec![Cell::new("64", "64 connections at once").with("at_once", 64)]
    }

    fn work(&self, _: &Cell) -> &'static str {
        "echo"
    }

    fn measure(&self, cell: &Cell, entrant: &Entrant, options: &Options) -> Result<Sample, Error> {
        let exchange = Exchange::echo(64);
        let launch = served::launch("echo", entrant, options);
        let mut server = Server::start(&entrant.contender.program, &launch)?;
        let window = Window { warm_up: options.warm_up, measure: options.measure };
        let mut usages = Vec::new();
        let at_once = cell.get("at_once") as usize;
        let outcome = storm(server.port, at_once, &exchange, window, || {
            usages.push(server.usage()?);
            Ok(())
        });
        let load = outcome.map_err(|error| served::why(error, &mut server))?;
        Ok(served::sample(&load, &usages[0], &usages[1]))
    }
}
