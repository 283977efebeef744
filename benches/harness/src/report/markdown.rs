//! The page.

use std::fmt::Write as _;

use crate::results::{CellResults, Entry, Metric, Results, WorkloadResults};
use crate::stats::readable;

/// Adds a line; a string takes everything.
macro_rules! line {
    ($page:expr $(, $($part:tt)+)?) => {
        { writeln!($page $(, $($part)+)?).expect("a string takes everything"); }
    };
}

/// The whole page.
pub fn page(results: &Results) -> String {
    let mut page = String::new();
    line!(page, "# annulus and its peers, measured side by side\n");
    for workload in &results.workloads {
        section(&mut page, workload);
    }
    page
}

fn section(page: &mut String, workload: &WorkloadResults) {
    line!(page, "## {}\n\n{}\n", workload.title, workload.about);
    for cell in &workload.cells {
        line!(page, "### {}\n", cell.title);
        table(page, cell, &workload.metrics);
    }
}

fn table(page: &mut String, cell: &CellResults, metrics: &[Metric]) {
    let heads: Vec<String> =
        metrics.iter().map(|metric| format!("{}, {}", metric.title, metric.unit)).collect();
    line!(page, "| | {} |", heads.join(" | "));
    line!(page, "|---{}|", "|---:".repeat(heads.len()));
    for entry in &cell.entries {
        line!(page, "| {} | {} |", entry.name(), numbers(entry, metrics).join(" | "));
    }
    line!(page);
}

fn numbers(entry: &Entry, metrics: &[Metric]) -> Vec<String> {
    metrics
        .iter()
        .map(|metric| entry.median(&metric.key).map_or_else(|| "–".into(), readable))
        .collect()
}
