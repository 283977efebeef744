//! System calls that fail now and then, by strace: each is survived with nothing lost and nothing
//! done twice, or ends the set-up with an error of its own.

use std::process::{Command, Stdio};
use std::time::Duration;

use annulus::fs::OpenOptions;
use annulus::{Builder, SetupError};

use crate::common::child::Child;
use crate::common::{metrics, net};
use crate::temp::TempDir;

/// Which errno the set-up has to end with, or may when it is negative.
const REFUSED: &str = "ANNULUS_TEST_REFUSED";
const LINES: u32 = 40;

/// How the set-up has to end.
#[derive(Clone, Copy)]
enum Setup {
    Succeeds,
    /// With this errno.
    Fails(i32),
    /// With this errno, if the loop cannot go without what has failed.
    MayFail(i32),
}

/// Whether strace can trace and tamper here.
fn can_inject() -> bool {
    let tried = Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "-e", "inject=uname:error=EPERM:when=9", "true"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let can = tried.is_ok_and(|status| status.success());
    if !can {
        eprintln!("skipped: needs strace(1), and to be allowed to trace");
    }
    can
}

/// Runs the program once for each of these, `call:what:when`, in a process that strace tampers with.
fn under_each(path: &'static str, injections: &[String], setup: Setup) {
    under_each_on(path, &[], injections, setup);
}

/// The same, for the calls that strace's own `filter` lets through.
fn under_each_on(path: &'static str, filter: &[&str], injections: &[String], setup: Setup) {
    if Child::is_one() {
        return Child::of(path).run(program);
    }
    if !can_inject() {
        return;
    }
    let refused = match setup {
        Setup::Succeeds => 0,
        Setup::Fails(errno) => errno,
        Setup::MayFail(errno) => -errno,
    };
    let refused = format!("{REFUSED}={refused}");
    let folder = TempDir::new();
    let log = folder.path().join("trace").display().to_string();
    for injection in injections {
        eprintln!("{injection}");
        let call = injection.split(':').next().expect("a call");
        let (traced, injected) = (format!("trace={call}"), format!("inject={injection}"));
        let strace = ["strace", "-f", "-qq", "-o", &log, "-e", &traced, "-e", &injected];
        let filtered = strace.into_iter().chain(filter.iter().copied());
        let words: Vec<&str> = ["env", &refused].into_iter().chain(filtered).collect();
        Child::of(path).under(&words).run(program);
        let trace = std::fs::read_to_string(&log).expect("what strace saw");
        assert!(trace.contains("(INJECTED)"), "nothing failed with {injection}");
    }
}

/// What runs in the child: files, a connection, a timer and a job, each of which must be done once.
fn program() {
    let refused: i32 = std::env::var(REFUSED).expect("set").parse().expect("a number");
    let runtime = match Builder::new().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return assert_eq!(SetupError::raw_os_error(&error), Some(refused.abs()), "{error}");
        }
    };
    assert!(refused <= 0, "a set-up that had to fail has not");
    runtime.block_on(async {
        let folder = TempDir::new();
        let path = folder.path().join("lines");
        // A line that is submitted twice is there twice.
        let file = OpenOptions::new().append(true).create(true).open(&path).await.expect("a file");
        let talk = annulus::spawn(converse());
        for line in 0..LINES {
            // Appended, whatever the position says.
            let written = file.write_all_at(format!("{line}\n"), 0).await;
            written.into_result().expect("a written line");
        }
        file.close().await.expect("a close");
        talk.await.expect("a conversation");
        let job = annulus::spawn_blocking(|| 7);
        annulus::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(job.await.expect("a job"), 7);
        let wanted: String = (0..LINES).map(|line| format!("{line}\n")).collect();
        assert_eq!(annulus::fs::read_to_string(&path).await.expect("the lines"), wanted);
        metrics::settle().await;
    });
    assert_eq!(runtime.shutdown_timeout(Duration::from_secs(60)), 0);
}

/// Numbered bytes from one end to the other, each in its place.
async fn converse() {
    let (near, far) = net::pair();
    let writer = annulus::spawn(async move {
        for number in 0..LINES {
            far.write_all(number.to_le_bytes().to_vec()).await.into_result().expect("sent");
        }
        far.close().await.expect("a close");
    });
    let mut all = Vec::new();
    loop {
        match near.recv().await.expect("bytes") {
            bytes if bytes.is_empty() => break,
            bytes => all.extend_from_slice(&bytes),
        }
    }
    writer.await.expect("a writer");
    let wanted: Vec<u8> = (0..LINES).flat_map(u32::to_le_bytes).collect();
    assert!(all == wanted, "{} bytes of {}", all.len(), wanted.len());
}

fn at_each(call: &str, what: &[&str], times: &[&str]) -> Vec<String> {
    let at = |what: &&str| times.iter().map(|when| format!("{call}:{what}:when={when}")).collect();
    what.iter().flat_map(|what| -> Vec<String> { at(what) }).collect()
}

#[test]
fn an_enter_that_fails_for_a_moment_loses_nothing_and_does_nothing_twice() {
    let path = concat!(
        module_path!(),
        "::an_enter_that_fails_for_a_moment_loses_nothing_and_does_nothing_twice"
    );
    let what = ["error=EINTR", "error=EAGAIN", "error=EBUSY", "error=ENOMEM", "retval=0"];
    under_each(path, &at_each("io_uring_enter", &what, &["1", "2", "3", "3+5"]), Setup::Succeeds);
}

#[test]
fn a_setup_without_memory_for_a_moment_is_tried_again() {
    let path = concat!(module_path!(), "::a_setup_without_memory_for_a_moment_is_tried_again");
    under_each(
        path,
        &at_each("io_uring_setup", &["error=ENOMEM"], &["1", "1..3"]),
        Setup::Succeeds,
    );
}

#[test]
fn a_flag_that_is_not_known_is_left_out_of_the_setup() {
    let path = concat!(module_path!(), "::a_flag_that_is_not_known_is_left_out_of_the_setup");
    under_each(
        path,
        &at_each("io_uring_setup", &["error=EINVAL"], &["1", "1..2"]),
        Setup::Succeeds,
    );
}

#[test]
fn a_setup_that_is_refused_ends_with_what_it_was_refused_with() {
    let path =
        concat!(module_path!(), "::a_setup_that_is_refused_ends_with_what_it_was_refused_with");
    let refusals = [("EPERM", libc::EPERM), ("ENOSYS", libc::ENOSYS), ("ENOMEM", libc::ENOMEM)];
    if Child::is_one() {
        return under_each(path, &[], Setup::Succeeds);
    }
    for (name, errno) in refusals {
        let injection = at_each("io_uring_setup", &[&format!("error={name}")], &["1+"]);
        under_each(path, &injection, Setup::Fails(errno));
    }
}

#[test]
fn a_ring_that_registers_nothing_for_once_goes_without_or_says_so() {
    let path =
        concat!(module_path!(), "::a_ring_that_registers_nothing_for_once_goes_without_or_says_so");
    let injections = at_each("io_uring_register", &["error=EINVAL"], &["1", "2", "3", "4"]);
    under_each(path, &injections, Setup::MayFail(libc::EINVAL));
}

#[test]
fn a_setup_without_a_descriptor_left_says_so() {
    let path = concat!(module_path!(), "::a_setup_without_a_descriptor_left_says_so");
    if Child::is_one() {
        return under_each(path, &[], Setup::Succeeds);
    }
    for call in ["io_uring_setup", "eventfd2"] {
        for (name, errno) in [("EMFILE", libc::EMFILE), ("ENFILE", libc::ENFILE)] {
            let injection = at_each(call, &[&format!("error={name}")], &["1+"]);
            under_each(path, &injection, Setup::Fails(errno));
        }
    }
}

#[test]
fn a_ring_whose_memory_cannot_be_mapped_says_so_or_is_mapped_at_the_next_try() {
    let path = concat!(
        module_path!(),
        "::a_ring_whose_memory_cannot_be_mapped_says_so_or_is_mapped_at_the_next_try"
    );
    let of_rings = ["-P", "anon_inode:[io_uring]"];
    if Child::is_one() {
        return under_each(path, &[], Setup::Succeeds);
    }
    let once = at_each("mmap", &["error=ENOMEM"], &["1", "2"]);
    under_each_on(path, &of_rings, &once, Setup::MayFail(libc::ENOMEM));
    let always = at_each("mmap", &["error=ENOMEM"], &["1+", "2+"]);
    under_each_on(path, &of_rings, &always, Setup::Fails(libc::ENOMEM));
}
