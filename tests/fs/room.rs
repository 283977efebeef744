//! The room that a file takes: its length, its holes.

use std::io::ErrorKind;

use annulus::fs::{Advice, File};

use crate::fallocate::{allocates, punches_holes};
use crate::named_pipe::make_fifo;
use crate::temp::TempDir;

async fn open(dir: &TempDir, content: &[u8]) -> File {
    let path = dir.file("a", content);
    File::options().read(true).write(true).open(path).await.unwrap()
}

#[test]
fn a_length_that_is_set_cuts_or_adds_zeros() {
    let dir = TempDir::new();
    annulus::run(async {
        let file = open(&dir, b"0123456789").await;
        file.set_len(4).await.unwrap();
        assert_eq!(std::fs::read(dir.join("a")).unwrap(), b"0123");
        file.set_len(6).await.unwrap();
        assert_eq!(std::fs::read(dir.join("a")).unwrap(), b"0123\0\0");
    })
    .unwrap();
}

#[test]
fn a_length_that_cannot_be_is_refused() {
    let dir = TempDir::new();
    annulus::run(async {
        let file = open(&dir, b"0123456789").await;
        assert_eq!(file.set_len(u64::MAX).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        let reader = File::open(dir.join("a")).await.unwrap();
        assert_eq!(reader.set_len(1).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(file.metadata().await.unwrap().len(), 10);
    })
    .unwrap();
}

#[test]
fn a_write_past_the_end_leaves_zeros_before_it() {
    let dir = TempDir::new();
    annulus::run(async {
        let file = open(&dir, b"01").await;
        file.write_all_at("x", 4).await.unwrap();
    })
    .unwrap();
    assert_eq!(std::fs::read(dir.join("a")).unwrap(), b"01\0\0x");
}

#[test]
fn a_hole_gives_room_back_and_reads_as_zeros() {
    const LEN: usize = 1 << 20;
    let dir = TempDir::new();
    annulus::run(async {
        let file = open(&dir, &vec![7u8; LEN]).await;
        file.sync_all().await.unwrap();
        let before = file.metadata().await.unwrap();
        if !punches_holes(&dir.join("a")) {
            eprintln!("skipped: no holes on this file system");
            return;
        }
        file.punch_hole(4096, LEN as u64 / 2).await.unwrap();
        let after = file.metadata().await.unwrap();
        assert_eq!(after.len(), LEN as u64);
        assert!(after.blocks() < before.blocks(), "{after:?}, was {before:?}");
        let content = std::fs::read(dir.join("a")).unwrap();
        let (hole, rest) = content[4096..].split_at(LEN / 2);
        assert!(hole.iter().all(|&byte| byte == 0));
        assert!(content[..4096].iter().chain(rest).all(|&byte| byte == 7));
    })
    .unwrap();
}

#[test]
fn room_that_is_allocated_is_there_and_reads_as_zeros() {
    let dir = TempDir::new();
    annulus::run(async {
        let file = open(&dir, b"01").await;
        if !allocates(&dir.join("a")) {
            eprintln!("skipped: no allocation on this file system");
            return;
        }
        file.allocate(0, 1 << 20).await.unwrap();
        let metadata = file.metadata().await.unwrap();
        assert_eq!(metadata.len(), 1 << 20);
        assert!(metadata.blocks() * 512 >= 1 << 20, "{metadata:?}");
        assert_eq!(file.read_at(vec![9; 4], 0).await.unwrap().1, b"01\0\0");
        assert_eq!(file.allocate(0, 0).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(file.punch_hole(0, 0).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    })
    .unwrap();
}

#[test]
fn advice_is_taken_of_any_length() {
    let dir = TempDir::new();
    annulus::run(async {
        let file = open(&dir, &[1; 10_000]).await;
        for advice in [
            Advice::Normal,
            Advice::Sequential,
            Advice::Random,
            Advice::WillNeed,
            Advice::DontNeed,
            Advice::NoReuse,
        ] {
            for len in [0, 1, 4096, u64::from(u32::MAX), 5 << 30] {
                file.advise(4096, len, advice).await.unwrap();
            }
        }
        assert_eq!(file.read_at(vec![0; 10], 5000).await.unwrap().1, [1; 10]);
        let fifo = make_fifo(&dir);
        let pipe = File::options().read(true).write(true).open(fifo).await.unwrap();
        let refused = pipe.advise(0, 0, Advice::WillNeed).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotSeekable);
    })
    .unwrap();
}

#[test]
fn a_file_is_brought_to_its_device() {
    let dir = TempDir::new();
    annulus::run(async {
        let file = open(&dir, b"01").await;
        file.write_all_at("x", 1).await.unwrap();
        file.sync_data().await.unwrap();
        file.sync_all().await.unwrap();
        // A descriptor that has nothing behind it refuses: the operation reaches the file.
        let fifo = make_fifo(&dir);
        let pipe = File::options().read(true).write(true).open(fifo).await.unwrap();
        assert_eq!(pipe.sync_all().await.unwrap_err().kind(), ErrorKind::InvalidInput);
    })
    .unwrap();
}
