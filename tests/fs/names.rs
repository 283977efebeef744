//! Names of files and directories.

use annulus::fs;

use crate::temp::TempDir;

#[test]
fn a_file_gets_another_name_in_place_of_what_has_it() {
    let dir = TempDir::new();
    let (a, b) = (dir.file("a", "of a"), dir.file("b", "of b"));
    annulus::run(fs::rename(&a, &b)).unwrap().unwrap();
    assert_eq!(dir.names(), ["b"]);
    assert_eq!(std::fs::read(&b).unwrap(), b"of a");
}

#[test]
fn a_file_gets_a_second_name_and_loses_the_first() {
    let dir = TempDir::new();
    let (a, b) = (dir.file("a", "of a"), dir.join("b"));
    annulus::run(async {
        fs::hard_link(&a, &b).await.unwrap();
        assert_eq!(fs::metadata(&a).await.unwrap().nlink(), 2);
        fs::remove_file(&a).await.unwrap();
        assert_eq!(fs::read(&b).await.unwrap(), b"of a");
    })
    .unwrap();
    assert_eq!(dir.names(), ["b"]);
}

#[test]
fn a_link_leads_where_it_says_also_to_nothing() {
    let dir = TempDir::new();
    let (link, target) = (dir.join("link"), dir.join("target"));
    annulus::run(async {
        fs::symlink("target", &link).await.unwrap();
        assert_eq!(std::fs::read_link(&link).unwrap(), std::path::Path::new("target"));
        assert!(!fs::try_exists(&link).await.unwrap());
        assert!(fs::symlink_metadata(&link).await.unwrap().is_symlink());
        fs::write(&target, "x").await.unwrap();
        assert!(fs::try_exists(&link).await.unwrap());
        assert!(fs::metadata(&link).await.unwrap().is_file());
        fs::remove_file(&link).await.unwrap();
    })
    .unwrap();
    assert_eq!(dir.names(), ["target"]);
}

#[test]
fn directories_are_made_and_removed() {
    let dir = TempDir::new();
    annulus::run(async {
        fs::create_dir(dir.join("one")).await.unwrap();
        let ours = fs::metadata(dir.join("one")).await.unwrap();
        std::fs::create_dir(dir.join("two")).unwrap();
        let theirs = fs::metadata(dir.join("two")).await.unwrap();
        assert_eq!(ours.mode(), theirs.mode());
        fs::remove_dir(dir.join("one")).await.unwrap();
    })
    .unwrap();
    assert_eq!(dir.names(), ["two"]);
}

#[test]
fn missing_directories_are_made_on_the_way() {
    let dir = TempDir::new();
    let deep = dir.join("a/b/c/d");
    annulus::run(async {
        fs::create_dir_all(&deep).await.unwrap();
        assert!(deep.is_dir());
        fs::create_dir_all(&deep).await.unwrap();
        fs::create_dir_all(deep.join("e")).await.unwrap();
        fs::create_dir_all("").await.unwrap();
        fs::create_dir_all("/").await.unwrap();
        // Through a link, as std does.
        std::os::unix::fs::symlink("a", dir.join("link")).unwrap();
        fs::create_dir_all(dir.join("link/b/x/y")).await.unwrap();
        assert!(dir.join("a/b/x/y").is_dir());
    })
    .unwrap();
    assert!(deep.join("e").is_dir());
}

#[test]
fn many_make_the_same_directories_at_one_time() {
    let dir = TempDir::new();
    annulus::run(async {
        let makers: Vec<_> =
            (0..20).map(|_| annulus::spawn(fs::create_dir_all(dir.join("a/b/c/d/e")))).collect();
        for maker in makers {
            maker.await.unwrap().unwrap();
        }
    })
    .unwrap();
    assert!(dir.join("a/b/c/d/e").is_dir());
}
