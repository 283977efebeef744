//! What was measured, as it is written to JSON and read back for a report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::stats::{Spread, spread};

/// The numbers of one run of one contender, by the names of [`Metric`]s.
pub type Sample = BTreeMap<String, f64>;

/// The number of a [`Sample`] that says in which round it was taken.
pub const ROUND: &str = "round";

/// Everything that one run of the harness measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Results {
    pub machine: Machine,
    /// When it began, in UTC.
    pub date: String,
    pub command: String,
    pub rounds: usize,
    pub seconds: f64,
    /// How long the whole run took, building included.
    pub took_seconds: f64,
    pub contenders: Vec<ContenderReport>,
    pub workloads: Vec<WorkloadResults>,
    /// What could not be measured as it should be, and why.
    pub notes: Vec<String>,
}

/// A contender, and whether it could be built.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ContenderReport {
    pub name: String,
    pub about: String,
    pub version: Option<String>,
    pub failure: Option<String>,
}

/// Which way a number is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Better {
    Less,
    More,
    /// It tells something and is no matter of winning.
    Neither,
}

/// A number that a workload measures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metric {
    /// Its name in a [`Sample`].
    pub key: String,
    pub title: String,
    pub unit: String,
    pub better: Better,
}

impl Metric {
    pub fn new(key: &str, title: &str, unit: &str, better: Better) -> Self {
        Metric { key: key.into(), title: title.into(), unit: unit.into(), better }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WorkloadResults {
    pub name: String,
    pub title: String,
    pub about: String,
    /// The first is the one that ratios and plots are about.
    pub metrics: Vec<Metric>,
    /// What the x axis of this workload's plots is, where there are any.
    pub axis: Option<String>,
    /// How long its cells took.
    #[serde(default)]
    pub took_seconds: f64,
    pub cells: Vec<CellResults>,
}

/// One combination of parameters, measured for all contenders in turn.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CellResults {
    pub id: String,
    pub title: String,
    /// Cells of one group are points of one plot.
    pub group: String,
    pub x: Option<f64>,
    pub entries: Vec<Entry>,
}

/// One contender in one cell.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    pub contender: String,
    pub form: String,
    /// The command line of the contender.
    #[serde(default)]
    pub command: Option<String>,
    pub samples: Vec<Sample>,
    pub failures: Vec<String>,
}

impl Entry {
    /// The name to show: the contender's, with its form where it is not the only one.
    pub fn name(&self) -> String {
        format!("{} ({})", self.contender, self.form)
    }

    pub fn spread(&self, key: &str) -> Option<Spread> {
        spread(self.samples.iter().filter_map(|sample| sample.get(key).copied()))
    }

    pub fn median(&self, key: &str) -> Option<f64> {
        self.spread(key).map(|spread| spread.median)
    }

    /// The ratio to another's number, round by round: what a machine does in one round it does to
    /// both, which the ratio of two medians would not know.
    pub fn ratio(&self, base: &Entry, key: &str) -> Option<Spread> {
        let pairs = self.pairs(base, key);
        spread(pairs.iter().filter(|(_, base)| *base != 0.0).map(|(ours, base)| ours / base))
    }

    /// A number and another's of the same round, for each round that has both.
    pub fn pairs(&self, other: &Entry, key: &str) -> Vec<(f64, f64)> {
        let others: Vec<(f64, f64)> = other.rounds(key).collect();
        let same = |round: f64| others.iter().find(|(other, _)| *other == round);
        self.rounds(key).filter_map(|(round, ours)| Some((ours, same(round)?.1))).collect()
    }

    /// A number with the rounds in which it was measured.
    fn rounds(&self, key: &str) -> impl Iterator<Item = (f64, f64)> {
        self.samples.iter().enumerate().filter_map(move |(index, sample)| {
            let round = sample.get(ROUND).copied().unwrap_or(index as f64);
            Some((round, *sample.get(key)?))
        })
    }
}

impl CellResults {
    /// The first entry of a contender: its best form, where a cell has more of it.
    pub fn entry(&self, contender: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.contender == contender)
    }

    pub fn entry_form(&self, contender: &str, form: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.contender == contender && entry.form == form)
    }
}

impl Results {
    pub fn workload(&self, name: &str) -> Option<&WorkloadResults> {
        self.workloads.iter().find(|workload| workload.name == name)
    }
}

impl WorkloadResults {
    pub fn cell(&self, id: &str) -> Option<&CellResults> {
        self.cells.iter().find(|cell| cell.id == id)
    }
}
