//! Files that are replaced whole.

use std::io::ErrorKind;
use std::path::Path;

use annulus::fs::{self, File};

use crate::poll::{poll_once, turn_until};
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
fn dropped_at_any_time_the_file_is_old_or_new_and_nothing_is_left_beside() {
    let mut turns = 0;
    while !replace_and_drop(turns) {
        turns += turns / 3 + 1;
    }
    assert!(turns > 3, "it was never dropped in between");
}

/// Whether the file was replaced in so many turns of the loop; dropped then.
fn replace_and_drop(turns: usize) -> bool {
    let dir = TempDir::new();
    let path = dir.file("a", "old");
    let done = annulus::run(async {
        let mut replacing = Box::pin(fs::write_atomic(&path, "new"));
        let mut done = poll_once(&mut replacing).await;
        for _ in 0..turns {
            annulus::op::nop().await.unwrap();
            if done.is_none() {
                done = poll_once(&mut replacing).await;
            }
        }
        drop(replacing);
        // What is done when nobody waits any more is done by a task.
        let handle = annulus::Handle::current();
        turn_until(|| handle.metrics().expect("on its loop").tasks_alive == 0).await;
        done
    });
    assert_eq!(dir.names(), ["a"]);
    let content = std::fs::read(&path).unwrap();
    assert!(content == b"old" || content == b"new", "{content:?}");
    match done.unwrap() {
        Some(result) => {
            result.unwrap();
            assert_eq!(content, b"new");
            true
        }
        None => {
            // Nobody waited when the task began: it has not gone on.
            assert!(turns > 0 || content == b"old");
            false
        }
    }
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
