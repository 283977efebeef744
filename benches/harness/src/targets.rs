//! Targets: what annulus should reach, beside what it and the others did.

use crate::results::{CellResults, Entry};
use crate::stats::readable;

/// Who is compared with but is no peer: the limits, and what needs no runtime.
const NO_PEERS: [&str; 3] = ["raw-uring", "raw-epoll", "std"];

/// The rows that every report has, with what the targets in them begin with. What a run did not
/// measure is said to be so.
const ROWS: &[(&str, &[&str])] = &[
    ("echo", &["echo, "]),
    ("HTTP", &["HTTP, "]),
    ("a timeout around each read", &["a timeout around"]),
    ("a linked timeout on each read", &["a linked timeout"]),
    ("user instructions of a request", &["user instructions, "]),
    ("system calls of a request", &["system calls, "]),
    ("allocations of a request", &["allocations, "]),
    ("a no-op of the ring, awaited by 256 tasks", &["tasks, a no-op"]),
    ("wake and poll", &["tasks, wake and poll"]),
    ("spawn and join", &["tasks, spawn and join, all", "tasks, spawn", "tasks, a task"]),
    ("memory of a task", &["tasks, memory"]),
    ("how late a sleep ends", &["tasks, a sleep"]),
    ("channels", &["tasks, channels"]),
    ("semaphores", &["tasks, acquire"]),
    ("timers", &["tasks, timers"]),
    ("a wake from another thread", &["tasks, a wake from"]),
    ("blocking work", &["tasks, blocking"]),
    ("idle connections", &["idle"]),
    ("random reads, page cache", &["files, reads, page cache"]),
    ("random reads, `O_DIRECT`, depth 128", &["files, reads, `O_DIRECT`"]),
    ("p99.9, open loop, 70 % of capacity", &["p99.9"]),
];

/// All rows in their order; those of which nothing was measured are there by name.
pub fn page(measured: Vec<Target>) -> Vec<Target> {
    let mut page = Vec::new();
    let mut rest = measured;
    for (title, beginnings) in ROWS {
        let ours = |target: &Target| beginnings.iter().any(|head| target.what.starts_with(head));
        let (mut found, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(ours);
        rest = others;
        if found.is_empty() {
            found.push(Target { what: (*title).into(), ..Target::default() });
        }
        page.extend(found);
    }
    page.extend(rest);
    page
}

/// One row of the page of targets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Target {
    /// What is measured, and where.
    pub what: String,
    /// The target in words.
    pub target: String,
    /// Of the figures.
    pub unit: &'static str,
    pub ours: Option<f64>,
    /// The best of the peers, by name.
    pub best_peer: Option<(String, f64)>,
    pub tokio: Option<f64>,
    pub raw_ring: Option<f64>,
    /// `None` where it could not be told.
    pub met: Option<bool>,
}

impl Target {
    /// A row with the figures of `cell` for a number of which less is better.
    pub fn of(cell: &CellResults, what: &str, key: &str, target: &str) -> Target {
        let ours = cell.entry("annulus");
        let raw = ours.and_then(|ours| same_form(cell, ours)).or_else(|| cell.entry("raw-uring"));
        Target {
            what: format!("{what}, {}", cell.title),
            target: target.into(),
            unit: unit(key),
            ours: ours.and_then(|entry| entry.median(key)),
            best_peer: best_peer(cell, key),
            tokio: cell.entry("tokio").and_then(|entry| entry.median(key)),
            raw_ring: raw.and_then(|entry| entry.median(key)),
            met: None,
        }
    }

    /// The row with another figure for ours, which is held against `limit`.
    #[must_use]
    pub fn with_ours(mut self, ours: Option<f64>, limit: Option<f64>) -> Target {
        self.ours = ours;
        self.decide(|ours, limit| ours <= limit, limit)
    }

    /// Decides it by two of its figures, where both are there.
    #[must_use]
    pub fn decide(mut self, holds: impl FnOnce(f64, f64) -> bool, other: Option<f64>) -> Target {
        self.met = self.ours.zip(other).map(|(ours, other)| holds(ours, other));
        self
    }
}

/// What a number is counted in, by its name.
fn unit(key: &str) -> &'static str {
    match key {
        _ if key == "ns" || key.ends_with("_ns") => "ns",
        _ if key.ends_with("_us") => "µs",
        _ if key.ends_with("bytes") => "bytes",
        _ => "",
    }
}

/// Words of a target with the figure that they are about, where it is none of the row's own.
pub fn about(words: &str, figure: Option<f64>) -> String {
    figure.map_or_else(|| words.to_owned(), |figure| format!("{words} ({})", readable(figure)))
}

/// The raw ring in the same form, so that what is left of the difference is the runtime's.
fn same_form<'a>(cell: &'a CellResults, ours: &Entry) -> Option<&'a Entry> {
    cell.entry_form("raw-uring", &ours.form)
}

/// The peer with the least of a number.
pub fn best_peer(cell: &CellResults, key: &str) -> Option<(String, f64)> {
    cell.entries
        .iter()
        .filter(|entry| {
            entry.contender != "annulus" && !NO_PEERS.contains(&entry.contender.as_str())
        })
        .filter_map(|entry| Some((entry.contender.clone(), entry.median(key)?)))
        .min_by(|one, other| one.1.total_cmp(&other.1))
}

/// Ours is at most `limit`.
pub fn at_most(
    cell: &CellResults,
    what: &str,
    key: &str,
    limit: f64,
    words: &str,
) -> Option<Target> {
    cell.entry("annulus")?;
    Some(Target::of(cell, what, key, words).decide(|ours, limit| ours <= limit, Some(limit)))
}

/// Ours is at most `factor` of a peer's.
pub fn of_peer(
    cell: &CellResults,
    what: &str,
    key: &str,
    peer: &str,
    factor: f64,
) -> Option<Target> {
    cell.entry("annulus")?;
    let theirs = cell.entry(peer).and_then(|entry| entry.median(key));
    let shown = theirs.filter(|_| peer != "tokio");
    let row = Target::of(cell, what, key, &about(&format!("≤ {factor} × {peer}'s"), shown));
    Some(row.decide(|ours, theirs| ours <= theirs * factor, theirs))
}

/// The three targets of a server's cell: near the raw ring, before every peer, and well before
/// tokio.
pub fn served_cell(cell: &CellResults, what: &str) -> Vec<Target> {
    const KEY: &str = "cpu_ns";
    const OWN_COST: f64 = 80.0;
    if cell.entry("annulus").is_none() {
        return Vec::new();
    }
    let near = Target::of(cell, what, KEY, "≤ the raw ring's in the same form + 80 ns");
    let raw = near.raw_ring;
    let before = Target::of(cell, what, KEY, "< every peer's");
    let best = before.best_peer.as_ref().map(|(_, value)| *value);
    let mut rows = vec![
        near.decide(|ours, raw| ours <= raw + OWN_COST, raw),
        before.decide(|ours, best| ours < best, best),
    ];
    rows.extend(of_peer(cell, what, KEY, "tokio", 0.96));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Sample;

    fn entry(contender: &str, form: &str, cpu: f64) -> Entry {
        let samples = vec![Sample::from([("cpu_ns".to_owned(), cpu)])];
        Entry {
            contender: contender.into(),
            form: form.into(),
            command: None,
            samples,
            failures: Vec::new(),
        }
    }

    fn cell(entries: Vec<Entry>) -> CellResults {
        let (id, title, group) = ("64B-32".into(), "64 B, 32 connections".into(), "64 B".into());
        CellResults { id, title, group, x: Some(32.0), entries }
    }

    #[test]
    fn the_raw_ring_is_compared_in_our_form_and_limits_are_no_peers() {
        let cell = cell(vec![
            entry("annulus", "recv", 4400.0),
            entry("raw-uring", "owned", 4000.0),
            entry("raw-uring", "recv", 4350.0),
            entry("raw-epoll", "level", 4100.0),
            entry("tokio", "owned", 4700.0),
            entry("monoio", "owned", 4500.0),
        ]);
        let rows = served_cell(&cell, "echo");
        assert_eq!(rows[0].raw_ring, Some(4350.0));
        assert_eq!(rows[0].best_peer, Some(("monoio".into(), 4500.0)));
        assert_eq!(rows.iter().map(|row| row.met).collect::<Vec<_>>(), [Some(true); 3]);
    }

    #[test]
    fn a_target_that_is_missed_is_said_to_be_and_an_unknown_one_too() {
        let missed = cell(vec![
            entry("annulus", "recv", 4800.0),
            entry("raw-uring", "recv", 4350.0),
            entry("tokio", "owned", 4700.0),
        ]);
        let rows = served_cell(&missed, "echo");
        assert_eq!(rows.iter().map(|row| row.met).collect::<Vec<_>>(), [Some(false); 3]);
        let alone = cell(vec![entry("annulus", "recv", 4800.0)]);
        assert_eq!(served_cell(&alone, "echo")[0].met, None);
        assert!(served_cell(&cell(Vec::new()), "echo").is_empty());
    }

    #[test]
    fn what_was_not_measured_is_on_the_page_by_name() {
        let page = page(vec![Target { what: "echo, 64 B".into(), ..Target::default() }]);
        assert_eq!(page.len(), ROWS.len());
        assert_eq!(page[0].what, "echo, 64 B");
        assert!(page.iter().any(|row| row.what == "idle connections" && row.met.is_none()));
    }
}
