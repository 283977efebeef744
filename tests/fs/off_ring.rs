//! What the ring cannot do, compared with what std does.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use annulus::fs::{self, File};

use crate::named_pipe::make_fifo;
use crate::poll::{Dropped, poll_times, turn_until};
use crate::temp::TempDir;

fn mode(path: impl AsRef<Path>) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_file_is_copied_with_its_permissions_in_place_of_what_is_there() {
    let dir = TempDir::new();
    let content: Vec<u8> = (0..300_000).map(|index| (index % 251) as u8).collect();
    let (from, to) = (dir.file("from", &content), dir.file("to", vec![1; 400_000]));
    std::fs::set_permissions(&from, std::fs::Permissions::from_mode(0o640)).unwrap();
    annulus::run(async {
        assert_eq!(fs::copy(&from, &to).await.unwrap(), 300_000);
        assert_eq!(fs::copy(&from, dir.join("new")).await.unwrap(), 300_000);
    })
    .unwrap();
    for copied in [to, dir.join("new")] {
        assert!(std::fs::read(&copied).unwrap() == content);
        assert_eq!(mode(&copied), 0o640);
    }
}

#[test]
fn a_copy_of_more_than_one_part_is_whole() {
    const LEN: u64 = (64 << 20) + 5;
    let dir = TempDir::new();
    let from = dir.file("from", "begin");
    // A hole, which takes no room.
    let file = std::fs::File::options().write(true).open(&from).unwrap();
    file.set_len(LEN).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"end", LEN - 3).unwrap();
    annulus::run(async {
        assert_eq!(fs::copy(&from, dir.join("to")).await.unwrap(), LEN);
        let to = File::open(dir.join("to")).await.unwrap();
        assert_eq!(to.metadata().await.unwrap().len(), LEN);
        assert_eq!(to.read_exact_at(vec![0; 5], 0).await.unwrap().1, b"begin");
        assert_eq!(to.read_exact_at(vec![9; 5], LEN - 5).await.unwrap().1, b"\0\0end");
    })
    .unwrap();
}

#[test]
fn only_files_are_copied() {
    let dir = TempDir::new();
    annulus::run(async {
        let error = fs::copy(dir.path(), dir.join("to")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let error = fs::copy(dir.join("missing"), dir.join("to")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let error = fs::copy(dir.join("a\0b"), dir.join("to")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    })
    .unwrap();
    assert_eq!(dir.names(), [""; 0]);
}

#[test]
fn a_tree_is_removed_and_what_its_links_lead_to_stays() {
    let dir = TempDir::new();
    std::fs::create_dir_all(dir.join("top/a/b")).unwrap();
    dir.file("top/a/b/file", "x");
    dir.file("kept", "x");
    std::os::unix::fs::symlink("../kept", dir.join("top/link")).unwrap();
    annulus::run(async {
        fs::remove_dir_all(dir.join("top")).await.unwrap();
        let error = fs::remove_dir_all(dir.join("top")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    })
    .unwrap();
    assert_eq!(dir.names(), ["kept"]);
}

#[test]
fn a_removal_that_was_given_up_before_it_began_removes_nothing() {
    let dir = TempDir::new();
    std::fs::create_dir(dir.join("top")).unwrap();
    let runtime = annulus::Builder::new().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let (release, held) = std::sync::mpsc::channel::<()>();
        let busy = annulus::spawn_blocking(move || held.recv());
        let removal = fs::remove_dir_all(dir.join("top"));
        assert!(poll_times(removal, 1, Dropped::AtOnce).await.is_none());
        release.send(()).unwrap();
        busy.await.unwrap().unwrap();
        // A call after it has run by now; the one before was taken back.
        fs::canonicalize("/").await.unwrap();
    });
    assert_eq!(dir.names(), ["top"]);
}

#[test]
fn links_and_paths_are_followed() {
    let dir = TempDir::new();
    let target = dir.file("target", "x");
    let link = dir.join("link");
    std::os::unix::fs::symlink("./target", &link).unwrap();
    annulus::run(async {
        assert_eq!(fs::read_link(&link).await.unwrap(), Path::new("./target"));
        let error = fs::read_link(&target).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let path = fs::canonicalize(&link).await.unwrap();
        assert_eq!(path, std::fs::canonicalize(&link).unwrap());
        let error = fs::canonicalize(dir.join("missing")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    })
    .unwrap();
}

#[test]
fn permissions_are_set_by_path_and_by_file() {
    let dir = TempDir::new();
    let path = dir.file("a", "x");
    let permissions = std::fs::Permissions::from_mode;
    annulus::run(async {
        fs::set_permissions(&path, permissions(0o604)).await.unwrap();
        assert_eq!(mode(&path), 0o604);
        let file = File::open(&path).await.unwrap();
        file.set_permissions(permissions(0o460)).await.unwrap();
        assert_eq!(mode(&path), 0o460);
        let error = fs::set_permissions(dir.join("b"), permissions(0o600)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    })
    .unwrap();
}

#[test]
fn every_entry_is_given_once_with_its_kind() {
    let dir = TempDir::new();
    // More than a few batches.
    for index in 0..1000 {
        dir.file(&format!("file {index}"), "x");
    }
    std::fs::create_dir(dir.join("directory")).unwrap();
    std::os::unix::fs::symlink("nowhere", dir.join("link")).unwrap();
    make_fifo(&dir);
    annulus::run(async {
        let mut entries = fs::read_dir(dir.path()).await.unwrap();
        let mut names = Vec::new();
        while let Some(entry) = entries.next_entry().await.unwrap() {
            let name = entry.file_name().into_string().unwrap();
            assert_eq!(entry.path(), dir.join(&name));
            let metadata = entry.metadata().await.unwrap();
            assert_eq!(metadata.ino(), entry.ino());
            let kind = entry.file_type().await.unwrap();
            assert_eq!(kind, metadata.file_type());
            assert_eq!(kind.is_dir(), name == "directory");
            assert_eq!(kind.is_symlink(), name == "link");
            assert_eq!(kind.is_fifo(), name == "fifo");
            names.push(name);
        }
        assert!(entries.next_entry().await.unwrap().is_none());
        names.sort();
        assert_eq!(names, dir.names());
    })
    .unwrap();
}

#[test]
fn no_entry_is_lost_with_a_future_that_is_dropped() {
    let dir = TempDir::new();
    for index in 0..500 {
        dir.file(&index.to_string(), "");
    }
    let runtime = annulus::Builder::new().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let mut entries = fs::read_dir(dir.path()).await.unwrap();
        // The next entries cannot be read before this one ends.
        let (release, held) = std::sync::mpsc::channel::<()>();
        let busy = annulus::spawn_blocking(move || held.recv());
        let mut names = BTreeSet::new();
        while let Some(entry) = poll_times(entries.next_entry(), 1, Dropped::AtOnce).await {
            assert!(names.insert(entry.unwrap().expect("not the last").file_name()));
        }
        assert!(!names.is_empty() && names.len() < 500);
        drop(poll_times(entries.next_entry(), 1, Dropped::AtOnce).await);
        release.send(()).unwrap();
        busy.await.unwrap().unwrap();
        while let Some(entry) = entries.next_entry().await.unwrap() {
            assert!(names.insert(entry.file_name()));
        }
        assert_eq!(names.len(), 500);
    });
}

#[test]
fn what_is_no_directory_has_no_entries() {
    let dir = TempDir::new();
    let file = dir.file("a", "x");
    annulus::run(async {
        let error = fs::read_dir(&file).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADirectory);
        let error = fs::read_dir(dir.join("missing")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let mut entries = fs::read_dir(dir.path()).await.unwrap();
        assert_eq!(entries.next_entry().await.unwrap().unwrap().file_name(), "a");
        assert!(entries.next_entry().await.unwrap().is_none());
    })
    .unwrap();
}

#[test]
fn a_replaced_file_keeps_its_permissions() {
    let dir = TempDir::new();
    let path = dir.file("a", "old");
    // A mode that no usual umask lets through, and one that nobody may write to.
    for bits in [0o666, 0o600, 0o400] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(bits)).unwrap();
        annulus::run(fs::write_atomic(&path, "new")).unwrap().unwrap();
        assert_eq!(mode(&path), bits);
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
    }
}

#[test]
fn a_copy_that_is_given_up_ends() {
    let dir = TempDir::new();
    let from = dir.file("from", vec![1; 10_000]);
    let runtime = annulus::Runtime::new().unwrap();
    runtime.block_on(async {
        for polls in 0..6 {
            let copy = fs::copy(&from, dir.join("to"));
            drop(poll_times(copy, polls, Dropped::AtOnce).await);
        }
        // All of its calls are over: the pool is idle.
        let handle = annulus::Handle::current();
        turn_until(|| handle.metrics().expect("on its loop").blocking.running == 0).await;
    });
    assert_eq!(runtime.shutdown_timeout(std::time::Duration::from_secs(60)), 0);
}
