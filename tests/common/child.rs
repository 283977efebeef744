//! Tests that need a process of their own: for limits, filters, descriptor counts, and for what may
//! only end by an abort.
//!
//! The test binary runs itself with one test and an environment variable that says so. What the
//! child prints is shown when it fails.

use std::ffi::OsString;
use std::process::{Command, Output};

use super::bound::bound;

const CHILD: &str = "ANNULUS_TEST_CHILD";
const DONE: &str = "the child has done all of it";

/// A test in a process of its own.
pub(crate) struct Child {
    name: &'static str,
    before: Vec<OsString>,
}

impl Child {
    /// `path` names the test that calls: `concat!(module_path!(), "::its_name")`.
    pub(crate) fn of(path: &'static str) -> Self {
        let (_binary, name) = path.split_once("::").expect("a path of a binary and a test");
        Child { name, before: Vec::new() }
    }

    /// Whether this process is a child that was started for a test.
    pub(crate) fn is_one() -> bool {
        std::env::var_os(CHILD).is_some()
    }

    /// Has the child started by a program such as `strace`, with its arguments.
    pub(crate) fn under(mut self, program: &[&str]) -> Self {
        self.before = program.iter().map(OsString::from).collect();
        self
    }

    /// Runs `body` in the child and panics with what it said unless it comes to its end.
    #[track_caller]
    pub(crate) fn run(self, body: impl FnOnce()) {
        if self.is_child() {
            let _bound = bound();
            body();
            eprintln!("{DONE}");
            return;
        }
        let output = self.output();
        let said = said(&output);
        assert!(output.status.success(), "{}: {}\n{said}", self.name, output.status);
        assert!(said.contains(DONE), "{}: no such test\n{said}", self.name);
    }

    fn is_child(&self) -> bool {
        std::env::var_os(CHILD).is_some_and(|name| name == self.name)
    }

    fn output(&self) -> Output {
        let mut words = self.before.clone();
        words.push(std::env::current_exe().expect("the test binary").into());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(["--exact", self.name, "--nocapture", "--include-ignored"]);
        command.env(CHILD, self.name).output().expect("a child")
    }
}

fn said(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    format!("{out}{err}")
}
