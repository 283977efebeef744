//! Files that are replaced whole.

use std::io::ErrorKind;
use std::path::Path;

use annulus::fs::{self, File};

use crate::poll::poll_times;
use crate::temp::TempDir;

#[test]
fn a_file_is_replaced_and_nothing_else_is_left() {
    let dir = TempDir::new();
    let path = dir.file("a", "old and longer");
    let reader = std::fs::File::open(&path).unwrap();
    annulus::run(fs::write_atomic(&path, "new")).unwrap().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"new");
    assert_eq!(std::io::read_to_string(reader).unwrap(), "old and longer");
    assert_eq!(dir.names(), ["a"]);
}

#[test]
fn a_file_is_made_where_there_is_none() {
    let dir = TempDir::new();
    annulus::run(fs::write_atomic(dir.join("a"), "new")).unwrap().unwrap();
    assert_eq!(std::fs::read(dir.join("a")).unwrap(), b"new");
    assert_eq!(dir.names(), ["a"]);
}

#[test]
fn a_failure_leaves_nothing_beside() {
    let dir = TempDir::new();
    std::fs::create_dir_all(dir.join("taken/by a directory")).unwrap();
    annulus::run(async {
        let error = fs::write_atomic(dir.join("taken"), "new").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IsADirectory);
        let error = fs::write_atomic(dir.join("missing/a"), "new").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        for path in [Path::new(".."), Path::new("/"), Path::new("")] {
            let error = fs::write_atomic(path, "new").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{path:?}");
        }
        let error = fs::write_atomic(dir.join("a\0b"), "new").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    })
    .unwrap();
    assert_eq!(dir.names(), ["taken"]);
}

#[test]
fn a_write_that_fails_leaves_the_old_file_and_nothing_beside() {
    // A content that is gone when it is asked for plays the failing write.
    struct Panics;
    impl annulus::buf::IoBuf for Panics {
        fn as_init(&self) -> &[u8] {
            panic!("the content is gone")
        }
    }
    let dir = TempDir::new();
    let path = dir.file("a", "old");
    let panicked = std::panic::catch_unwind(|| annulus::run(fs::write_atomic(&path, Panics)));
    let message = *panicked.unwrap_err().downcast::<&str>().unwrap();
    assert_eq!(message, "the content is gone");
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
}

#[test]
fn dropped_at_every_poll_the_file_is_old_or_new_and_nothing_is_left_beside() {
    let dir = TempDir::new();
    let path = dir.file("a", "old");
    let mut polls = 0;
    loop {
        std::fs::write(&path, "old").unwrap();
        let done = annulus::run(async {
            let done = poll_times(fs::write_atomic(&path, "new"), polls).await;
            // The task ends by itself, in a bounded number of turns.
            while dir.names() != ["a"] {
                annulus::op::nop().await.unwrap();
            }
            done
        });
        let content = std::fs::read(&path).unwrap();
        match done.unwrap() {
            Some(result) => {
                result.unwrap();
                assert_eq!(content, b"new");
                break;
            }
            None => assert!(content == b"old" || content == b"new", "{content:?}"),
        }
        polls += 1;
    }
    assert!(polls > 1, "it was never dropped in between");
}

#[test]
fn many_at_one_time_do_not_disturb_each_other() {
    let dir = TempDir::new();
    let path = dir.join("a");
    annulus::run(async {
        let writers: Vec<_> = (0..50)
            .map(|writer| {
                let path = path.clone();
                annulus::spawn(async move {
                    let content = vec![writer; 10_000];
                    fs::write_atomic(&path, content).await.unwrap();
                    let read = fs::read(&path).await.unwrap();
                    assert_eq!(read, vec![read[0]; 10_000]);
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let file = File::open(&path).await.unwrap();
        assert_eq!(file.metadata().await.unwrap().len(), 10_000);
    })
    .unwrap();
    assert_eq!(dir.names(), ["a"]);
}
