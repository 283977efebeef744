//! The page holds what a reader must find.

use super::*;
use crate::machine::Machine;
use crate::results::{Better, ContenderReport, Sample};

fn entry(contender: &str, values: &[f64], failures: &[&str]) -> Entry {
    Entry {
        contender: contender.into(),
        form: "owned".into(),
        command: Some(format!("contender-{contender} echo")),
        samples: values
            .iter()
            .map(|value| Sample::from([("cpu_ns".to_owned(), *value), ("rate".to_owned(), 1e5)]))
            .collect(),
        failures: failures.iter().map(|failure| (*failure).to_owned()).collect(),
    }
}

fn results() -> Results {
    let entries = vec![
        entry("annulus", &[4400.0, 4300.0, 4500.0], &[]),
        entry("raw-uring", &[4000.0, 4000.0, 4500.0], &[]),
        entry("tokio", &[5500.0, 5000.0, 5625.0], &[]),
        entry("smol", &[], &["no answer came", "no answer came"]),
    ];
    let cell = CellResults {
        id: "64B-32".into(),
        title: "64 B, 32 connections".into(),
        group: "64 B".into(),
        x: Some(32.0),
        entries,
    };
    let contender = |name: &str, failure: Option<&str>| ContenderReport {
        name: name.into(),
        about: "about".into(),
        version: Some("1.2.3".into()),
        failure: failure.map(str::to_owned),
    };
    Results {
        machine: Machine { load_before: 3.0, kernel: "6.18.1".into(), ..Machine::default() },
        date: "2026-11-28 12:00".into(),
        command: "annulus-bench --quick".into(),
        rounds: 3,
        seconds: 0.3,
        took_seconds: 12.0,
        contenders: vec![contender("tokio", None), contender("glommio", Some("error[E0433]"))],
        workloads: vec![WorkloadResults {
            name: "echo".into(),
            title: "TCP echo".into(),
            about: "About echo.".into(),
            metrics: vec![
                Metric::new("cpu_ns", "server CPU", "ns/request", Better::Less),
                Metric::new("rate", "requests", "1/s", Better::More),
            ],
            axis: None,
            took_seconds: 0.0,
            cells: vec![cell],
        }],
        notes: vec!["a note".into()],
    }
}

#[test]
fn a_row_has_median_ends_and_both_ratios() {
    let page = page(&results(), &[], &[]);
    let row = "| **annulus (owned)** | **4 400** (4 300–4 500) | 0.80 (0.80–0.86) | 1.07 (1.00–1.10) \
               | 100 000 |";
    assert!(page.contains(row), "{page}");
    assert!(page.contains("\ncontender-annulus echo\n"), "{page}");
}

#[test]
fn what_could_not_be_built_or_measured_is_on_the_page() {
    let page = page(&results(), &[], &[]);
    assert!(page.contains("| glommio | 1.2.3 | **not measured:** error[E0433] |"), "{page}");
    assert!(page.contains("- smol (owned), 2 of its measurements: no answer came"), "{page}");
    assert!(page.contains("| smol (owned) | – | – | – | – |"), "{page}");
}

#[test]
fn a_busy_machine_is_warned_of() {
    let mut results = results();
    assert!(page(&results, &[], &[]).contains("times are noise"));
    results.machine.load_before = 0.1;
    assert!(!page(&results, &[], &[]).contains("times are noise"));
}

#[test]
fn targets_say_whether_they_are_met() {
    let cell = results().workloads[0].cells[0].clone();
    let targets = crate::targets::served_cell(&cell, "echo");
    let page = page(&results(), &targets, &[]);
    assert!(page.contains("2 of 3 are met;"), "{page}");
    assert!(
        page.contains(
            "| echo, 64 B, 32 connections [ns] | ≤ the raw ring's in the same form + 80 ns"
        )
    );
    assert!(page.contains("**missed**"));
}

#[test]
fn the_summary_names_the_best_peer() {
    let page = page(&results(), &[], &[]);
    assert!(page.contains("(of tokio by 20.0 %)"), "{page}");
}
