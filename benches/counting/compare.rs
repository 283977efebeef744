//! Whether a path became slower.

use std::fmt;

use super::count::Count;

/// A count may grow by this share of what it was, or by `SLACK_MIN` where that is more: the loop
/// turns once more or less, and the compiler lays out other code.
const SLACK: f64 = 0.02;
const SLACK_MIN: f64 = 6.0;
/// Allocations are exact; this is below the hundredths in which they are given.
const SAME: f64 = 0.005;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Same,
    Faster,
    Slower,
    /// The baseline does not know the path.
    New,
}

/// One path, before and now.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    pub(crate) name: String,
    pub(crate) before: Option<Count>,
    pub(crate) now: Count,
}

impl Comparison {
    pub(crate) fn verdict(&self) -> Verdict {
        let Some(before) = self.before else { return Verdict::New };
        let slack = (before.instructions * SLACK).max(SLACK_MIN);
        let instructions = self.now.instructions - before.instructions;
        let allocations = self.now.allocations - before.allocations;
        if instructions > slack || allocations > SAME {
            Verdict::Slower
        } else if instructions < -slack || allocations < -SAME {
            Verdict::Faster
        } else {
            Verdict::Same
        }
    }
}

/// A row of the table that [`TABLE_HEAD`] heads.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Count { instructions, allocations } = self.now;
        let word = match self.verdict() {
            Verdict::Same => "",
            Verdict::Faster => "faster",
            Verdict::Slower => "SLOWER",
            Verdict::New => "NEW",
        };
        let (before, change, allocated) = match self.before {
            None => ("-".to_owned(), "-".to_owned(), "-".to_owned()),
            Some(before) => (
                format!("{:.1}", before.instructions),
                format!("{:+.1}", instructions - before.instructions),
                format!("{:.2}", before.allocations),
            ),
        };
        let name = &self.name;
        write!(f, "{name:20} {before:>10} {instructions:>10.1} {change:>9} ")?;
        write!(f, "{allocated:>8} {allocations:>8.2}  {word}")?;
        Ok(())
    }
}

pub(crate) const TABLE_HEAD: &str = "\
path                  instructions           change     allocations
                         before        now             before      now";
