//! Bytes that are moved between descriptors within the kernel.

use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use annulus::fs::{self, File};
use annulus::io::{sendfile, splice, tee};
use annulus::{Runtime, op, time};

use crate::common::bound::{bound_loop, run_really};
use crate::common::net::half_pair;
use crate::common::poll::{poll_once, until_woken};
use crate::named_pipe::make_fifo;
use crate::temp::TempDir;

/// A pipe, by a descriptor that is both of its ends: it never ends.
async fn pipe(dir: &TempDir) -> File {
    File::options().read(true).write(true).open(make_fifo(dir)).await.unwrap()
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index % 251) as u8).collect()
}

#[test]
fn a_part_of_a_file_goes_through_a_pipe_to_a_place_in_another() {
    run_really(async {
        let dir = TempDir::new();
        let (from, to) = (dir.join("from"), dir.join("to"));
        fs::write(&from, bytes(30_000)).await.unwrap();
        fs::write(&to, "before").await.unwrap();
        let from = File::open(&from).await.unwrap();
        let target = File::options().write(true).open(&to).await.unwrap();
        let pipe = pipe(&dir).await;
        assert_eq!(splice(&from, Some(7), &pipe, None, 20_000).await.unwrap(), 20_000);
        assert_eq!(splice(&pipe, None, &target, Some(8), 99_999).await.unwrap(), 20_000);
        let copied = fs::read(&to).await.unwrap();
        assert_eq!(copied[..8], *b"before\0\0");
        assert!(copied[8..] == bytes(30_000)[7..20_007]);
        // Its own position, and the end.
        assert_eq!(splice(&from, None, &pipe, None, 29_999).await.unwrap(), 29_999);
        assert_eq!(splice(&pipe, None, &target, Some(0), 99_999).await.unwrap(), 29_999);
        assert_eq!(splice(&from, None, &pipe, None, 29_999).await.unwrap(), 1);
        assert_eq!(splice(&from, None, &pipe, None, 29_999).await.unwrap(), 0);
    });
}

#[test]
fn a_connection_is_passed_on_to_another_through_a_pipe() {
    run_really(async {
        let dir = TempDir::new();
        let pipe = pipe(&dir).await;
        let ((from, mut source), (to, mut sink)) = (half_pair(), half_pair());
        let sent = bytes(1_000_000);
        let reading = std::thread::spawn(move || {
            let mut received = Vec::new();
            sink.read_to_end(&mut received).unwrap();
            received
        });
        let writing = std::thread::spawn({
            let sent = sent.clone();
            move || source.write_all(&sent).unwrap()
        });
        loop {
            let mut left = splice(&from, None, &pipe, None, 65_536).await.unwrap();
            if left == 0 {
                break;
            }
            while left > 0 {
                left -= splice(&pipe, None, &to, None, left).await.unwrap();
            }
        }
        to.close().await.unwrap();
        writing.join().unwrap();
        assert!(reading.join().unwrap() == sent);
    });
}

#[test]
fn what_is_copied_from_a_pipe_stays_in_it() {
    run_really(async {
        let (one, other) = (TempDir::new(), TempDir::new());
        let (first, second) = (pipe(&one).await, pipe(&other).await);
        first.write_all_at("twice", 0).await.unwrap();
        assert_eq!(tee(&first, &second, 100).await.unwrap(), 5);
        for pipe in [&first, &second] {
            assert_eq!(pipe.read_at(vec![0; 9], 0).await.unwrap(), (5, b"twice\0\0\0\0".to_vec()));
        }
    });
}

#[test]
fn a_move_that_waits_holds_nobody_up_and_loses_nothing_when_it_is_given_up() {
    run_really(async {
        let (one, other) = (TempDir::new(), TempDir::new());
        let (from, to) = (pipe(&one).await, pipe(&other).await);
        let limited = splice(&from, None, &to, None, 100).timeout(Duration::from_millis(2));
        assert_eq!(limited.await.unwrap_err().kind(), ErrorKind::TimedOut);
        let mut cancelled = splice(&from, None, &to, None, 100);
        assert!(poll_once(&mut cancelled).await.is_none());
        assert!(op::is_cancelled(&cancelled.cancel().await.unwrap_err()));
        let mut copied = tee(&from, &to, 100);
        assert!(poll_once(&mut copied).await.is_none());
        drop(copied);
        let mut moved = splice(&from, None, &to, None, 100);
        assert!(poll_once(&mut moved).await.is_none());
        // Other things go on.
        time::sleep(Duration::from_millis(1)).await;
        from.write_all_at("late", 0).await.unwrap();
        assert_eq!(moved.await.unwrap(), 4);
        assert_eq!(to.read_at(vec![0; 9], 0).await.unwrap().0, 4);
    });
}

#[test]
fn numbered_bytes_arrive_whole_however_often_their_moves_are_dropped() {
    run_really(async {
        let (one, other) = (TempDir::new(), TempDir::new());
        let (from, to) = (pipe(&one).await, pipe(&other).await);
        let mut arrived = Vec::new();
        for number in 0..200_u32 {
            let mut moved = splice(&from, None, &to, None, 4);
            assert!(poll_once(&mut moved).await.is_none());
            from.write_all_at(number.to_le_bytes().to_vec(), 0).await.unwrap();
            let has_arrived = Cell::new(number % 2 == 1);
            if has_arrived.get() {
                assert_eq!(moved.await.unwrap(), 4);
            } else {
                drop(moved);
            }
            // Whether what was dropped has moved them or not, they are in one of the two, and the
            // next splice waits until that is settled: one of those will have moved them.
            let moving = async {
                while !has_arrived.get() {
                    let left = splice(&from, None, &to, None, 4).timeout(Duration::from_millis(2));
                    let _moved_before = left.await;
                }
            };
            let reading = async {
                let read = to.read_at(vec![0; 4], 0).await;
                has_arrived.set(true);
                read.unwrap()
            };
            let ((), (count, four)) = annulus::join!(moving, reading);
            arrived.extend_from_slice(&four[..count]);
        }
        let expected: Vec<u8> = (0..200_u32).flat_map(u32::to_le_bytes).collect();
        assert_eq!(arrived, expected);
    });
}

#[test]
fn what_a_dropped_read_has_received_is_not_overtaken() {
    run_really(async {
        let dir = TempDir::new();
        let pipe = pipe(&dir).await;
        let (near, mut far) = half_pair();
        let mut read = near.read(vec![0; 5]);
        assert!(poll_once(&mut read).await.is_none());
        far.write_all(b"first").unwrap();
        // Completed and never asked for.
        until_woken(&mut read).await;
        drop(read);
        far.write_all(b"second").unwrap();
        let error = splice(&near, None, &pipe, None, 100).await.unwrap_err();
        assert!(error.to_string().contains("read them"), "{error}");
        assert_eq!(near.read(vec![0; 5]).await.unwrap(), (5, b"first".to_vec()));
        assert_eq!(splice(&near, None, &pipe, None, 100).await.unwrap(), 6);
        assert_eq!(pipe.read_at(vec![0; 6], 0).await.unwrap(), (6, b"second".to_vec()));
        drop(far);
        assert_eq!(splice(&near, None, &pipe, None, 100).await.unwrap(), 0);
    });
}

#[test]
fn where_there_is_no_pipe_or_no_place_the_error_says_so() {
    run_really(async {
        let dir = TempDir::new();
        fs::write(dir.join("file"), "content").await.unwrap();
        let file = File::open(dir.join("file")).await.unwrap();
        let (near, _far) = half_pair();
        let error = splice(&file, Some(0), &near, None, 7).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let error = tee(&file, &near, 7).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let pipe = pipe(&dir).await;
        let error = splice(&pipe, Some(1), &near, None, 7).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSeekable);
        let error = tee(&pipe, &pipe, 7).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(splice(&file, Some(u64::MAX), &pipe, None, 7).await.unwrap_or(0), 0);
    });
}

#[test]
fn the_end_of_the_loop_ends_moves_that_wait() {
    let runtime = Runtime::new().unwrap();
    let _bound = bound_loop(&runtime);
    let (one, other) = (TempDir::new(), TempDir::new());
    runtime.block_on(async {
        let (from, to) = (pipe(&one).await, pipe(&other).await);
        annulus::spawn(async move { splice(&from, None, &to, None, 100).await }).detach();
        annulus::yield_now().await;
        op::nop().await.unwrap();
    });
    assert_eq!(runtime.shutdown_timeout(Duration::from_secs(60)), 0);
}

#[test]
fn a_range_of_a_file_is_sent_over_a_connection() {
    run_really(async {
        let dir = TempDir::new();
        let content = bytes(2_000_003);
        fs::write(dir.join("file"), content.clone()).await.unwrap();
        let file = File::open(dir.join("file")).await.unwrap();
        let (mut near, mut far) = half_pair();
        let reading = std::thread::spawn(move || {
            let mut received = Vec::new();
            far.read_to_end(&mut received).unwrap();
            received
        });
        assert_eq!(sendfile(&file, 3, 1_000_000, &mut near).await.unwrap(), 1_000_000);
        assert_eq!(sendfile(&file, 1_000_003, u64::MAX, &mut near).await.unwrap(), 1_000_000);
        near.close().await.unwrap();
        assert!(reading.join().unwrap() == content[3..]);
    });
}
