//! What is measured. A workload says which cells it has, and measures one contender in one cell;
//! the runner does the rest: rounds, interleaving, progress, results.
//!
//! A new workload is a type that implements [`Workload`] and a line in [`all`]. What the contenders
//! have to do for it is a `Work` in their tables (`annulus_bench_kit::Work`): a contender whose
//! table lacks it is left out of the workload's cells, and the report says so.

use std::collections::BTreeMap;

use crate::Error;
use crate::contender::Contender;
use crate::options::Options;
use crate::results::{Metric, Results, Sample};
use crate::targets::Target;

mod anatomy;
mod echo;
mod files;
mod forms;
mod http;
mod idle;
mod once;
mod overload;
pub mod served;
mod storms;
mod tasks;
mod timeouts;
mod wrk;

/// All workloads, in the order of the report.
pub fn all() -> Vec<Box<dyn Workload>> {
    vec![
        Box::new(echo::Echo),
        Box::new(http::Http),
        Box::new(forms::Forms),
        Box::new(timeouts::Timeouts),
        Box::new(idle::Idle::default()),
        Box::new(storms::Storms),
        Box::new(overload::Overload::default()),
        Box::new(anatomy::Anatomy::default()),
        Box::new(tasks::Tasks::default()),
        Box::new(files::Files::default()),
        Box::new(wrk::Wrk),
    ]
}

/// Something to measure, for all contenders that can do it.
pub trait Workload {
    /// A word for the command line.
    fn name(&self) -> &'static str;
    /// A heading for the report.
    fn title(&self) -> &'static str;
    /// A paragraph for the report: what is done, and what the numbers mean.
    fn about(&self) -> &'static str;
    /// The numbers that it measures; the first is what ratios and plots are about.
    fn metrics(&self) -> Vec<Metric>;

    /// What the x axis of its plots is, if it has plots.
    fn axis(&self) -> Option<&'static str> {
        None
    }

    /// The cells, fewer for a quick run.
    fn cells(&self, options: &Options) -> Vec<Cell>;

    /// The work that a contender has to offer to take part in a cell.
    fn work(&self, cell: &Cell) -> &'static str;

    /// Whether each form of a contender takes part, or only its best.
    fn all_forms(&self) -> bool {
        false
    }

    /// Whether a contender takes part at all.
    fn admits(&self, _contender: &str) -> bool {
        true
    }

    /// How many times each contender is measured in each cell.
    fn rounds(&self, options: &Options) -> usize {
        options.rounds
    }

    /// Measures one contender once.
    fn measure(&self, cell: &Cell, entrant: &Entrant, options: &Options) -> Result<Sample, Error>;

    /// What the last measurement could not measure beside the numbers it has given; taken once.
    fn shortfalls(&self) -> Vec<String> {
        Vec::new()
    }

    /// The targets that this workload's results are held against.
    fn targets(&self, _results: &Results) -> Vec<Target> {
        Vec::new()
    }
}

/// One combination of parameters.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    /// Its name, unique in its workload.
    pub id: String,
    pub title: String,
    /// Cells of one group are points of one plot.
    pub group: String,
    pub x: Option<f64>,
    pub parameters: BTreeMap<&'static str, u64>,
}

impl Cell {
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Self {
        Cell { id: id.into(), title: title.into(), ..Cell::default() }
    }

    /// Makes it a point of the plot `group` at `x`.
    #[must_use]
    pub fn at(mut self, group: impl Into<String>, x: f64) -> Self {
        (self.group, self.x) = (group.into(), Some(x));
        self
    }

    #[must_use]
    pub fn with(mut self, key: &'static str, value: u64) -> Self {
        self.parameters.insert(key, value);
        self
    }

    /// A parameter that the workload itself has set.
    ///
    /// # Panics
    ///
    /// If it has not.
    pub fn get(&self, key: &str) -> u64 {
        *self.parameters.get(key).unwrap_or_else(|| panic!("cell {} has no `{key}`", self.id))
    }
}

/// A contender in one of its forms.
#[derive(Debug, Clone)]
pub struct Entrant {
    pub contender: Contender,
    pub form: String,
}

/// Who takes part in a cell: each contender in its best form, or in all; the raw ring also in the
/// form that annulus has, so that the cost of the runtime itself can be told.
pub fn entrants(work: &str, all_forms: bool, contenders: &[Contender]) -> Vec<Entrant> {
    let forms_of = |contender: &Contender| contender.work(work).map(|work| work.forms.clone());
    let ours = contenders
        .iter()
        .find(|contender| contender.name == "annulus")
        .and_then(forms_of)
        .and_then(|forms| forms.first().cloned());
    let mut entrants = Vec::new();
    for contender in contenders {
        for (index, form) in forms_of(contender).unwrap_or_default().into_iter().enumerate() {
            let same_as_ours = contender.name == "raw-uring" && Some(&form) == ours.as_ref();
            if index == 0 || all_forms || same_as_ours {
                entrants.push(Entrant { contender: contender.clone(), form });
            }
        }
    }
    entrants
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Work;

    fn contender(name: &'static str, forms: &[&str]) -> Contender {
        let forms = forms.iter().map(|form| (*form).to_owned()).collect();
        let works = vec![Work { name: "echo".into(), forms }];
        Contender { name, program: "nowhere".into(), works }
    }

    fn names(entrants: &[Entrant]) -> Vec<String> {
        entrants
            .iter()
            .map(|entrant| format!("{}/{}", entrant.contender.name, entrant.form))
            .collect()
    }

    #[test]
    fn the_raw_ring_also_runs_in_our_form() {
        let contenders = [
            contender("annulus", &["recv", "owned"]),
            contender("raw-uring", &["owned", "recv", "stream"]),
            contender("tokio", &["owned"]),
        ];
        let found = names(&entrants("echo", false, &contenders));
        assert_eq!(found, ["annulus/recv", "raw-uring/owned", "raw-uring/recv", "tokio/owned"]);
        assert_eq!(entrants("echo", true, &contenders).len(), 6);
        assert!(entrants("files", false, &contenders).is_empty());
    }

    #[test]
    fn workloads_have_names_and_cells_of_their_own() {
        let mut names: Vec<_> = all().iter().map(|workload| workload.name()).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        for quick in [false, true] {
            let options = Options { quick, ..Options::default() };
            for workload in all() {
                let mut ids: Vec<_> =
                    workload.cells(&options).into_iter().map(|cell| cell.id).collect();
                let count = ids.len();
                assert!(count > 0, "{} has no cells", workload.name());
                ids.sort_unstable();
                ids.dedup();
                assert_eq!(ids.len(), count, "{} has two cells of one name", workload.name());
                assert!(!workload.metrics().is_empty());
            }
        }
    }
}
