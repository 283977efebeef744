//! `annulus-bench profile`: where the instructions of a request go, ours beside the raw ring's.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::contender::{self, CONTESTANTS, Contender};
use crate::load::Exchange;
use crate::options::Options;
use crate::process::Launch;
use crate::stats::readable;
use crate::{Error, callgrind};

/// Exchanges under the profiler, over so many connections.
const EXCHANGES: u64 = 8_000;
const CONNECTIONS: usize = 64;

/// Lines of a table; what is below them is summed up.
const LINES: usize = 30;

/// Profiles echo and HTTP, and writes `profile.md`.
pub fn run(options: &Options) -> Result<(), Error> {
    let names = if options.contenders.is_empty() {
        vec!["annulus".to_owned(), "raw-uring".to_owned()]
    } else {
        options.contenders.clone()
    };
    let mut page = String::from(
        "# Where the instructions of a request go\n\nInstructions of user space for each request, by \
         callgrind; 64 connections, the first form of each.\n",
    );
    for (work, exchange) in [("echo", Exchange::echo(64)), ("http", Exchange::hello(1))] {
        for name in &names {
            let contestant = CONTESTANTS.iter().find(|contestant| contestant.name == name);
            let contestant = contestant.ok_or_else(|| format!("there is no contender `{name}`"))?;
            let (built, report) = contender::build(contestant, options.build);
            let built = built.ok_or_else(|| report.failure.unwrap_or_default())?;
            section(&mut page, &built, work, &exchange)?;
        }
    }
    std::fs::create_dir_all(&options.out)?;
    let path = options.out.join("profile.md");
    std::fs::write(&path, page)?;
    eprintln!("the profile is {}", path.display());
    Ok(())
}

fn section(
    page: &mut String,
    contender: &Contender,
    work: &str,
    exchange: &Exchange,
) -> Result<(), Error> {
    let offered = contender.work(work).ok_or("it does not offer the work")?;
    let form = offered.forms.first().ok_or("it has no form")?;
    let launch = Launch::new(work, form);
    let profile = callgrind::count(&contender.program, &launch, exchange, CONNECTIONS, EXCHANGES)?;
    let functions = profile.functions()?;
    let requests = profile.requests as f64;
    let each = |count: u64| count as f64 / requests;
    let (name, total) = (contender.name, readable(each(profile.instructions)));
    writeln!(page, "\n## {work}, {name} ({form}): {total}\n")?;
    let (mut by_file, mut by_function) = (BTreeMap::new(), BTreeMap::new());
    for ((file, function), count) in functions {
        *by_file.entry(file).or_insert(0) += count;
        *by_function.entry(function).or_insert(0) += count;
    }
    table(page, "in the code of", by_file, each)?;
    table(page, "compiled into", by_function, each)
}

fn table(
    page: &mut String,
    title: &str,
    counts: BTreeMap<String, u64>,
    each: impl Fn(u64) -> f64,
) -> Result<(), Error> {
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    writeln!(page, "| {title} | instructions |\n|---|---:|")?;
    for (name, count) in counts.iter().take(LINES) {
        writeln!(page, "| `{}` | {} |", name.replace('|', "\\|"), readable(each(*count)))?;
    }
    let rest = counts.iter().skip(LINES).map(|(_, count)| count).sum();
    writeln!(page, "| the rest | {} |\n", readable(each(rest)))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_begins_with_the_dearest_and_sums_the_rest() {
        let counts = (0..40u64).map(|number| (format!("f{number}"), number * 10)).collect();
        let mut page = String::new();
        table(&mut page, "in", counts, |count| count as f64 / 10.0).expect("a table");
        let lines: Vec<_> = page.lines().collect();
        assert_eq!(lines[2], "| `f39` | 39.0 |");
        assert_eq!(lines[2 + LINES], "| the rest | 45.0 |");
    }
}
