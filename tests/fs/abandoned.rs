//! Opens whose future is gone before they end: the descriptor is closed all the same.
//!
//! That is seen from the other side: a named pipe that nobody reads takes no more bytes.

use std::fs::File as StdFile;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use annulus::Runtime;
use annulus::fs::File;

use crate::named_pipe::make_fifo;
use crate::poll::{poll_once, turn_until, until_woken};
use crate::temp::TempDir;

/// `O_NONBLOCK`; the test names no libc.
const NONBLOCK: i32 = 0o4000;

/// An end to write to that waits for nobody; `None` without a reader.
fn open_writer(fifo: &Path) -> Option<StdFile> {
    match StdFile::options().write(true).custom_flags(NONBLOCK).open(fifo) {
        Ok(writer) => Some(writer),
        Err(error) => {
            // ENXIO, for which std has no name.
            assert_eq!(error.raw_os_error(), Some(6), "{error}");
            None
        }
    }
}

fn has_reader(mut writer: &StdFile) -> bool {
    match writer.write_all(b"x") {
        Ok(()) => true,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
            false
        }
    }
}

#[test]
fn an_open_that_was_done_and_never_asked_for_is_closed() {
    let dir = TempDir::new();
    let fifo = make_fifo(&dir);
    annulus::run(async {
        // Both ways, it waits for nobody.
        let mut open = File::options().read(true).write(true).open(&fifo);
        until_woken(&mut open).await;
        let writer = open_writer(&fifo).expect("the file is open");
        assert!(has_reader(&writer));
        drop(open);
        turn_until(|| !has_reader(&writer)).await;
    })
    .unwrap();
}

#[test]
fn an_open_that_is_dropped_in_flight_is_closed() {
    let dir = TempDir::new();
    let fifo = make_fifo(&dir);
    // Open both ways, so that none of the opens waits for another end.
    let keeper = StdFile::options().read(true).write(true).open(&fifo).unwrap();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        for turns in 0..200 {
            let mut open = File::open(&fifo);
            assert!(poll_once(&mut open).await.is_none());
            for _ in 0..turns % 4 {
                annulus::op::nop().await.unwrap();
            }
            drop(open);
        }
    });
    assert_eq!(runtime.shutdown_timeout(std::time::Duration::from_secs(60)), 0);
    let writer = open_writer(&fifo).expect("the keeper reads");
    assert!(has_reader(&writer));
    drop(keeper);
    assert!(!has_reader(&writer), "one of the opens is open still");
}

#[test]
fn an_open_that_waits_is_closed_when_it_is_given_up_as_it_succeeds() {
    let dir = TempDir::new();
    let fifo = make_fifo(&dir);
    let runtime = Runtime::new().unwrap();
    for _ in 0..20 {
        let reader = runtime.block_on(async {
            let mut open = File::options().write(true).open(&fifo);
            for _ in 0..3 {
                assert!(poll_once(&mut open).await.is_none());
                annulus::op::nop().await.unwrap();
            }
            // It succeeds by this, on another thread, and is cancelled in the same moment.
            let reader = StdFile::options().read(true).custom_flags(NONBLOCK).open(&fifo).unwrap();
            drop(open);
            reader
        });
        runtime.block_on(async {
            // Without a writer a pipe reads as ended; with one there is nothing yet.
            turn_until(|| std::io::Read::read(&mut &reader, &mut [0; 1]).is_ok()).await;
        });
    }
    assert_eq!(runtime.shutdown_timeout(std::time::Duration::from_secs(60)), 0);
}

#[test]
fn an_open_that_was_never_polled_opens_nothing() {
    let dir = TempDir::new();
    let path = dir.join("never");
    annulus::run(async {
        drop(File::create(&path));
        let cancelled = File::create(&path).cancel().await;
        assert!(annulus::op::is_cancelled(&cancelled.unwrap_err()));
        annulus::op::nop().await.unwrap();
    })
    .unwrap();
    assert!(!path.exists());
}
