//! Many connections that do nothing, and then a few of them that do.

use std::cell::OnceCell;

use super::{Cell, Entrant, Workload, served};
use crate::Error;
use crate::load::{Exchange, Window, closed_loop, connect, counted, verify};
use crate::options::Options;
use crate::process::Server;
use crate::results::{Better, Metric, Results, Sample};
use crate::targets::Target;

/// Idle connections: what each of them holds.
#[derive(Debug, Default)]
pub struct Idle {
    /// What the sockets alone take in the kernel, each connection, both ends.
    sockets: OnceCell<Result<f64, String>>,
}

/// Exchanges over a few connections at first: more than any server has shared buffers.
const WARMING: u64 = 4096;

/// One of so many becomes active.
const ACTIVE: usize = 100;

impl Workload for Idle {
    fn name(&self) -> &'static str {
        "idle"
    }

    fn title(&self) -> &'static str {
        "Idle connections"
    }

    fn about(&self) -> &'static str {
        "Connections that have made one exchange each and then wait for the next. User memory is \
         what the server's private memory grew by, after some other connections had put to use \
         what all share (a pool of buffers, say); kernel memory is what the machine's slab grew \
         by, without the sockets themselves, which a program that only accepts and keeps them \
         measures. Then one in a hundred is kept busy with 64-byte echoes, while the others wait: \
         the rest of the row."
    }

    fn metrics(&self) -> Vec<Metric> {
        let mut metrics = vec![
            Metric::new("user_bytes", "user memory", "bytes/connection", Better::Less),
            Metric::new("kernel_bytes", "kernel memory", "bytes/connection", Better::Less),
        ];
        metrics.extend(served::metrics());
        metrics
    }

    fn cells(&self, options: &Options) -> Vec<Cell> {
        let count = if options.quick { 2000 } else { 10_000 };
        let title = format!("{count} connections, then {} of them active", count as usize / ACTIVE);
        vec![Cell::new(format!("{count}"), title).with("connections", count)]
    }

    fn work(&self, _: &Cell) -> &'static str {
        "echo"
    }

    /// What a connection holds while it waits is a matter of how it waits.
    fn all_forms(&self) -> bool {
        true
    }

    fn rounds(&self, options: &Options) -> usize {
        options.rounds.min(2)
    }

    fn measure(&self, cell: &Cell, entrant: &Entrant, options: &Options) -> Result<Sample, Error> {
        let count = cell.get("connections") as usize;
        let exchange = Exchange::echo(64);
        let measured = || sockets_alone(entrant, count, options).map_err(|error| error.to_string());
        let sockets = self.sockets.get_or_init(measured);
        let launch = served::launch("echo", entrant, options);
        let mut server = Server::start(&entrant.contender.program, &launch)?;
        let outcome = idle(&server, count, &exchange, options);
        let (mut sample, kernel) = outcome.map_err(|error| served::why(error, &mut server))?;
        // The rest counts, where the kernel's part cannot be told.
        if let (Some(kernel), Ok(sockets)) = (kernel, sockets) {
            sample.insert("kernel_bytes".into(), kernel - sockets);
        }
        Ok(sample)
    }

    fn shortfalls(&self) -> Vec<String> {
        let failure = self.sockets.get().and_then(|sockets| sockets.as_ref().err());
        failure.map(|error| format!("kernel memory: {error}")).into_iter().collect()
    }

    fn targets(&self, results: &Results) -> Vec<Target> {
        let Some(workload) = results.workload(self.name()) else { return Vec::new() };
        let mut rows = Vec::new();
        for cell in &workload.cells {
            let row = Target::of(cell, "idle: user bytes (recv)", "user_bytes", "≤ 300 bytes");
            let form = |contender: &str| cell.entry_form(contender, "recv")?.median("user_bytes");
            let row = Target { raw_ring: form("raw-uring"), ..row };
            rows.push(row.with_ours(form("annulus"), Some(300.0)));
        }
        rows
    }
}

/// Measures a server, and says beside it what each connection took in the kernel, sockets included.
fn idle(
    server: &Server,
    count: usize,
    exchange: &Exchange,
    options: &Options,
) -> Result<(Sample, Option<f64>), Error> {
    // What all connections share, such as a pool of buffers, is in use before the first is counted.
    let few = connect(server.port, 64, exchange)?;
    counted(&few, exchange, WARMING)?;
    let (before, slab_before) = (server.usage()?.resident, slab_bytes());
    let mut streams = connect(server.port, count, exchange)?;
    for stream in &mut streams {
        verify(stream, exchange)?;
    }
    let (after, slab_after) = (server.usage()?.resident, slab_bytes());
    let window = Window { warm_up: options.warm_up, measure: options.measure };
    let mut usages = Vec::new();
    let active = &streams[..(count / ACTIVE).max(1)];
    let load = closed_loop(active, exchange, window, || {
        usages.push(server.usage()?);
        Ok(())
    })?;
    drop(few);
    let mut sample = served::sample(&load, &usages[0], &usages[1]);
    let each = |before: u64, after: u64| (after as f64 - before as f64) / count as f64;
    sample.insert("user_bytes".into(), each(before, after));
    Ok((sample, slab_before.zip(slab_after).map(|(before, after)| each(before, after))))
}

/// What a connection takes in the kernel where nobody waits for anything on it: the sockets of
/// both ends. Any contender's neighbour, the epoll loop's `hold`, is the one that keeps them.
fn sockets_alone(entrant: &Entrant, count: usize, options: &Options) -> Result<f64, Error> {
    let program = entrant.contender.program.with_file_name("contender-raw-epoll");
    let launch = crate::process::Launch::new("hold", "accept").with("core", options.server_core);
    let server = Server::start(&program, &launch)?;
    let before = slab_bytes().ok_or("the kernel does not tell its memory")?;
    let mut streams = Vec::with_capacity(count);
    for index in 0..count {
        streams.push(crate::load::connect_only(server.port)?);
        if index % 256 == 255 {
            // Nothing answers here; the kernel's queue of connections must not overflow.
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }
    std::thread::sleep(std::time::Duration::from_millis(20));
    let after = slab_bytes().ok_or("the kernel does not tell its memory")?;
    Ok((after as f64 - before as f64) / count as f64)
}

/// Memory of the kernel's own objects.
fn slab_bytes() -> Option<u64> {
    parse_slab(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn parse_slab(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Slab:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_memory_is_read_in_bytes() {
        assert_eq!(parse_slab("MemFree: 1 kB\nSlab:   24576 kB\n"), Some(24_576 * 1024));
        assert_eq!(parse_slab("MemFree: 1 kB\n"), None);
    }
}
