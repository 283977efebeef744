//! What debug mode reports in a program that has no subscriber.

#![expect(unsafe_code, reason = "dup2 is a libc call")]

use std::io::Write;
use std::os::fd::AsRawFd;
use std::time::Duration;

use annulus::{Builder, op, spawn};

use crate::common::bound::bound_loop;
use crate::common::capture::listening;
use crate::common::child::Child;

/// What is written to the standard error stream while `f` runs.
fn written(f: impl FnOnce()) -> String {
    let path = std::env::temp_dir().join(format!("annulus-unheard-{}", std::process::id()));
    let file = std::fs::File::create(&path).expect("a file");
    std::io::stderr().flush().expect("the stream");
    // SAFETY: both are open; nobody else writes to the stream meanwhile in this process.
    let kept = unsafe { libc::dup(2) };
    // SAFETY: as above.
    assert_eq!(unsafe { libc::dup2(file.as_raw_fd(), 2) }, 2);
    f();
    // SAFETY: as above; the duplicate was made before.
    assert_eq!(unsafe { libc::dup2(kept, 2) }, 2);
    let text = std::fs::read_to_string(&path).expect("the file");
    std::fs::remove_file(path).expect("the file");
    eprintln!("{text}");
    text
}

/// A loop with all that there is to report.
fn troubled(debug: bool) {
    const LIMIT: Duration = Duration::from_millis(2);
    let builder = Builder::new().debug(debug).slow_poll_threshold(LIMIT);
    let runtime = builder.build().unwrap();
    let _bound = bound_loop(&runtime);
    runtime.block_on(async {
        // As long as the watchdog takes to look, which nobody can say; the report is waited for
        // elsewhere.
        spawn(async { std::thread::sleep(50 * LIMIT) }).await.unwrap();
        drop(op::nop());
        spawn(async { panic!("on purpose") }).detach();
        annulus::yield_now().await;
    });
}

#[test]
fn goes_to_the_standard_error_stream_unless_somebody_listens() {
    Child::of(concat!(
        module_path!(),
        "::goes_to_the_standard_error_stream_unless_somebody_listens"
    ))
    .run(|| {
        let text = written(|| troubled(true));
        for expected in [
            "WARN annulus: a task held the loop: work that takes long belongs into `spawn_blocking` task=",
            "WARN annulus: an operation was dropped without being polled",
            " op=nop",
            "ERROR annulus: a task panicked, and its join handle was dropped without being awaited",
            " panic=on purpose\n",
            " spawned_at=tests/debug/unheard.rs:",
        ] {
            assert!(text.contains(expected), "{expected:?} is not there");
        }
        let text = written(|| troubled(false));
        assert!(!text.contains("annulus: "), "debug mode is off");
        let mut heard = 0;
        let text = written(|| {
            listening(|said| {
                troubled(true);
                heard = said.try_iter().count();
            });
        });
        assert!(!text.contains("annulus: "), "somebody listens");
        assert!(heard >= 3, "{heard} reports");
    });
}
