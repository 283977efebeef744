//! The committed figures: a table that people can read, and a diff can show.

use std::fmt::Write as _;

use super::count::Count;

/// The counts of a day, and what made the code they were counted on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Baseline {
    /// The compiler and the machine it compiles for. Another one makes other code.
    pub(crate) compiler: String,
    pub(crate) rows: Vec<(String, Count)>,
}

const HEAD: &str = "\
# What one round of each hot path costs in user space: instructions, and allocations.
# Made by `ci/instructions.sh --renew`, held by `ci/instructions.sh`; benches/README.md says more.
";
const COMPILER: &str = "compiler: ";

impl Baseline {
    pub(crate) fn row(&self, name: &str) -> Option<Count> {
        self.rows.iter().find(|(own, _)| own == name).map(|(_, count)| *count)
    }

    /// Puts a row in, or in the place of the one with its name.
    pub(crate) fn set(&mut self, name: &str, count: Count) {
        match self.rows.iter_mut().find(|(own, _)| own == name) {
            Some(row) => row.1 = count,
            None => self.rows.push((name.to_owned(), count)),
        }
    }

    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("{HEAD}{COMPILER}{}\n\n", self.compiler);
        for (name, count) in &self.rows {
            let Count { instructions, allocations } = count;
            let _always = writeln!(text, "{name:20} {instructions:>10.1} {allocations:>8.2}");
        }
        text
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    pub(crate) fn from_text(text: &str) -> Result<Self, String> {
        let mut compiler = None;
        let mut rows = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(named) = line.strip_prefix(COMPILER) {
                compiler = Some(named.to_owned());
                continue;
            }
            let row = row(line).ok_or_else(|| format!("line {}: `{line}`", number + 1))?;
            rows.push(row);
        }
        let compiler = compiler.ok_or("no line says the compiler")?;
        Ok(Baseline { compiler, rows })
    }
}

fn row(line: &str) -> Option<(String, Count)> {
    let mut words = line.split_whitespace();
    let name = words.next()?.to_owned();
    let instructions = words.next()?.parse().ok()?;
    let allocations = words.next()?.parse().ok()?;
    words.next().is_none().then_some((name, Count { instructions, allocations }))
}
