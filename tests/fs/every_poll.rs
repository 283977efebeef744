//! A program that is dropped at each of its polls.

use std::time::Duration;

use annulus::Runtime;
use annulus::buf::IoBuf;
use annulus::fs::{self, File};

use crate::poll::{Dropped, poll_times};
use crate::temp::TempDir;

/// A bit of everything, one after another.
async fn program(dir: &TempDir) {
    let (a, b) = (dir.join("sub/a"), dir.join("sub/b"));
    fs::create_dir_all(dir.join("sub")).await.unwrap();
    let file = File::options().read(true).write(true).create(true).open(&a).await.unwrap();
    file.write_all_at(vec![7; 10_000], 0).await.unwrap();
    file.writev_at([vec![8; 10], vec![9; 10]], 10_000).await.unwrap();
    file.sync_data().await.unwrap();
    let (_, buf) = file.read_exact_at(vec![0; 10_020], 0).await.unwrap();
    assert_eq!(&buf[9_999..10_011], [&[7][..], &[8; 10], &[9]].concat());
    file.readv_at([Vec::with_capacity(10), Vec::with_capacity(20)], 0).await.unwrap();
    file.read_at(buf.slice(..5), 0).timeout(Duration::from_secs(60)).await.unwrap();
    file.set_len(100).await.unwrap();
    file.lock().await.unwrap();
    assert_eq!(file.metadata().await.unwrap().len(), 100);
    file.close().await.unwrap();
    fs::rename(&a, &b).await.unwrap();
    fs::hard_link(&b, &a).await.unwrap();
    assert_eq!(fs::read(&a).await.unwrap(), [7; 100]);
    fs::remove_file(&a).await.unwrap();
    fs::remove_file(&b).await.unwrap();
    fs::remove_dir(dir.join("sub")).await.unwrap();
}

#[test]
fn a_program_dropped_at_any_poll_leaves_the_loop_whole() {
    for dropped in [Dropped::AtOnce, Dropped::WhenWoken] {
        let runtime = Runtime::new().unwrap();
        let mut polls = 0;
        loop {
            let dir = TempDir::new();
            let done = runtime.block_on(async {
                let done = poll_times(program(&dir), polls, dropped).await;
                // The loop goes on: this one runs beside what was given up.
                let other = TempDir::new();
                program(&other).await;
                done
            });
            if done.is_some() {
                break;
            }
            polls += 1;
        }
        assert!(polls > 15, "only {polls} polls were dropped at");
        assert_eq!(runtime.shutdown_timeout(Duration::from_secs(60)), 0);
    }
}

#[test]
fn a_runtime_that_ends_at_any_poll_has_nothing_left_in_flight() {
    for dropped in [Dropped::AtOnce, Dropped::WhenWoken] {
        let mut polls = 0;
        loop {
            let dir = TempDir::new();
            let runtime = Runtime::new().unwrap();
            let done = runtime.block_on(poll_times(program(&dir), polls, dropped)).is_some();
            assert_eq!(runtime.shutdown_timeout(Duration::from_secs(60)), 0, "after {polls} polls");
            if done {
                break;
            }
            polls += 1;
        }
    }
}
