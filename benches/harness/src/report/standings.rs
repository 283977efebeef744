//! Who is ahead in which cell, for the first page.

use crate::results::{Better, CellResults, Entry, Metric, WorkloadResults};

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
    /// Behind the best peer, by this much of its figure.
    Behind { peer: String, by: f64 },
    /// annulus has no figure here.
    Missing,
}

/// Where annulus stands in each cell of a workload, by the workload's first number. The two limits
/// are no peers.
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

fn is_peer(entry: &Entry) -> bool {
    !matches!(entry.contender.as_str(), "annulus" | "raw-uring" | "raw-epoll")
}

fn place(cell: &CellResults, metric: &Metric) -> Place {
    let sign = if metric.better == Better::More { -1.0 } else { 1.0 };
    let best = |wanted: &dyn Fn(&Entry) -> bool| {
        cell.entries
            .iter()
            .filter(|entry| wanted(entry))
            .filter_map(|entry| Some((peer_name(entry), entry.median(&metric.key)?)))
            .min_by(|one, other| (one.1 * sign).total_cmp(&(other.1 * sign)))
    };
    let ours = best(&|entry| entry.contender == "annulus");
    let (Some((_, ours)), Some((peer, theirs))) = (ours, best(&is_peer)) else {
        return Place::Missing;
    };
    let by = (theirs - ours) * sign / theirs.abs();
    if by >= 0.0 { Place::Ahead { peer, by } } else { Place::Behind { peer, by: -by } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Sample;

    fn cell(figures: &[(&str, f64)]) -> CellResults {
        let entries = figures
            .iter()
            .map(|(contender, value)| Entry {
                contender: (*contender).into(),
                form: String::new(),
                command: None,
                samples: vec![Sample::from([("n".to_owned(), *value)])],
                failures: Vec::new(),
            })
            .collect();
        CellResults { id: "a".into(), title: "a".into(), group: String::new(), x: None, entries }
    }

    fn of(figures: &[(&str, f64)], better: Better) -> Place {
        place(&cell(figures), &Metric::new("n", "n", "ns", better))
    }

    #[test]
    fn what_is_lost_is_said_as_plainly_as_what_is_won() {
        let figures = [("raw-uring", 80.0), ("annulus", 90.0), ("tokio", 120.0), ("smol", 100.0)];
        assert_eq!(of(&figures, Better::Less), Place::Ahead { peer: "smol".into(), by: 0.1 });
        let Place::Behind { peer, by } = of(&figures, Better::More) else { panic!("not behind") };
        assert_eq!((peer.as_str(), by), ("tokio", 0.25));
        assert_eq!(of(&[("tokio", 1.0)], Better::Less), Place::Missing);
    }
}
