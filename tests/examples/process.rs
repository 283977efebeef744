//! Examples as processes.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::Once;
use std::time::SystemTime;

/// Where the crate is.
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

pub(crate) const ALL: [&str; 7] = ["blocking", "cancel", "cat", "cp", "echo", "http", "timeout"];

/// A server that was started; it is killed when the test ends.
pub(crate) struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts an example that listens, at a free port.
    pub(crate) fn start<A: AsRef<OsStr>>(example: &str, arguments: &[A]) -> Server {
        let mut command = command(example);
        command.args(["--addr", "127.0.0.1:0"]).args(arguments);
        Server::spawn(command)
    }

    /// Starts an example that may open so many descriptors and no more.
    pub(crate) fn start_with_descriptors(example: &str, descriptors: u32) -> Server {
        let program = command(example).get_program().to_owned();
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -n {descriptors}; exec \"$@\""), "sh"]);
        shell.arg(program).args(["--addr", "127.0.0.1:0"]).stderr(Stdio::null());
        Server::spawn(shell)
    }

    fn spawn(mut command: Command) -> Server {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the example starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let line = next_line(&mut stdout);
        let address = line.rsplit("http://").next().unwrap_or(&line);
        let address = address.rsplit(' ').next().unwrap_or(address).trim_end_matches('/');
        let address = address.parse().unwrap_or_else(|_| panic!("no address in {line:?}"));
        Server { child, stdout, address }
    }

    /// The next line that it says.
    pub(crate) fn line(&mut self) -> String {
        next_line(&mut self.stdout)
    }

    /// Ctrl-C.
    pub(crate) fn interrupt(&self) {
        interrupt(&self.child);
    }

    /// Waits for its end; what it still said, and its exit status.
    pub(crate) fn end(mut self) -> (String, Option<i32>) {
        let mut said = String::new();
        self.stdout.read_to_string(&mut said).expect("stdout is text");
        let status = self.child.wait().expect("the example ends");
        (said, status.code())
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(&self) -> usize {
        let directory = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(directory).expect("the example runs").count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Ctrl-C.
pub(crate) fn interrupt(process: &Child) {
    let id = process.id().to_string();
    let status = Command::new("kill").args(["-INT", &id]).status().expect("kill runs");
    assert!(status.success());
}

fn next_line(stdout: &mut impl BufRead) -> String {
    let mut line = String::new();
    stdout.read_line(&mut line).expect("stdout is text");
    line.trim_end().to_owned()
}

/// Runs an example to its end.
pub(crate) fn run<A: AsRef<OsStr>>(example: &str, arguments: &[A]) -> Output {
    command(example).args(arguments).output().expect("the example runs")
}

/// What a process said, if it ended well.
#[track_caller]
pub(crate) fn said(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {errors}", output.status);
    String::from_utf8(output.stdout.clone()).expect("stdout is text")
}

/// What a process said was wrong, with its exit status.
#[track_caller]
pub(crate) fn complained(output: &Output) -> (String, Option<i32>) {
    assert!(!output.status.success(), "it found nothing wrong");
    (String::from_utf8(output.stderr.clone()).expect("stderr is text"), output.status.code())
}

pub(crate) fn command(example: &str) -> Command {
    static BUILT: Once = Once::new();
    // `cargo test` builds the examples beforehand, unless it was told to build this test alone.
    BUILT.call_once(|| {
        if !ALL.iter().all(|name| is_fresh(name)) {
            build();
        }
    });
    Command::new(directory().join(example))
}

/// Whether an example was built after its sources had been changed.
fn is_fresh(example: &str) -> bool {
    let root = Path::new(ROOT);
    let (own, file) = (root.join("examples").join(example), format!("examples/{example}.rs"));
    let own = if own.is_dir() { own } else { root.join(file) };
    let sources = [root.join("src"), root.join("examples/shared"), own];
    let built = modified(&directory().join(example));
    built.is_some_and(|built| sources.iter().all(|source| newest(source) <= built))
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// When a file, or the last one in a directory, was changed.
fn newest(path: &Path) -> SystemTime {
    if !path.is_dir() {
        return modified(path).expect("a source has a date");
    }
    let entries = std::fs::read_dir(path).expect("the sources are there");
    let times = entries.map(|entry| newest(&entry.expect("sources can be listed").path()));
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Where cargo puts the examples of the profile that this test was built with.
fn directory() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its file");
    let profile = test.parent().and_then(Path::parent).expect("tests are in `deps`");
    profile.join("examples")
}

fn build() {
    let target = directory();
    let target = target.ancestors().nth(2).expect("a profile is in the target directory");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--examples", "--target-dir"]).arg(target);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let status = cargo.current_dir(ROOT).status().expect("cargo runs");
    assert!(status.success(), "the examples do not build");
}

/// A directory that is gone when the test ends.
pub(crate) struct TempDirectory(PathBuf);

impl TempDirectory {
    pub(crate) fn new(name: &str) -> TempDirectory {
        let name = format!("annulus-examples-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a temporary directory");
        TempDirectory(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file there.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("made");
        std::fs::write(&path, content).expect("a temporary file");
        path
    }
}

impl Drop for TempDirectory {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

/// Bytes in which each place can be told from its neighbours.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}
