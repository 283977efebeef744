//! Files: random reads, copies, small files, appends.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::{Cell, Entrant, Workload, once};
use crate::Error;
use crate::options::Options;
use crate::process::Launch;
use crate::results::{Better, CellResults, Metric, Results, Sample};
use crate::targets::{self, Target};

/// Each cell is one job, which a contender measures itself.
#[derive(Debug, Default)]
pub struct Files {
    /// Where the files are, while there are any.
    folder: Mutex<Option<PathBuf>>,
}

const DEPTHS: [u64; 3] = [1, 32, 128];

impl Workload for Files {
    fn name(&self) -> &'static str {
        "files"
    }

    fn title(&self) -> &'static str {
        "Files"
    }

    fn about(&self) -> &'static str {
        "Random reads of 4 KiB from a file of 256 MiB, each block checked, one thread driving as many \
         at a time as the cell says: from the page cache, and past it with `O_DIRECT`. `own` reads \
         into memory of the process's own, `fixed` into buffers that the ring knows beforehand; \
         `blocking` hands each read to the runtime's threads. `std` reads on the thread itself (one \
         at a time, whatever the depth), by pools of 4 and 16 threads, and `fio` with its io_uring \
         engine (`fio --ioengine=io_uring --rw=randread --bs=4k --iodepth=DEPTH --direct=DIRECT \
         --invalidate=0 --time_based --runtime=500ms`, and once more with `--fixedbufs=1 \
         --registerfiles=1`), where it is installed. A copy is of that file, per MiB, `cp` among the \
         others; a small file of 1 KiB is opened, asked for its size, read and closed; an append of \
         4 KiB is on the disk (`fdatasync`) before the next. Nobody is bound to a core. The files \
         are below the report's directory."
    }

    fn metrics(&self) -> Vec<Metric> {
        vec![
            Metric::new("ns", "time", "ns each", Better::Less),
            Metric::new("cpu_ns", "CPU, all threads", "ns each", Better::Less),
            Metric::new("rate", "rate", "1/s", Better::More),
            Metric::new("allocations", "allocations", "each", Better::Less),
        ]
    }

    fn axis(&self) -> Option<&'static str> {
        Some("reads in flight")
    }

    fn cells(&self, options: &Options) -> Vec<Cell> {
        let mut cells = Vec::new();
        for (direct, id, title) in [(0, "cached", "page cache"), (1, "direct", "`O_DIRECT`")] {
            for depth in DEPTHS.into_iter().filter(|depth| !options.quick || *depth == 32) {
                let cell =
                    Cell::new(format!("{id}-{depth}"), format!("reads, {title}, depth {depth}"));
                let cell = cell.at(format!("reads, {title}"), depth as f64);
                cells.push(cell.with("direct", direct).with("depth", depth));
            }
        }
        cells.push(Cell::new("copy", "a copy, per MiB"));
        for depth in [1, 32] {
            cells.push(
                Cell::new(format!("small-{depth}"), format!("small files, {depth} at a time"))
                    .with("depth", depth),
            );
        }
        cells.push(Cell::new("appends", "appends, each on the disk"));
        cells
    }

    fn work(&self, cell: &Cell) -> &'static str {
        match cell.id.as_str() {
            "copy" => "file-copy",
            "appends" => "appends",
            id if id.starts_with("small") => "small-files",
            _ => "file-reads",
        }
    }

    fn all_forms(&self) -> bool {
        true
    }

    fn measure(&self, cell: &Cell, entrant: &Entrant, options: &Options) -> Result<Sample, Error> {
        let folder = options.out.join("files");
        std::fs::create_dir_all(&folder)?;
        *self.folder.lock().unwrap_or_else(PoisonError::into_inner) = Some(folder.clone());
        let mut launch = Launch::new(self.work(cell), &entrant.form).with("dir", folder.display());
        launch =
            cell.parameters.iter().fold(launch, |launch, (key, value)| launch.with(key, value));
        if let Some(operations) = operations(cell, entrant, options) {
            launch = launch.with("operations", operations);
        }
        let mut sample = once::sample(&once::run(entrant, &launch)?);
        if let Some(rate) = sample.get("ns").map(|ns| 1e9 / ns) {
            sample.insert("rate".into(), rate);
        }
        Ok(sample)
    }

    fn targets(&self, results: &Results) -> Vec<Target> {
        let Some(workload) = results.workload(self.name()) else { return Vec::new() };
        let cells = workload.cells.iter().filter(|cell| cell.entry("annulus").is_some());
        cells.flat_map(held_against).collect()
    }
}

impl Drop for Files {
    /// The files are large, and can be made again.
    fn drop(&mut self) {
        let folder = self.folder.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = folder.take() {
            let _gone = std::fs::remove_dir_all(folder);
        }
    }
}

/// How often, for about half a second each; a copy is one. What threads read one at a time takes
/// twenty times as long.
fn operations(cell: &Cell, entrant: &Entrant, options: &Options) -> Option<u64> {
    let threads = entrant.form.starts_with("pool") || entrant.form == "blocking";
    let full = match cell.id.as_str() {
        "copy" => return None,
        "appends" => 200,
        id if id.starts_with("small") => 16_000,
        "direct-1" => 6_400,
        id if id.starts_with("direct") => 25_600,
        "cached-1" if threads => 25_600,
        _ if threads => 128_000,
        _ => 256_000,
    };
    Some(if options.quick { full / 4 } else { full })
}

/// What the reads of a cell are held against.
fn held_against(cell: &CellResults) -> Vec<Target> {
    let other = |contender: &str, form: &str, key: &str| {
        cell.entry_form(contender, form).and_then(|entry| entry.median(key))
    };
    let mut rows = Vec::new();
    let mut row = |key: &str, words: &str, factor: f64, theirs: Option<f64>| {
        let shown = theirs.filter(|_| !words.contains("raw ring"));
        let row = Target::of(cell, "files", key, &targets::about(words, shown));
        rows.push(row.decide(|ours, theirs| ours <= theirs * factor, theirs));
    };
    let near_ring = "≥ 95 % of the raw ring's rate";
    let ring = other("raw-uring", "own", "ns");
    match cell.id.as_str() {
        "cached-1" => {
            row("ns", near_ring, 1.0 / 0.95, ring);
            row("ns", "≥ 20 × the rate of 4 threads", 0.05, other("std", "pool-4", "ns"));
        }
        "cached-32" => {
            row("ns", near_ring, 1.0 / 0.95, ring);
            row("cpu_ns", "≤ 0.5 × the CPU of 4 threads", 0.5, other("std", "pool-4", "cpu_ns"));
        }
        "cached-128" => row("ns", near_ring, 1.0 / 0.95, ring),
        "direct-128" => {
            row("ns", near_ring, 1.0 / 0.95, ring);
            row("ns", "≥ the rate of fio", 1.0, other("std", "fio", "ns"));
            row("cpu_ns", "≤ 0.3 × the CPU of 16 threads", 0.3, other("std", "pool-16", "cpu_ns"));
            let words = format!("registered buffers: {near_ring} with them");
            let row = Target::of(cell, "files", "ns", &words);
            let raw_ring = other("raw-uring", "fixed", "ns");
            let row = Target { raw_ring, ..row };
            let ours = other("annulus", "fixed", "ns");
            rows.push(row.with_ours(ours, raw_ring.map(|raw| raw / 0.95)));
        }
        _ => {}
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Entry;

    fn entry(contender: &str, form: &str, ns: f64, cpu: f64) -> Entry {
        let sample = Sample::from([("ns".to_owned(), ns), ("cpu_ns".to_owned(), cpu)]);
        Entry {
            contender: contender.into(),
            form: form.into(),
            command: None,
            samples: vec![sample],
            failures: Vec::new(),
        }
    }

    fn met(id: &str, entries: Vec<Entry>) -> Vec<Option<bool>> {
        let (id, group) = (id.to_owned(), String::new());
        let cell = CellResults { title: id.clone(), id, group, x: None, entries };
        held_against(&cell).into_iter().map(|row| row.met).collect()
    }

    #[test]
    fn reads_are_held_against_the_ring_the_threads_and_fio() {
        let entries = |ours: f64, cpu: f64| {
            vec![
                entry("annulus", "own", ours, cpu),
                entry("raw-uring", "own", 950.0, 900.0),
                entry("std", "pool-4", 20_000.0, 2_000.0),
                entry("std", "pool-16", 14_000.0, 10_000.0),
                entry("std", "fio", 1_000.0, 900.0),
            ]
        };
        assert_eq!(met("cached-1", entries(1_000.0, 1_000.0)), [Some(true), Some(true)]);
        assert_eq!(met("cached-1", entries(1_001.0, 1_000.0)), [Some(false), Some(false)]);
        assert_eq!(met("cached-32", entries(1_000.0, 1_001.0)), [Some(true), Some(false)]);
        assert_eq!(
            met("direct-128", entries(1_000.0, 3_001.0)),
            [Some(true), Some(true), Some(false), None]
        );
        assert!(met("copy", entries(1.0, 1.0)).is_empty());
        // Without fio its row cannot be told.
        let without = entries(1_000.0, 1.0).into_iter().filter(|entry| entry.form != "fio");
        assert_eq!(met("direct-128", without.collect())[1], None);
    }
}
