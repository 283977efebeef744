//! What the workloads with a server have in common.

use super::Entrant;
use crate::Error;
use crate::load::{Exchange, Load, Window, closed_loop, connect};
use crate::options::Options;
use crate::process::{Launch, Server, Usage};
use crate::results::{Better, Metric, Sample};

/// The numbers of a closed loop against a server.
pub fn metrics() -> Vec<Metric> {
    vec![
        Metric::new("cpu_ns", "server CPU", "ns/request", Better::Less),
        Metric::new("user_ns", "user", "ns/request", Better::Less),
        Metric::new("system_ns", "system", "ns/request", Better::Less),
        Metric::new("rate", "requests", "1/s", Better::More),
        Metric::new("p50_us", "p50", "µs", Better::Less),
        Metric::new("p99_us", "p99", "µs", Better::Less),
        Metric::new("p999_us", "p99.9", "µs", Better::Less),
        Metric::new("max_us", "max", "µs", Better::Less),
        Metric::new("allocations", "allocations", "1/request", Better::Less),
        Metric::new("rss_mib", "memory", "MiB", Better::Less),
        Metric::new("load_busy", "load generator busy", "%", Better::Neither),
    ]
}

/// So many connections, in words.
pub fn connections(count: u64) -> String {
    if count == 1 { "1 connection".into() } else { format!("{count} connections") }
}

/// The launch of a server on its core.
pub fn launch(work: &str, entrant: &Entrant, options: &Options) -> Launch {
    Launch::new(work, &entrant.form).with("core", options.server_core)
}

/// Starts a server, keeps it busy over `connections`, and says what each request cost it.
pub fn closed(
    launch: &Launch,
    entrant: &Entrant,
    exchange: &Exchange,
    connections: usize,
    options: &Options,
) -> Result<Sample, Error> {
    let mut server = Server::start(&entrant.contender.program, launch)?;
    let window = Window { warm_up: options.warm_up, measure: options.measure };
    let mut usages = Vec::new();
    let outcome = connect(server.port, connections, exchange).and_then(|streams| {
        closed_loop(&streams, exchange, window, || {
            usages.push(server.usage()?);
            Ok(())
        })
    });
    let load = outcome.map_err(|error| why(error, &mut server))?;
    Ok(sample(&load, &usages[0], &usages[1]))
}

/// Of a server that has ended, its last words; else what the load generator met.
pub fn why(error: Error, server: &mut Server) -> Error {
    server.reason_of_death().map_or(error, Error::from)
}

/// What `load` says, and what the server used for it.
pub fn sample(load: &Load, before: &Usage, after: &Usage) -> Sample {
    let requests = load.requests.max(1) as f64;
    let cpu = after.cpu.saturating_sub(before.cpu).as_nanos() as f64 / requests;
    let user = after.user.saturating_sub(before.user).as_secs_f64();
    let system = after.system.saturating_sub(before.system).as_secs_f64();
    let user_share = user / (user + system);
    let mut sample = Sample::new();
    let mut put = |key: &str, value: f64| sample.insert(key.to_owned(), value);
    put("cpu_ns", cpu);
    put("user_ns", cpu * user_share);
    put("system_ns", cpu * (1.0 - user_share));
    put("rate", load.requests as f64 / load.wall.as_secs_f64());
    for (key, quantile) in [("p50_us", 0.5), ("p99_us", 0.99), ("p999_us", 0.999), ("max_us", 1.0)]
    {
        put(key, load.latency.value_at_quantile(quantile) as f64 / 1e3);
    }
    put("allocations", (after.allocations - before.allocations) as f64 / requests);
    put("rss_mib", after.resident as f64 / f64::from(1 << 20));
    put("load_busy", load.cpu.as_secs_f64() / load.wall.as_secs_f64() * 100.0);
    sample
}
