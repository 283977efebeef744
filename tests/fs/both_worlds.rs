//! What files do on either kernel: the bodies name no file by any other means than the crate's, so that
//! they run in a simulated world, too (`ANNULUS_WORLD=SEED`, feature `sim`).

use std::io::ErrorKind;
use std::path::PathBuf;

use annulus::fs::{self, File};

use crate::bound::run;

/// A directory of the kernel that the loop runs on.
async fn directory(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("annulus-both-{}-{name}", std::process::id()));
    fs::create_dir_all(&path).await.unwrap();
    path
}

async fn remove(dir: PathBuf, names: &[&str]) {
    for name in names {
        fs::remove_file(dir.join(name)).await.unwrap();
    }
    fs::remove_dir(&dir).await.unwrap();
}

#[test]
fn what_is_written_at_a_place_is_read_there_and_holes_are_zeroes() {
    run(async {
        let dir = directory("places").await;
        let options = || {
            let mut options = File::options();
            options.read(true).write(true).create(true);
            options
        };
        let file = options().open(dir.join("file")).await.unwrap();
        file.write_all_at("tail", 6).await.unwrap();
        file.write_all_at("head", 0).await.unwrap();
        let (count, bytes) = file.read_at(vec![7; 20], 0).await.unwrap();
        assert_eq!((count, &bytes[..10]), (10, &b"head\0\0tail"[..]));
        assert_eq!(file.read_at(vec![7; 20], 10).await.unwrap().0, 0);
        file.set_len(3).await.unwrap();
        assert_eq!(file.metadata().await.unwrap().len(), 3);
        file.sync_all().await.unwrap();
        file.close().await.unwrap();
        assert_eq!(fs::read(dir.join("file")).await.unwrap(), b"hea");
        remove(dir, &["file"]).await;
    });
}

#[test]
fn names_are_made_moved_and_taken_away() {
    run(async {
        let dir = directory("names").await;
        let (one, two, link) = (dir.join("one"), dir.join("two"), dir.join("link"));
        fs::write(&one, "1").await.unwrap();
        fs::hard_link(&one, &two).await.unwrap();
        assert_eq!(fs::metadata(&two).await.unwrap().nlink(), 2);
        fs::symlink("two", &link).await.unwrap();
        assert_eq!(fs::read(&link).await.unwrap(), b"1");
        fs::write(&one, "another").await.unwrap();
        fs::rename(&one, &two).await.unwrap();
        fs::remove_file(&two).await.unwrap();
        let error = fs::read(&link).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        // Both were names of one file, of which a rename makes nothing.
        assert_eq!(fs::read(&one).await.unwrap(), b"another");
        remove(dir, &["one", "link"]).await;
    });
}

#[test]
fn an_error_says_what_is_wrong() {
    run(async {
        let dir = directory("errors").await;
        let (file, missing) = (dir.join("file"), dir.join("missing"));
        fs::write(&file, "x").await.unwrap();
        let kind = |done: std::io::Result<()>| done.unwrap_err().kind();
        assert_eq!(kind(fs::read(&missing).await.map(drop)), ErrorKind::NotFound);
        assert_eq!(kind(fs::read(file.join("x")).await.map(drop)), ErrorKind::NotADirectory);
        assert_eq!(kind(fs::create_dir(&file).await), ErrorKind::AlreadyExists);
        assert_eq!(kind(fs::remove_dir(&dir).await), ErrorKind::DirectoryNotEmpty);
        let new = File::options().write(true).create_new(true).open(&file).await;
        assert_eq!(kind(new.map(drop)), ErrorKind::AlreadyExists);
        remove(dir, &["file"]).await;
    });
}

/// The names in a directory, in their order.
async fn names(dir: &std::path::Path) -> Vec<String> {
    let mut entries = fs::read_dir(dir).await.unwrap();
    let mut names = Vec::new();
    while let Some(entry) = entries.next_entry().await.unwrap() {
        assert_eq!(entry.path(), dir.join(entry.file_name()));
        assert_eq!(entry.ino(), entry.metadata().await.unwrap().ino());
        let kind = entry.file_type().await.unwrap();
        let sign = if kind.is_dir() { "/" } else { "" };
        let sign = if kind.is_symlink() { "@" } else { sign };
        names.push(format!("{}{sign}", entry.file_name().to_string_lossy()));
    }
    names.sort();
    names
}

#[test]
fn a_directory_says_what_is_in_it_and_goes_with_all_of_it() {
    run(async {
        let dir = directory("tree").await;
        let inner = dir.join("a/b");
        fs::create_dir_all(&inner).await.unwrap();
        fs::write(inner.join("file"), "x").await.unwrap();
        let outside = directory("outside").await;
        fs::write(outside.join("kept"), "x").await.unwrap();
        fs::symlink(&outside, dir.join("link")).await.unwrap();
        // More than are read by one call.
        for number in 0..150 {
            fs::write(dir.join("a").join(number.to_string()), "").await.unwrap();
        }
        assert_eq!(names(&dir).await, ["a/", "link@"]);
        assert_eq!(names(&dir.join("a")).await.len(), 151);
        assert_eq!(names(&dir.join("link")).await, ["kept"]);
        let missing = fs::read_dir(dir.join("missing")).await.map(drop).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        let file = fs::remove_dir_all(inner.join("file")).await.unwrap_err();
        assert_eq!(file.kind(), ErrorKind::NotADirectory);
        fs::remove_dir_all(&dir).await.unwrap();
        assert!(!fs::try_exists(&dir).await.unwrap());
        assert_eq!(names(&outside).await, ["kept"], "a link is not followed");
        remove(outside, &["kept"]).await;
    });
}

#[test]
fn links_say_where_they_lead_and_paths_what_they_are() {
    run(async {
        let dir = directory("links").await;
        let (file, link, here) = (dir.join("file"), dir.join("link"), dir.join("here"));
        fs::write(&file, "x").await.unwrap();
        fs::symlink("file", &link).await.unwrap();
        fs::symlink(&dir, &here).await.unwrap();
        assert_eq!(fs::read_link(&link).await.unwrap(), PathBuf::from("file"));
        assert_eq!(fs::read_link(&file).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        let real = fs::canonicalize(&dir).await.unwrap();
        assert_eq!(fs::canonicalize(here.join("./here/link")).await.unwrap(), real.join("file"));
        assert_eq!(fs::canonicalize(here.join("..")).await.unwrap(), real.parent().unwrap());
        let missing = fs::canonicalize(here.join("missing")).await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        fs::symlink("around", dir.join("around")).await.unwrap();
        assert!(fs::canonicalize(dir.join("around")).await.is_err());
        fs::remove_dir_all(dir).await.unwrap();
    });
}

#[test]
fn permissions_are_set_by_path_and_by_handle_and_copied_with_the_content() {
    use std::os::unix::fs::PermissionsExt;
    run(async {
        let dir = directory("modes").await;
        let (from, to) = (dir.join("from"), dir.join("to"));
        fs::write(&from, "content").await.unwrap();
        fs::write(&to, "something longer").await.unwrap();
        let mode =
            async |path: &PathBuf| fs::metadata(path).await.unwrap().permissions().mode() & 0o7777;
        fs::set_permissions(&from, PermissionsExt::from_mode(0o640)).await.unwrap();
        assert_eq!(mode(&from).await, 0o640);
        let file = File::open(&from).await.unwrap();
        file.set_permissions(PermissionsExt::from_mode(0o600)).await.unwrap();
        file.close().await.unwrap();
        assert_eq!(mode(&from).await, 0o600);
        assert_eq!(fs::copy(&from, &to).await.unwrap(), 7);
        assert_eq!((fs::read(&to).await.unwrap(), mode(&to).await), (b"content".to_vec(), 0o600));
        let new = dir.join("new");
        assert_eq!(fs::copy(&from, &new).await.unwrap(), 7);
        assert_eq!(mode(&new).await, 0o600);
        let error = fs::copy(&dir, &to).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        fs::write_atomic(&to, "whole").await.unwrap();
        assert_eq!((fs::read(&to).await.unwrap(), mode(&to).await), (b"whole".to_vec(), 0o600));
        remove(dir, &["from", "to", "new"]).await;
    });
}

#[test]
fn attributes_are_listed_and_taken_away() {
    run(async {
        let dir = directory("attributes").await;
        let file = dir.join("file");
        fs::write(&file, "x").await.unwrap();
        match fs::set_xattr(&file, "user.first", "one").await {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                eprintln!("skipped: this file system has no extended attributes");
                return remove(dir, &["file"]).await;
            }
            set => set.unwrap(),
        }
        fs::set_xattr(&file, "user.second", "two").await.unwrap();
        let mut listed = fs::list_xattr(&file).await.unwrap();
        listed.sort();
        assert_eq!(listed, ["user.first", "user.second"]);
        fs::remove_xattr(&file, "user.first").await.unwrap();
        assert_eq!(fs::list_xattr(&file).await.unwrap(), ["user.second"]);
        assert_eq!(fs::get_xattr(&file, "user.first").await.unwrap(), None);
        let error = fs::remove_xattr(&file, "user.first").await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENODATA));
        assert!(fs::list_xattr(dir.join("missing")).await.is_err());
        remove(dir, &["file"]).await;
    });
}

#[test]
fn jobs_of_the_blocking_pool_give_their_results_and_their_panics() {
    run(async {
        let jobs: Vec<_> = (0..20_u64).map(|n| annulus::spawn_blocking(move || n * n)).collect();
        for (n, job) in jobs.into_iter().enumerate() {
            assert_eq!(job.await.unwrap(), (n * n) as u64);
        }
        let panics = annulus::spawn_blocking(|| panic!("on purpose"));
        assert_eq!(panics.await.unwrap_err().panic_message(), Some("on purpose"));
    });
}
