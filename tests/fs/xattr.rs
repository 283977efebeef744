//! Extended attributes.

use std::io::ErrorKind;

use annulus::fs;

use crate::temp::TempDir;

#[test]
fn attributes_are_set_read_listed_and_removed() {
    let dir = TempDir::new();
    let path = dir.file("file", "content");
    annulus::run(async {
        match fs::set_xattr(&path, "user.first", "one").await {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                return eprintln!("skipped: this file system has no extended attributes");
            }
            set => set.unwrap(),
        }
        // Longer than the room that is tried first.
        let long = vec![7; 1000];
        fs::set_xattr(&path, "user.second", long.clone()).await.unwrap();
        fs::set_xattr(&path, "user.empty", "").await.unwrap();
        let get = |name: &'static str| fs::get_xattr(&path, name);
        assert_eq!(get("user.first").await.unwrap().unwrap(), b"one");
        assert_eq!(get("user.second").await.unwrap().unwrap(), long);
        assert_eq!(get("user.empty").await.unwrap().unwrap(), b"");
        assert_eq!(get("user.none").await.unwrap(), None);
        let mut names = fs::list_xattr(&path).await.unwrap();
        names.sort();
        assert_eq!(names, ["user.empty", "user.first", "user.second"]);
        fs::set_xattr(&path, "user.first", "another").await.unwrap();
        assert_eq!(get("user.first").await.unwrap().unwrap(), b"another");
        fs::remove_xattr(&path, "user.first").await.unwrap();
        assert_eq!(get("user.first").await.unwrap(), None);
        let error = fs::remove_xattr(&path, "user.first").await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENODATA));
    })
    .unwrap();
}

#[test]
fn bad_names_and_missing_files_have_clear_errors() {
    let dir = TempDir::new();
    let path = dir.file("file", "content");
    annulus::run(async {
        let missing = fs::get_xattr(dir.join("missing"), "user.a").await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        for refused in [
            fs::get_xattr(&path, "user.\0").await.unwrap_err(),
            fs::set_xattr("a\0b", "user.a", "").await.unwrap_err(),
            fs::remove_xattr(&path, "user.\0").await.unwrap_err(),
            fs::list_xattr("a\0b").await.unwrap_err(),
        ] {
            assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{refused}");
        }
        let classless = fs::set_xattr(&path, "nonsense", "x").await.unwrap_err();
        assert_eq!(classless.kind(), ErrorKind::Unsupported, "{classless}");
    })
    .unwrap();
}
