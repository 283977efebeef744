//! What `ci/instructions.sh` would say: the comparison of counts, and the file they are kept in.

#[allow(dead_code, reason = "the program uses all of it")]
#[path = "../benches/counting/baseline.rs"]
mod baseline;
#[allow(dead_code, reason = "the program uses all of it")]
#[path = "../benches/counting/compare.rs"]
mod compare;
#[path = "../benches/counting/count.rs"]
mod count;

use baseline::Baseline;
use compare::{Comparison, Verdict};
use count::Count;

fn count(instructions: f64, allocations: f64) -> Count {
    Count { instructions, allocations }
}

fn verdict(before: Count, now: Count) -> Verdict {
    Comparison { name: "path".to_owned(), before: Some(before), now }.verdict()
}

#[test]
fn a_count_may_differ_by_two_per_cent_or_a_few_instructions() {
    for (before, now, expected) in [
        (1000.0, 1019.0, Verdict::Same),
        (1000.0, 1021.0, Verdict::Slower),
        (1000.0, 981.0, Verdict::Same),
        (1000.0, 979.0, Verdict::Faster),
        (50.0, 56.0, Verdict::Same),
        (50.0, 56.1, Verdict::Slower),
        (50.0, 43.9, Verdict::Faster),
    ] {
        assert_eq!(verdict(count(before, 0.0), count(now, 0.0)), expected, "{before} {now}");
    }
}

#[test]
fn one_allocation_more_is_slower_however_few_the_instructions() {
    assert_eq!(verdict(count(500.0, 0.0), count(400.0, 1.0)), Verdict::Slower);
    assert_eq!(verdict(count(500.0, 1.0), count(500.0, 1.01)), Verdict::Slower);
    assert_eq!(verdict(count(500.0, 1.0), count(500.0, 1.0)), Verdict::Same);
    assert_eq!(verdict(count(500.0, 1.0), count(500.0, 0.0)), Verdict::Faster);
}

#[test]
fn a_path_without_a_baseline_is_new() {
    let comparison = Comparison { name: "path".to_owned(), before: None, now: count(1.0, 0.0) };
    assert_eq!(comparison.verdict(), Verdict::New);
    assert!(comparison.to_string().ends_with("NEW"));
}

#[test]
fn the_table_says_what_was_what_is_and_what_changed() {
    let (before, now) = (Some(count(100.0, 0.0)), count(130.5, 1.0));
    let row = Comparison { name: "path".to_owned(), before, now }.to_string();
    let words: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(words, ["path", "100.0", "130.5", "+30.5", "0.00", "1.00", "SLOWER"]);
}

#[test]
fn a_baseline_is_read_as_it_was_written() {
    let mut baseline = Baseline { compiler: "rustc 1.2.3, machine".to_owned(), rows: Vec::new() };
    baseline.set("first", count(12.3, 0.0));
    baseline.set("second", count(4567.8, 1.25));
    baseline.set("first", count(12.5, 0.0));
    assert_eq!(Baseline::from_text(&baseline.to_text()), Ok(baseline.clone()));
    assert_eq!(baseline.row("first"), Some(count(12.5, 0.0)));
    assert_eq!(baseline.row("third"), None);
}

#[test]
fn a_baseline_that_makes_no_sense_is_refused_with_its_line() {
    let wrong = Baseline::from_text("compiler: one\npath many 0\n");
    assert_eq!(wrong.unwrap_err(), "line 2: `path many 0`");
    assert!(Baseline::from_text("path 1 0\n").is_err(), "no compiler");
}

/// The committed file holds a row for each path, in the order of the program.
#[test]
fn the_committed_baseline_can_be_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/baseline.txt");
    let text = std::fs::read_to_string(path).expect("the baseline");
    let baseline = Baseline::from_text(&text).expect("a baseline");
    assert_eq!(baseline.to_text(), text);
    assert!(baseline.rows.len() >= 20);
    for (name, count) in &baseline.rows {
        assert!(count.instructions > 10.0, "{name} costs something");
    }
}
