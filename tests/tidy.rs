//! The style of the house, held by a test.
//!
//! Which room may name which, where `unsafe` lives, who names `libc` and `io_uring`, how long files
//! and functions are, and what must not be left behind.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms in order, each with those that it may name. Nothing points back: every room names
/// only rooms that stand above it in this list.
const ROOMS: &[(&str, &[&str])] = &[
    ("marks", &[]),
    ("plants", &[]),
    ("threads", &[]),
    ("buf", &[]),
    ("sys", &["buf"]),
    ("histogram", &[]),
    ("report", &[]),
    ("growth", &[]),
    ("local", &[]),
    ("remote", &["threads"]),
    ("scheduler", &["growth", "local", "remote", "threads"]),
    ("time", &["growth", "local", "remote", "scheduler", "sys"]),
    ("task", &["growth", "histogram", "local", "remote", "report", "scheduler", "sys", "time"]),
    ("blocking", &["local", "plants", "sys", "task", "threads"]),
    ("sync", &["local", "scheduler", "task", "threads"]),
    ("io", &["buf", "sync"]),
    (
        "driver",
        &[
            "buf",
            "growth",
            "histogram",
            "local",
            "remote",
            "report",
            "scheduler",
            "sys",
            "task",
            "time",
        ],
    ),
    ("op", &["buf", "driver", "sys"]),
    ("foreign", &["buf", "driver", "io", "op"]),
    ("net", &["blocking", "buf", "driver", "io", "op", "sys", "time"]),
    ("fs", &["blocking", "buf", "driver", "io", "op", "sys", "task", "time"]),
    (
        "runtime",
        &[
            "blocking",
            "driver",
            "histogram",
            "local",
            "remote",
            "report",
            "scheduler",
            "sys",
            "sync",
            "task",
            "time",
        ],
    ),
    ("sim", &["plants", "runtime", "sys"]),
];

/// Rooms that point at each other's types on purpose, with the reason.
const UPWARD: &[(&str, &str, &str)] = &[
    ("io", "foreign", "the names are looked for in `io`, which re-exports them"),
    ("task", "blocking", "tokio's users look for `spawn_blocking` in `task`, which re-exports it"),
];

/// Files that may hold `unsafe`, apart from `src/sys` and `src/buf`.
const UNSAFE_HOMES: &[&str] = &[
    "src/driver/slot.rs",
    "src/driver/handle.rs",
    "src/driver/pool.rs",
    "src/scheduler/waker.rs",
    "src/task/cell.rs",
    "src/task/memory.rs",
    "src/task/place.rs",
    "src/time/timeout.rs",
];

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;
/// A test tells one story from its beginning to its end, and may be longer.
const TEST_FILE_LINES_MAX: usize = 450;
const TEST_FUNCTION_LINES_MAX: usize = 90;

/// Files that are longer for a reason; they may shrink and not grow.
const LONG_FILES: &[(&str, usize)] = &[("src/driver/mod.rs", 420), ("src/macros.rs", 407)];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(below: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(below)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a readable source");
                found.push((relative(&path), text));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no sources below {below}");
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).expect("below the root").display().to_string()
}

/// A source without its comments and without the insides of its strings.
fn code(text: &str) -> String {
    text.lines()
        .map(|line| match line.find("//") {
            Some(at) if !line[..at].contains('"') => &line[..at],
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// The code before its in-file tests, which may name any room.
fn product_code(text: &str) -> String {
    let text = code(text);
    match text.find("#[cfg(test)]\nmod tests") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

fn room_of(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?;
    let name = inside.split('/').next()?;
    Some(name.strip_suffix(".rs").unwrap_or(name))
}

fn is_test_file(path: &str) -> bool {
    path.contains("/tests/")
        || path.ends_with("/tests.rs")
        || path.ends_with("/testing.rs")
        || path.ends_with("/models.rs")
        || path.ends_with("/measure.rs")
        || path.ends_with("/seccomp.rs")
}

/// The rooms that a source names through `crate::`, in paths and in grouped imports.
fn named_rooms(code: &str) -> Vec<String> {
    let mut named = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let end = group.find("};").unwrap_or(group.len());
            let mut depth = 0;
            let mut word = String::new();
            for letter in group[..end].chars().chain([',']) {
                match letter {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        named.push(word.split("::").next().unwrap_or("").trim().to_owned());
                        word.clear();
                        continue;
                    }
                    _ => {}
                }
                word.push(letter);
            }
        } else {
            named.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    named
}

#[test]
fn rooms_name_only_the_rooms_they_may() {
    let allowed: BTreeMap<_, _> = ROOMS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let Some(room) = room_of(&path) else { continue };
        if room == "lib" || room == "macros" || room == "guide" || is_test_file(&path) {
            continue;
        }
        let Some(may) = allowed.get(room) else {
            wrong.push(format!("{path}: room `{room}` is not in the table"));
            continue;
        };
        for named in named_rooms(&product_code(&text)) {
            let is_room = allowed.contains_key(named.as_str());
            let excused = UPWARD.iter().any(|(from, to, _)| *from == room && *to == named);
            if is_room && named != room && !may.contains(&named.as_str()) && !excused {
                wrong.push(format!("{path}: room `{room}` may not name `{named}`"));
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_of_rooms_points_downwards_only() {
    for (index, (room, may)) in ROOMS.iter().enumerate() {
        for named in *may {
            let place = ROOMS.iter().position(|(other, _)| other == named);
            let place = place.unwrap_or_else(|| panic!("`{named}` is not a room"));
            // `buf` lends to `sys`, which names it: the two lowest rooms.
            assert!(place < index, "`{room}` may name `{named}`, which stands below it");
        }
    }
}

#[test]
fn unsafe_lives_in_its_homes_and_each_block_says_why() {
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let at_home = path.starts_with("src/sys/")
            || path.starts_with("src/buf/")
            || UNSAFE_HOMES.contains(&path.as_str());
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            let opens = code.contains("unsafe {") || code.contains("unsafe impl");
            let declares = code.contains("unsafe fn") || code.contains("unsafe extern");
            if !opens && !declares {
                continue;
            }
            if !at_home {
                wrong.push(format!("{path}:{}: unsafe outside its homes", index + 1));
            }
            let before = &lines[index.saturating_sub(8)..index];
            if opens && !before.iter().any(|line| line.contains("// SAFETY:")) {
                wrong.push(format!("{path}:{}: unsafe without a SAFETY note", index + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_sys_names_the_kernels_crates() {
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        if path.starts_with("src/sys/") || is_test_file(&path) {
            continue;
        }
        let code = product_code(&text);
        if code.contains("libc::") || code.contains("io_uring::") {
            wrong.push(path);
        }
    }
    assert!(wrong.is_empty(), "these name libc or io_uring: {wrong:?}");
}

#[test]
fn ops_hold_no_unsafe_and_say_their_opcode_first() {
    for (path, text) in sources("src/op") {
        assert!(!code(&text).contains("unsafe"), "{path} holds unsafe");
        assert!(text.starts_with("//! "), "{path} does not say what it is in its first line");
    }
}

#[test]
fn files_and_functions_can_be_read_in_one_sitting() {
    let mut wrong = Vec::new();
    for below in ["src", "examples", "tests"] {
        for (path, text) in sources(below) {
            let lines = text.lines().count();
            let known = LONG_FILES.iter().find(|(known, _)| *known == path);
            let (file_max, function_max) = match below {
                "tests" => (TEST_FILE_LINES_MAX, TEST_FUNCTION_LINES_MAX),
                _ => (FILE_LINES_MAX, FUNCTION_LINES_MAX),
            };
            let limit = known.map_or(file_max, |(_, limit)| *limit);
            if lines > limit {
                wrong.push(format!("{path} has {lines} lines of {limit}"));
            }
            for (name, lines) in functions(&text) {
                if lines > function_max {
                    wrong.push(format!("{path}: `{name}` has {lines} lines"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The functions of a source by their first line, with their length; rustfmt has laid them out, so
/// a function ends at the first brace as far in as its start.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let is_function = [
            "fn ",
            "pub fn ",
            "pub(crate) fn ",
            "pub(super) fn ",
            "async fn ",
            "pub async fn ",
            "unsafe fn ",
            "pub(crate) unsafe fn ",
        ]
        .iter()
        .any(|head| trimmed.starts_with(head));
        if !is_function || trimmed.ends_with(';') {
            continue;
        }
        let indent = line.len() - trimmed.len();
        let close = format!("{}}}", " ".repeat(indent));
        if let Some(length) = lines[start..].iter().position(|line| *line == close) {
            found.push((trimmed.to_owned(), length + 1));
        }
    }
    found
}

#[test]
fn nothing_is_left_to_do_in_the_code() {
    let words = ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!(", "dbg!("];
    let mut wrong = Vec::new();
    for below in ["src", "examples", "tests"] {
        for (path, text) in sources(below) {
            if path == "tests/tidy.rs" {
                continue;
            }
            for word in words {
                if text.contains(word) {
                    wrong.push(format!("{path} holds `{word}`"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_default_dependencies_are_the_five() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let start = manifest.find("[dependencies]").expect("dependencies");
    let rest = &manifest[start + "[dependencies]".len()..];
    let end = rest.find("\n[").unwrap_or(rest.len());
    let mut names: Vec<&str> = rest[..end]
        .lines()
        .filter(|line| !line.contains("optional = true"))
        .filter_map(|line| line.split_once('=').map(|(name, _)| name.trim()))
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["bytes", "io-uring", "libc", "slab", "tracing"]);
}

#[test]
fn the_tests_that_the_table_of_situations_names_are_there() {
    let table = fs::read_to_string(root().join("tests/README.md")).expect("a readable table");
    let rows = table.lines().filter(|line| line.starts_with("| ") && line.ends_with("` |"));
    let cells = rows.filter_map(|row| row.trim_end_matches(" |").rsplit("| ").next());
    let named: Vec<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert!(named.len() >= 150, "{} tests", named.len());
    let mut code = String::new();
    for below in ["src", "tests"] {
        sources(below).into_iter().for_each(|(_, text)| code.push_str(&text));
    }
    let gone = named.into_iter().filter(|name| !code.contains(&format!("fn {name}(")));
    let gone: Vec<&str> = gone.collect();
    assert!(gone.is_empty(), "named in tests/README.md and not there: {gone:?}");
}
