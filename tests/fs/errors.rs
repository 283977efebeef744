//! What goes wrong is said as std says it, and buffers come back.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use annulus::BufResult;
use annulus::fs::{self, File};

use crate::temp::TempDir;

#[track_caller]
fn assert_same<A: std::fmt::Debug, B: std::fmt::Debug>(ours: io::Result<A>, theirs: io::Result<B>) {
    let (ours, theirs) = (ours.unwrap_err(), theirs.unwrap_err());
    assert_eq!(ours.raw_os_error(), theirs.raw_os_error(), "{ours} or {theirs}");
    assert_eq!(ours.kind(), theirs.kind());
}

#[test]
fn a_missing_file_is_not_found() {
    let dir = TempDir::new();
    let (missing, other) = (dir.join("missing"), dir.join("other"));
    annulus::run(async {
        assert_same(File::open(&missing).await, std::fs::File::open(&missing));
        assert_same(fs::read(&missing).await, std::fs::read(&missing));
        assert_same(fs::metadata(&missing).await, std::fs::metadata(&missing));
        assert_same(fs::remove_file(&missing).await, std::fs::remove_file(&missing));
        assert_same(fs::remove_dir(&missing).await, std::fs::remove_dir(&missing));
        assert_same(fs::rename(&missing, &other).await, std::fs::rename(&missing, &other));
        assert_same(fs::hard_link(&missing, &other).await, std::fs::hard_link(&missing, &other));
        let deep = missing.join("deep");
        assert_same(fs::create_dir(&deep).await, std::fs::create_dir(&deep));
        assert_same(fs::write(&deep, "x").await, std::fs::write(&deep, "x"));
        assert!(!fs::try_exists(&missing).await.unwrap());
    })
    .unwrap();
    assert_eq!(dir.names(), [""; 0]);
}

#[test]
fn what_is_there_is_not_made_again() {
    let dir = TempDir::new();
    let (file, sub) = (dir.file("file", "x"), dir.join("sub"));
    std::fs::create_dir(&sub).unwrap();
    annulus::run(async {
        assert_same(File::create_new(&file).await, std::fs::File::create_new(&file));
        assert_same(fs::create_dir(&sub).await, std::fs::create_dir(&sub));
        assert_same(fs::hard_link(&file, &sub).await, std::fs::hard_link(&file, &sub));
        let theirs = std::os::unix::fs::symlink("x", &file);
        assert_same(fs::symlink("x", &file).await, theirs);
    })
    .unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), b"x");
}

#[test]
fn a_directory_is_no_file_and_a_file_no_directory() {
    let dir = TempDir::new();
    let file = dir.file("file", "x");
    annulus::run(async {
        assert_same(fs::read(dir.path()).await, std::fs::read(dir.path()));
        assert_same(fs::write(dir.path(), "x").await, std::fs::write(dir.path(), "x"));
        assert_same(fs::remove_file(dir.path()).await, std::fs::remove_file(dir.path()));
        assert_same(fs::remove_dir(&file).await, std::fs::remove_dir(&file));
        assert_same(fs::remove_dir(dir.path()).await, std::fs::remove_dir(dir.path()));
        let below = file.join("below");
        assert_same(fs::metadata(&below).await, std::fs::metadata(&below));
        assert_same(fs::create_dir_all(&below).await, std::fs::create_dir_all(&below));
        let error = fs::try_exists(&below).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADirectory);
    })
    .unwrap();
}

#[test]
fn a_file_is_read_and_written_only_as_it_was_opened() {
    let dir = TempDir::new();
    let path = dir.file("file", "0123");
    annulus::run(async {
        let writer = File::options().write(true).open(&path).await.unwrap();
        let BufResult(result, buf) = writer.read_at(vec![7; 3], 0).await;
        assert_eq!(result.unwrap_err().raw_os_error(), Some(9), "EBADF");
        assert_eq!(buf, [7; 3]);
        let reader = File::open(&path).await.unwrap();
        let BufResult(result, buf) = reader.write_at("abc", 0).await;
        assert_eq!(result.unwrap_err().raw_os_error(), Some(9), "EBADF");
        assert_eq!(buf, "abc");
    })
    .unwrap();
}

#[test]
fn an_offset_past_all_files_is_invalid_and_never_means_something_else() {
    let dir = TempDir::new();
    let path = dir.file("file", "0123");
    annulus::run(async {
        let file = File::options().read(true).write(true).open(&path).await.unwrap();
        for offset in [u64::MAX, u64::MAX - 1, 1 << 63] {
            let BufResult(result, buf) = file.read_at(vec![7; 3], offset).await;
            assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput, "{offset}");
            assert_eq!(buf, [7; 3]);
            let BufResult(result, _) = file.write_at("abc", offset).await;
            assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput, "{offset}");
            let BufResult(result, _) = file.readv_at([vec![7; 3]], offset).await;
            assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput, "{offset}");
            let BufResult(result, _) = file.writev_at(["abc"], offset).await;
            assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput, "{offset}");
            let BufResult(result, _) = file.write_all_at("abc", offset).await;
            assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput, "{offset}");
        }
    })
    .unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"0123");
}

#[test]
fn a_path_with_a_nul_is_invalid_and_named_wherever_it_is_given() {
    #[track_caller]
    fn assert_named<T: std::fmt::Debug>(result: io::Result<T>) {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains("NUL"), "{error}");
    }
    let dir = TempDir::new();
    let good = dir.file("good", "x");
    let bad: PathBuf = dir.join("bad\0path");
    annulus::run(async {
        assert_named(File::open(&bad).await);
        assert_named(File::create(&bad).await);
        assert_named(fs::read(&bad).await);
        assert_named(fs::read_to_string(&bad).await);
        assert_named(fs::write(&bad, "x").await);
        assert_named(fs::write_atomic(&bad, "x").await);
        assert_named(fs::metadata(&bad).await);
        assert_named(fs::symlink_metadata(&bad).await);
        assert_named(fs::try_exists(&bad).await);
        assert_named(fs::remove_file(&bad).await);
        assert_named(fs::remove_dir(&bad).await);
        assert_named(fs::create_dir(&bad).await);
        assert_named(fs::create_dir_all(&bad).await);
        for (from, to) in [(&good, &bad), (&bad, &good)] {
            assert_named(fs::rename(from, to).await);
            assert_named(fs::hard_link(from, to).await);
            assert_named(fs::symlink(from, to).await);
        }
    })
    .unwrap();
    assert_eq!(dir.names(), ["good"]);
}

#[test]
fn a_path_that_is_empty_or_too_long_is_refused_as_by_std() {
    let long: PathBuf = "x".repeat(5000).into();
    annulus::run(async {
        for path in [Path::new(""), &long] {
            assert_same(fs::read(path).await, std::fs::read(path));
            assert_same(fs::create_dir(path).await, std::fs::create_dir(path));
            assert_same(fs::symlink_metadata(path).await, std::fs::symlink_metadata(path));
        }
    })
    .unwrap();
}

#[test]
fn a_file_that_is_not_utf8_is_no_string() {
    let dir = TempDir::new();
    let path = dir.file("a", b"abc\xff");
    let error = annulus::run(fs::read_to_string(&path)).unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.to_string().contains("byte 3"), "{error}");
}
