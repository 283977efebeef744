//! Who is ahead in which cell, for the first page.

use crate::results::{Better, CellResults, Entry, Metric, WorkloadResults};

/// The part of the rounds that must be won before a cell is.
const MOST: f64 = 0.8;

/// How annulus stands in one cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub cell: String,
    pub place: Place,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// Ahead of every peer, by this much of the best peer's figure.
    Ahead { peer: String, by: f64 },
    /// Now before and now behind the best peer, round by round; by this much before its figure.
    Level { peer: String, by: f64 },
    /// Behind the best peer, by this much of its figure.
    Behind { peer: String, by: f64 },
    /// annulus has no figure here.
    Missing,
}

/// Where annulus stands in each cell of a workload, by the workload's first number.
pub fn standings(workload: &WorkloadResults) -> Vec<Standing> {
    let Some(metric) = workload.metrics.first() else { return Vec::new() };
    let peers = |cell: &CellResults| cell.entries.iter().any(is_peer);
    workload
        .cells
        .iter()
        .filter(|cell| peers(cell))
        .map(|cell| Standing { cell: cell.title.clone(), place: place(cell, metric) })
        .collect()
}

/// What needs no runtime is several things.
fn peer_name(entry: &Entry) -> String {
    if entry.contender == "std" { entry.form.clone() } else { entry.contender.clone() }
}

/// The limits are no peers: hand-written loops, and plain calls, beside which a thread does nothing
/// else.
fn is_peer(entry: &Entry) -> bool {
    match entry.contender.as_str() {
        "annulus" | "raw-uring" | "raw-epoll" => false,
        "std" => !matches!(entry.form.as_str(), "pread" | "calls" | "std"),
        _ => true,
    }
}

fn place(cell: &CellResults, metric: &Metric) -> Place {
    let sign = if metric.better == Better::More { -1.0 } else { 1.0 };
    let best = |wanted: &dyn Fn(&Entry) -> bool| {
        cell.entries
            .iter()
            .filter(|entry| wanted(entry))
            .filter_map(|entry| Some((entry, entry.median(&metric.key)?)))
            .min_by(|one, other| (one.1 * sign).total_cmp(&(other.1 * sign)))
    };
    let ours = best(&|entry| entry.contender == "annulus");
    let (Some((ours, our)), Some((theirs, their))) = (ours, best(&is_peer)) else {
        return Place::Missing;
    };
    let (peer, by) = (peer_name(theirs), (their - our) * sign / their.abs());
    let rounds = ours.pairs(theirs, &metric.key);
    let share = |wins: fn(f64, f64) -> bool| {
        let won = rounds.iter().filter(|(ours, theirs)| wins(ours * sign, theirs * sign)).count();
        won as f64 / rounds.len() as f64
    };
    if by > 0.0 && share(|ours, theirs| ours < theirs) >= MOST {
        Place::Ahead { peer, by }
    } else if by < 0.0 && share(|ours, theirs| ours > theirs) >= MOST {
        Place::Behind { peer, by: -by }
    } else {
        Place::Level { peer, by }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Sample;

    #[test]
    fn plain_calls_are_a_limit_and_threads_are_a_peer() {
        let plain = |form: &str| Entry { form: form.into(), ..entry("std", &[1.0]) };
        assert!(is_peer(&plain("pool-4")) && is_peer(&plain("fio")) && is_peer(&plain("cp")));
        assert!(!is_peer(&plain("pread")) && !is_peer(&plain("calls")));
    }

    fn entry(contender: &str, values: &[f64]) -> Entry {
        let sample = |value: &f64| Sample::from([("n".to_owned(), *value)]);
        Entry {
            contender: contender.into(),
            form: String::new(),
            command: None,
            samples: values.iter().map(sample).collect(),
            failures: Vec::new(),
        }
    }

    fn cell(entries: Vec<Entry>) -> CellResults {
        CellResults { id: "a".into(), title: "a".into(), group: String::new(), x: None, entries }
    }

    fn of(figures: &[(&str, f64)], better: Better) -> Place {
        let entries = figures.iter().map(|(name, value)| entry(name, &[*value])).collect();
        place(&cell(entries), &Metric::new("n", "n", "ns", better))
    }

    #[test]
    fn what_is_lost_is_said_as_plainly_as_what_is_won() {
        let figures = [("raw-uring", 80.0), ("annulus", 90.0), ("tokio", 120.0), ("smol", 100.0)];
        assert_eq!(of(&figures, Better::Less), Place::Ahead { peer: "smol".into(), by: 0.1 });
        let Place::Behind { peer, by } = of(&figures, Better::More) else { panic!("not behind") };
        assert_eq!((peer.as_str(), by), ("tokio", 0.25));
        assert_eq!(of(&[("tokio", 1.0)], Better::Less), Place::Missing);
    }

    #[test]
    fn who_wins_some_rounds_and_loses_others_is_level() {
        let both = |ours: &[f64], theirs: &[f64]| {
            let entries = vec![entry("annulus", ours), entry("smol", theirs)];
            place(&cell(entries), &Metric::new("n", "n", "ns", Better::Less))
        };
        let peer = || "smol".to_owned();
        // The machine was slow in the second round, for both.
        let slow = both(&[9.0, 18.0, 9.0], &[10.0, 20.0, 10.0]);
        assert_eq!(slow, Place::Ahead { peer: peer(), by: 0.1 });
        let mixed = both(&[9.0, 21.0, 9.0], &[10.0, 20.0, 10.0]);
        assert_eq!(mixed, Place::Level { peer: peer(), by: 0.1 });
        let most = both(&[9.0, 21.0, 9.0, 9.0, 9.0], &[10.0, 20.0, 10.0, 10.0, 10.0]);
        assert_eq!(most, Place::Ahead { peer: peer(), by: 0.1 });
        let lost = both(&[11.0, 19.0, 11.0, 11.0, 11.0], &[10.0, 20.0, 10.0, 10.0, 10.0]);
        assert_eq!(lost, Place::Behind { peer: peer(), by: 0.1 });
        assert_eq!(both(&[7.0], &[7.0]), Place::Level { peer: peer(), by: 0.0 });
    }
}
