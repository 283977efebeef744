//! What the workloads have in common whose jobs measure themselves.

use std::collections::BTreeMap;

use super::Entrant;
use crate::Error;
use crate::process::{self, Launch};
use crate::results::Sample;

/// The numbers that a contender's job ended with.
pub fn run(entrant: &Entrant, launch: &Launch) -> Result<BTreeMap<String, f64>, Error> {
    process::run_once(&entrant.contender.program, launch)
}

/// Those numbers for each of the job's operations.
pub fn sample(numbers: &BTreeMap<String, f64>) -> Sample {
    let operations = numbers.get("operations").copied().unwrap_or(1.0).max(1.0);
    let each = [("wall_ns", "ns"), ("cpu_ns", "cpu_ns"), ("allocations", "allocations")];
    let mut sample = Sample::new();
    for (theirs, ours) in each {
        if let Some(number) = numbers.get(theirs) {
            sample.insert(ours.into(), number / operations);
        }
    }
    let totals = ["operations", "wall_ns", "cpu_ns", "allocations", "allocated_bytes"];
    let others = numbers.iter().filter(|(key, _)| !totals.contains(&key.as_str()));
    sample.extend(others.map(|(key, number)| (key.clone(), *number)));
    sample
}

/// Instructions of one operation, in user space, by callgrind: the difference of two runs.
pub fn instructions(entrant: &Entrant, launch: &Launch, operations: u64) -> Result<f64, Error> {
    let count = |operations: u64| {
        let launch = launch.clone().with("operations", operations);
        process::callgrind_once(&entrant.contender.program, &launch)
    };
    let (once, twice) = (count(operations)?, count(2 * operations)?);
    Ok((twice as f64 - once as f64) / operations as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_divided_and_what_else_there_is_is_kept() {
        let numbers =
            [("operations", 100.0), ("wall_ns", 5000.0), ("allocations", 50.0), ("p50_ns", 7.0)];
        let numbers = numbers.map(|(key, number)| (key.to_owned(), number)).into();
        let wanted = [("ns", 50.0), ("allocations", 0.5), ("p50_ns", 7.0)];
        let wanted: Sample = wanted.map(|(key, number)| (key.to_owned(), number)).into();
        assert_eq!(sample(&numbers), wanted);
    }
}
