//! `SIGQUIT` prints a dump, in a process of its own.
//!
//! The test binary runs itself with one test, tells it what to do on its standard input, a line for
//! each step, and reads what it says.

use std::io::{BufRead, BufReader, Lines, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use annulus::Builder;

use super::common::bound::bound;

const PART: &str = "ANNULUS_TEST_SIGQUIT";
const SIGQUIT: i32 = 3;

/// A child that plays a part, and the three ends of its pipes.
struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    stderr: Lines<BufReader<ChildStderr>>,
}

impl Process {
    /// Starts the test with this name in a process that leaves no core behind.
    fn playing(name: &str) -> Process {
        let (_binary, module) = module_path!().split_once("::").expect("a module");
        // Who runs the tests in the background of a shell has the signal ignored, and they inherit that.
        let mut child = Command::new("env")
            .args(["--default-signal=QUIT", "sh", "-c", "ulimit -c 0; exec \"$0\" \"$@\""])
            .arg(std::env::current_exe().expect("the test binary"))
            .args(["--exact", &format!("{module}::{name}"), "--nocapture"])
            .env(PART, name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a child");
        let stdin = child.stdin.take().expect("piped");
        let stdout = BufReader::new(child.stdout.take().expect("piped")).lines();
        let stderr = BufReader::new(child.stderr.take().expect("piped")).lines();
        Process { child, stdin, stdout, stderr }
    }

    /// Waits until the child has said a line that contains `text`.
    fn await_said(&mut self, text: &str) {
        let said = self.stdout.by_ref().map(|line| line.expect("text"));
        assert!(said.into_iter().any(|line| line.contains(text)), "the child never says `{text}`");
    }

    /// Waits for a line of the standard error that contains `text`, and gives it.
    fn await_printed(&mut self, text: &str) -> String {
        let printed = self.stderr.by_ref().map(|line| line.expect("text"));
        let found = printed.into_iter().find(|line| line.contains(text));
        found.unwrap_or_else(|| panic!("the child never prints `{text}`"))
    }

    fn quit(&self) {
        let number = self.child.id().to_string();
        let status = Command::new("sh").args(["-c", "kill -s QUIT \"$0\"", &number]).status();
        assert!(status.expect("a shell").success());
    }

    fn go_on(&mut self) {
        self.stdin.write_all(b"\n").expect("the child reads");
    }

    fn end(mut self) -> ExitStatus {
        drop(self.stdin);
        self.child.wait().expect("the child's end")
    }
}

fn plays(name: &str) -> bool {
    std::env::var_os(PART).is_some_and(|part| part == name)
}

/// Waits for the next step, blocking the thread.
fn next_step() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("a line");
}

/// Waits for the call of a handler: a signal that was sent need not have been handled yet.
fn await_one(seen: &AtomicUsize) {
    while seen.load(Ordering::SeqCst) == 0 {
        std::thread::yield_now();
    }
    assert_eq!(seen.swap(0, Ordering::SeqCst), 1);
}

/// Says that a step is done. The harness may have left its own words on the line.
fn say(text: &str) {
    println!("\n{text}");
}

#[test]
fn a_loop_prints_what_it_waits_for_and_goes_on() {
    const NAME: &str = "a_loop_prints_what_it_waits_for_and_goes_on";
    let _bound = bound();
    if plays(NAME) {
        let runtime = Builder::new().dump_on_sigquit(true).build().expect("a loop");
        runtime.block_on(async {
            annulus::spawn(annulus::time::sleep(Duration::from_secs(3600))).detach();
            annulus::yield_now().await;
            say("ready");
            annulus::spawn_blocking(next_step).await.expect("a step");
        });
        drop(runtime);
        say("over");
        return next_step();
    }
    let mut child = Process::playing(NAME);
    child.await_said("ready");
    for _ in 0..2 {
        child.quit();
        let head = child.await_printed("loop ");
        assert!(head.ends_with(": 2 tasks"), "{head}");
        let root = child.await_printed("task ");
        assert!(root.contains("waits for no operation, timer or task"), "{root}");
        let sleeper = child.await_printed("task ");
        assert!(sleeper.contains("sigquit.rs") && sleeper.contains("waits for a timer"));
    }
    child.go_on();
    child.await_said("over");
    child.quit();
    // Its input stays open: it must not end by itself before the signal is there.
    let status = child.child.wait().expect("the end");
    assert_eq!(status.signal(), Some(SIGQUIT), "the signal is the process's again");
}

#[test]
fn a_loop_that_is_stuck_is_said_to_be_and_where() {
    const NAME: &str = "a_loop_that_is_stuck_is_said_to_be_and_where";
    let _bound = bound();
    if plays(NAME) {
        let builder = Builder::new().debug(true).dump_on_sigquit(true);
        return builder.build().expect("a loop").block_on(async {
            annulus::spawn(async {
                say("ready");
                next_step();
            })
            .await
            .expect("a step");
        });
    }
    let mut child = Process::playing(NAME);
    child.await_said("ready");
    child.quit();
    let line = child.await_printed("does not answer");
    assert!(line.contains("in one poll of task ") && line.contains("sigquit.rs:"), "{line}");
    child.go_on();
    assert!(child.end().success());
}

#[test]
fn all_loops_that_ask_print_and_a_handler_that_was_there_is_called() {
    const NAME: &str = "all_loops_that_ask_print_and_a_handler_that_was_there_is_called";
    let _bound = bound();
    if plays(NAME) {
        let seen = Arc::new(AtomicUsize::new(0));
        signal_hook::flag::register_usize(SIGQUIT, Arc::clone(&seen), 1).expect("a handler");
        let asking = || Builder::new().dump_on_sigquit(true).build().expect("a loop");
        let (first, second) = (asking(), asking());
        let silent = Builder::new().build().expect("a loop");
        say(&format!("ready {} {}", first.handle().id(), second.handle().id()));
        let other = std::thread::spawn({
            let number = second.handle().id();
            move || number
        });
        assert_eq!(other.join().expect("a thread"), second.handle().id());
        first.block_on(async { annulus::spawn_blocking(next_step).await.expect("a step") });
        await_one(&seen); // The handler that was there was called.
        drop((first, silent));
        second.block_on(async {
            say("one is left");
            annulus::spawn_blocking(next_step).await.expect("a step")
        });
        await_one(&seen);
        drop(second);
        say("none is left");
        next_step();
        await_one(&seen); // It is the only one again.
        return;
    }
    let mut child = Process::playing(NAME);
    child.await_said("ready");
    child.quit();
    child.await_printed("loop ");
    child.await_printed("does not answer");
    child.go_on();
    child.await_said("one is left");
    child.quit();
    child.await_printed(": 1 tasks");
    child.go_on();
    child.await_said("none is left");
    child.quit();
    child.go_on();
    let status = child.end();
    assert!(status.success(), "{status}");
}
