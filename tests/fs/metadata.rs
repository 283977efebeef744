//! What is known of files, compared with what std knows.

use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;

use annulus::fs::{self, File, Metadata};

use crate::named_pipe::make_fifo;
use crate::temp::TempDir;

fn assert_same(ours: &Metadata, theirs: &std::fs::Metadata, path: &Path) {
    let numbers = |m: &Metadata| {
        [m.dev(), m.ino(), m.nlink(), m.rdev(), m.size(), m.blksize(), m.blocks(), m.len()]
    };
    assert_eq!(
        numbers(ours),
        [
            theirs.dev(),
            theirs.ino(),
            theirs.nlink(),
            theirs.rdev(),
            theirs.size(),
            theirs.blksize(),
            theirs.blocks(),
            theirs.len(),
        ],
        "{path:?}"
    );
    assert_eq!(
        (ours.mode(), ours.uid(), ours.gid()),
        (theirs.mode(), theirs.uid(), theirs.gid()),
        "{path:?}"
    );
    assert_eq!(
        [ours.atime(), ours.atime_nsec(), ours.mtime(), ours.mtime_nsec()],
        [theirs.atime(), theirs.atime_nsec(), theirs.mtime(), theirs.mtime_nsec()]
    );
    assert_eq!(
        [ours.ctime(), ours.ctime_nsec()],
        [theirs.ctime(), theirs.ctime_nsec()],
        "{path:?}"
    );
    assert_eq!(ours.modified().unwrap(), theirs.modified().unwrap());
    assert_eq!(ours.accessed().unwrap(), theirs.accessed().unwrap());
    assert_eq!(ours.created().ok(), theirs.created().ok());
    assert_eq!(ours.permissions().mode(), theirs.permissions().mode());
    let (kind, known) = (ours.file_type(), theirs.file_type());
    assert_eq!(
        [kind.is_file(), kind.is_dir(), kind.is_symlink(), kind.is_fifo(), kind.is_socket()],
        [known.is_file(), known.is_dir(), known.is_symlink(), known.is_fifo(), known.is_socket()]
    );
    assert_eq!(
        [kind.is_char_device(), kind.is_block_device()],
        [known.is_char_device(), known.is_block_device()]
    );
    assert_eq!(
        [ours.is_file(), ours.is_dir(), ours.is_symlink()],
        [theirs.is_file(), theirs.is_dir(), theirs.is_symlink()]
    );
}

#[test]
fn all_that_is_known_is_what_std_knows() {
    let dir = TempDir::new();
    let file = dir.file("file", vec![1; 100_000]);
    let link = dir.join("link");
    std::os::unix::fs::symlink("file", &link).unwrap();
    std::fs::hard_link(&file, dir.join("second")).unwrap();
    let fifo = make_fifo(&dir);
    let socket = dir.join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let others = [file, link, fifo, socket, dir.path().into(), "/dev/null".into()];
    annulus::run(async {
        for path in others {
            let ours = fs::metadata(&path).await.unwrap();
            assert_same(&ours, &std::fs::metadata(&path).unwrap(), &path);
            let ours = fs::symlink_metadata(&path).await.unwrap();
            assert_same(&ours, &std::fs::symlink_metadata(&path).unwrap(), &path);
        }
    })
    .unwrap();
}

#[test]
fn an_open_file_is_known_also_without_a_name() {
    let dir = TempDir::new();
    let path = dir.file("file", "0123");
    annulus::run(async {
        let file = File::open(&path).await.unwrap();
        let std = std::fs::File::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let ours = file.metadata().await.unwrap();
        assert_same(&ours, &std.metadata().unwrap(), &path);
        assert_eq!(ours.nlink(), 0);
    })
    .unwrap();
}

#[test]
fn times_before_the_epoch_are_known() {
    let dir = TempDir::new();
    let path = dir.file("file", "0123");
    let before = std::time::UNIX_EPOCH - std::time::Duration::from_millis(1500);
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
    annulus::run(async {
        let metadata = fs::metadata(&path).await.unwrap();
        assert_eq!(metadata.modified().unwrap(), before);
        assert_same(&metadata, &std::fs::metadata(&path).unwrap(), &path);
    })
    .unwrap();
}
