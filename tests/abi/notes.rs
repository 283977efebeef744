//! Holds `uring-sys-notes/` and these tests together.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const FIELDS: [&str; 6] =
    ["**Question.**", "**Rule.**", "**Since.**", "**Source.**", "**Pinned by.**", "**Used by.**"];

fn files(directory: &str, extension: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut files: Vec<PathBuf> = fs::read_dir(&directory)
        .expect("the directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "nothing in {}", directory.display());
    files
}

fn name_of(path: &Path) -> String {
    path.file_stem().expect("a name").to_string_lossy().into_owned()
}

/// `module::test` of every test of this binary, as its sources tell.
fn tests_here() -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for path in files("tests/abi", "rs") {
        let source = fs::read_to_string(&path).expect("a source");
        let mut lines = source.lines();
        while let Some(line) = lines.next() {
            if line.trim() == "#[test]" {
                let function = lines.find(|line| line.starts_with("fn ")).expect("a test's name");
                let name = function["fn ".len()..].split('(').next().expect("a name");
                tests.insert(format!("{}::{name}", name_of(&path)));
            }
        }
    }
    tests
}

/// What stands between backticks and names one of our tests: `module::test`, all of it lower case.
fn pins(note: &str) -> impl Iterator<Item = &str> {
    let quoted = note.split('`').skip(1).step_by(2);
    quoted.filter(|quoted| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        quoted
            .split_once("::")
            .is_some_and(|(module, test)| module.chars().all(plain) && test.chars().all(plain))
            && quoted.matches('_').count() > 2
    })
}

#[test]
fn every_claim_is_pinned_and_every_pin_is_claimed() {
    let tests = tests_here();
    let mut pinned = BTreeSet::new();
    for path in files("uring-sys-notes", "md") {
        let note = fs::read_to_string(&path).expect("a note");
        for pin in pins(&note) {
            assert!(tests.contains(pin), "{} names {pin}, which is no test", name_of(&path));
            pinned.insert(pin.to_owned());
        }
    }
    let unclaimed: Vec<_> = tests.difference(&pinned).collect();
    assert!(unclaimed.is_empty(), "tests that no note names: {unclaimed:#?}");
}

#[test]
fn every_section_that_asks_also_answers() {
    for path in files("uring-sys-notes", "md") {
        let note = fs::read_to_string(&path).expect("a note");
        for section in note.split("\n## ").skip(1) {
            if section.contains(FIELDS[0]) {
                let title = section.lines().next().unwrap_or_default();
                for field in FIELDS {
                    let times = section.matches(field).count();
                    assert_eq!(times, 1, "{}: {title}: {field}", name_of(&path));
                }
            }
        }
    }
}

#[test]
fn the_index_names_every_note() {
    let index = files("uring-sys-notes", "md").into_iter().find(|path| name_of(path) == "README");
    let index = fs::read_to_string(index.expect("README.md")).expect("the index");
    for path in files("uring-sys-notes", "md") {
        let name = format!("{}.md", name_of(&path));
        assert!(name == "README.md" || index.contains(&format!("]({name})")), "{name} is missing");
    }
}
