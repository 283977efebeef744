//! A load generator that is not ours.

use std::process::Command;
use std::time::Duration;

use super::{Cell, Entrant, Workload, served};
use crate::Error;
use crate::load::{Exchange, connect};
use crate::options::Options;
use crate::patience::output_within;
use crate::process::Server;
use crate::results::{Better, Metric, Sample};

/// HTTP as `wrk` sees it, where it is installed: a check on our own load generator.
#[derive(Debug)]
pub struct Wrk;

impl Workload for Wrk {
    fn name(&self) -> &'static str {
        "wrk"
    }

    fn title(&self) -> &'static str {
        "HTTP/1.1 by wrk"
    }

    fn about(&self) -> &'static str {
        "The same servers under `wrk -t1 -c64 -d1s http://127.0.0.1:PORT/hello`, a load generator that \
         others have written: what it says should agree with ours."
    }

    fn metrics(&self) -> Vec<Metric> {
        vec![
            Metric::new("cpu_ns", "server CPU", "ns/request", Better::Less),
            Metric::new("rate", "requests", "1/s", Better::More),
            Metric::new("mean_us", "mean latency", "µs", Better::Less),
        ]
    }

    /// None where `wrk` is not installed: the adapter is for those who have it.
    fn cells(&self, _: &Options) -> Vec<Cell> {
        if Command::new("wrk").arg("--version").output().is_err() {
            return Vec::new();
        }
        vec![Cell::new("64", "64 connections").with("connections", 64)]
    }

    fn work(&self, _: &Cell) -> &'static str {
        "http"
    }

    fn rounds(&self, options: &Options) -> usize {
        if options.quick { 1 } else { options.rounds.min(2) }
    }

    fn measure(&self, cell: &Cell, entrant: &Entrant, options: &Options) -> Result<Sample, Error> {
        let launch = served::launch("http", entrant, options);
        let server = Server::start(&entrant.contender.program, &launch)?;
        drop(connect(server.port, 1, &Exchange::hello(1))?);
        let before = server.usage()?;
        // wrk counts in whole seconds.
        let seconds = options.measure.as_secs_f64().ceil();
        let mut wrk = Command::new("wrk");
        wrk.args(["-t1", &format!("-c{}", cell.get("connections")), &format!("-d{seconds}s")]);
        wrk.arg(format!("http://127.0.0.1:{}/hello", server.port));
        let output = output_within(wrk, Duration::from_secs_f64(seconds + 20.0))?;
        let after = server.usage()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let (mean_us, rate, requests) = parse(&text).ok_or("what wrk said cannot be read")?;
        let cpu = after.cpu.saturating_sub(before.cpu).as_nanos() as f64 / requests;
        let numbers = [("cpu_ns", cpu), ("rate", rate), ("mean_us", mean_us)];
        Ok(numbers.map(|(key, value)| (key.to_owned(), value)).into())
    }
}

/// The mean latency in microseconds, the requests a second, and all requests.
fn parse(text: &str) -> Option<(f64, f64, f64)> {
    let after = |head: &str| text.lines().find_map(|line| line.trim().strip_prefix(head));
    let mean = microseconds(after("Latency")?.split_whitespace().next()?)?;
    let rate = after("Requests/sec:")?.trim().parse().ok()?;
    let total = text.lines().find(|line| line.contains(" requests in "))?;
    Some((mean, rate, total.split_whitespace().next()?.parse().ok()?))
}

fn microseconds(text: &str) -> Option<f64> {
    for (unit, factor) in [("us", 1.0), ("ms", 1e3), ("s", 1e6)] {
        if let Some(number) = text.strip_suffix(unit) {
            return Some(number.parse::<f64>().ok()? * factor);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_says_is_read() {
        let text = "Running 1s test @ http://127.0.0.1:1/\n  1 threads and 64 connections\n  \
                    Thread Stats   Avg      Stdev     Max   +/- Stdev\n    \
                    Latency     1.25ms  200.00us   3.00ms   90.00%\n    \
                    Req/Sec    50.00k     1.00k   52.00k    70.00%\n  \
                    51234 requests in 1.00s, 5.00MB read\nRequests/sec:  51200.50\n";
        assert_eq!(parse(text), Some((1250.0, 51_200.5, 51_234.0)));
        assert_eq!(parse("nonsense"), None);
    }
}
