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
