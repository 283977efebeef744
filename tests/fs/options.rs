//! How files are opened, compared with what std does.

use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

use annulus::fs::{File, OpenOptions};

use crate::temp::TempDir;

/// Every combination of the six switches, with and without a file.
#[test]
fn each_combination_opens_what_std_opens() {
    let dir = TempDir::new();
    annulus::run(async {
        for bits in 0..128u32 {
            let on = |bit: u32| bits & (1 << bit) != 0;
            let mut ours = OpenOptions::new();
            ours.read(on(0)).write(on(1)).append(on(2)).truncate(on(3));
            ours.create(on(4)).create_new(on(5));
            let mut theirs = std::fs::OpenOptions::new();
            theirs.read(on(0)).write(on(1)).append(on(2)).truncate(on(3));
            theirs.create(on(4)).create_new(on(5));
            let (here, there) = (dir.join("ours"), dir.join("theirs"));
            for path in [&here, &there] {
                let _missing = std::fs::remove_file(path);
                if on(6) {
                    std::fs::write(path, "content").unwrap();
                }
            }
            let opened = ours.open(&here).await;
            let expected = theirs.open(&there);
            match (&opened, &expected) {
                (Ok(_), Ok(_)) => {}
                (Err(ours), Err(theirs)) => assert_eq!(ours.kind(), theirs.kind(), "{bits:07b}"),
                _ => panic!("{bits:07b}: {opened:?} or {expected:?}"),
            }
            assert_eq!(std::fs::read(&here).ok(), std::fs::read(&there).ok(), "{bits:07b}");
        }
    })
    .unwrap();
}

#[test]
fn a_file_opened_to_append_grows_at_its_end_whatever_the_offset() {
    let dir = TempDir::new();
    let path = dir.file("a", "0123");
    annulus::run(async {
        let file = File::options().append(true).open(&path).await.unwrap();
        file.write_all_at("ab", 0).await.unwrap();
        file.write_all_at("cd", 0).await.unwrap();
    })
    .unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"0123abcd");
}

#[test]
fn a_new_file_has_the_mode_that_is_asked_for() {
    let dir = TempDir::new();
    let mut modes = Vec::new();
    for (name, mode) in [("private", Some(0o600)), ("usual", None)] {
        let (here, there) = (dir.join(name), dir.join(format!("{name} of std")));
        let mut ours = OpenOptions::new();
        let mut theirs = std::fs::OpenOptions::new();
        ours.write(true).create(true);
        theirs.write(true).create(true);
        if let Some(mode) = mode {
            ours.mode(mode);
            theirs.mode(mode);
        }
        annulus::run(ours.open(&here)).unwrap().unwrap();
        theirs.open(&there).unwrap();
        let mode = |path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&here), mode(&there));
        modes.push(mode(&here) & 0o777);
    }
    assert_eq!(modes[0], 0o600);
    assert_ne!(modes[0], modes[1], "the mode made no difference");
}

#[test]
fn custom_flags_reach_the_kernel() {
    // O_DIRECTORY and O_NOFOLLOW differ among architectures: what they do is asked of std.
    let dir = TempDir::new();
    let target = dir.file("target", "x");
    let link = dir.join("link");
    std::os::unix::fs::symlink(&target, &link).unwrap();
    annulus::run(async {
        for flag in [0o200000, 0o400000] {
            let ours = File::options().read(true).custom_flags(flag).open(&link).await;
            let theirs = std::fs::File::options().read(true).custom_flags(flag).open(&link);
            let error = ours.unwrap_err();
            assert_eq!(error.raw_os_error(), theirs.unwrap_err().raw_os_error());
        }
    })
    .unwrap();
}

#[test]
fn a_file_without_a_name_leaves_no_name() {
    let dir = TempDir::new();
    annulus::run(async {
        let options = OpenOptions::new().read(true).write(true).tmpfile(true).clone();
        let file = match options.open(dir.path()).await {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                eprintln!("skipped: no files without a name on this file system: {error}");
                return;
            }
            opened => opened.unwrap(),
        };
        file.write_all_at("secret", 0).await.unwrap();
        assert_eq!(file.read_at(vec![0; 6], 0).await.unwrap().1, b"secret");
        assert_eq!(dir.names(), [""; 0]);
        assert_eq!(file.metadata().await.unwrap().nlink(), 0);
        let error = OpenOptions::new().read(true).tmpfile(true).open(dir.path()).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidInput);
    })
    .unwrap();
    assert_eq!(dir.names(), [""; 0]);
}

#[test]
fn a_direct_file_refuses_what_is_not_aligned() {
    let dir = TempDir::new();
    let path = dir.file("a", vec![7; 8192]);
    annulus::run(async {
        let file = match File::options().read(true).direct(true).open(&path).await {
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                eprintln!("skipped: no direct files on this file system: {error}");
                return;
            }
            opened => opened.unwrap(),
        };
        if file.read_at(vec![0; 100], 1).await.0.is_ok() {
            eprintln!("skipped: this file system aligns direct reads itself");
        }
    })
    .unwrap();
}
