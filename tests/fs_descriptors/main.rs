//! No file is left open: its descriptors are counted in a process of its own, where no other test
//! opens any.

#[cfg(guard_pages)]
#[path = "../common/guard.rs"]
mod guard;
#[path = "../common/poll.rs"]
mod poll;
#[path = "../common/temp.rs"]
mod temp;

use std::time::Duration;

use annulus::Runtime;
use annulus::buf::IoBuf;
use annulus::fs::{self, File};

use crate::poll::{Dropped, poll_once, poll_times, until_woken};
use crate::temp::TempDir;

/// Tells the test that it is the process of its own.
const CHILD: &str = "ANNULUS_TEST_COUNTS_DESCRIPTORS";

fn descriptors() -> usize {
    // One of them is the directory that is being read, always.
    std::fs::read_dir("/proc/self/fd").expect("/proc").count()
}

#[test]
fn no_descriptor_is_left_behind() {
    if std::env::var_os(CHILD).is_some() {
        count();
        return;
    }
    let itself = std::env::current_exe().unwrap();
    let child = std::process::Command::new(itself)
        .args(["--exact", "no_descriptor_is_left_behind", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{output}");
    assert!(output.contains("counted"), "the child has counted nothing: {output}");
}

fn count() {
    let dir = TempDir::new();
    let path = dir.file("a", vec![7; 20_000]);
    let before = descriptors();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        for index in 0..100 {
            let mut done = File::open(&path);
            until_woken(&mut done).await;
            drop(done);
            let mut flying = File::create(dir.join(index.to_string()));
            assert!(poll_once(&mut flying).await.is_none());
            drop(flying);
            let mut cancelled = File::open(&path);
            assert!(poll_once(&mut cancelled).await.is_none());
            drop(cancelled.cancel().await);
            let mut program = 0;
            while poll_times(fs::read(&path), program, Dropped::AtOnce).await.is_none() {
                program += 1;
            }
            let file = File::open(&path).await.unwrap();
            file.read_at(vec![0; 100].slice(..10), 0).await.unwrap();
            let clone = file.try_clone().unwrap();
            drop((file, clone));
            File::open(&path).await.unwrap().close().await.unwrap();
            drop(poll_times(File::open(&path).await.unwrap().close(), 1, Dropped::AtOnce).await);
            drop(File::open(&path).await.unwrap().into_std().unwrap());
            fs::write_atomic(dir.join("atomic"), "x").await.unwrap();
            fs::copy(&path, dir.join("copy")).await.unwrap();
            drop(poll_times(fs::copy(&path, dir.join("copy")), 1, Dropped::AtOnce).await);
            let mut entries = fs::read_dir(dir.path()).await.unwrap();
            entries.next_entry().await.unwrap();
            drop(poll_times(entries.next_entry(), 1, Dropped::AtOnce).await);
        }
    });
    assert_eq!(runtime.shutdown_timeout(Duration::from_secs(60)), 0);
    assert_eq!(descriptors(), before, "descriptors after, and before");
    eprintln!("counted");
}
