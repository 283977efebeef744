//! The report: a page in Markdown, plots beside it, and the results as JSON.

use std::fs;
use std::path::Path;

use crate::Error;
use crate::options::Options;
use crate::results::Results;
use crate::{targets, workload};

mod markdown;
mod plots;
mod standings;

/// Writes everything into the output directory and says where it is.
pub fn write(results: &Results, options: &Options) -> Result<(), Error> {
    let out = &options.out;
    fs::create_dir_all(out)?;
    let json = serde_json::to_string_pretty(results)?;
    fs::write(out.join("results.json"), &json)?;
    let plots = plots::draw(results, out)?;
    let measured = workload::all().iter().flat_map(|workload| workload.targets(results)).collect();
    let targets = targets::page(measured);
    fs::write(out.join("report.md"), markdown::page(results, &targets, &plots))?;
    if options.json {
        println!("{json}");
    }
    eprintln!("the report is {}", out.join("report.md").display());
    Ok(())
}

/// Writes the report of an earlier run again.
pub fn again(file: &Path, options: &Options) -> Result<(), Error> {
    let results = serde_json::from_str(&fs::read_to_string(file)?)?;
    write(&results, options)
}
