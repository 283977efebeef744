//! Files on a simulated disk.

use super::*;
use crate::fs;

pub(super) async fn exercise() -> std::io::Result<()> {
    fs::create_dir_all("/data/a/b").await?;
    fs::write("/data/a/file", "some bytes").await?;
    assert_eq!(fs::read("/data/a/file").await?, b"some bytes");
    fs::rename("/data/a/file", "/data/a/b/file").await?;
    assert!(!fs::try_exists("/data/a/file").await?);
    let file = fs::OpenOptions::new().read(true).write(true).open("/data/a/b/file").await?;
    file.write_all_at("SOME", 0).await.into_result()?;
    file.sync_all().await?;
    assert_eq!(file.metadata().await?.len(), 10);
    file.set_len(4).await?;
    file.close().await?;
    assert_eq!(fs::read_to_string("/data/a/b/file").await?, "SOME");
    fs::symlink("b/file", "/data/a/link").await?;
    assert_eq!(fs::read("/data/a/link").await?, b"SOME");
    fs::hard_link("/data/a/b/file", "/data/other").await?;
    assert_eq!(fs::metadata("/data/other").await?.nlink(), 2);
    fs::remove_file("/data/a/b/file").await?;
    assert_eq!(fs::read("/data/other").await?, b"SOME");
    let error = fs::read("/data/a/link").await.expect_err("it leads nowhere");
    if error.kind() != std::io::ErrorKind::NotFound {
        return Err(error);
    }
    let error = fs::remove_dir("/data/a").await.expect_err("it is not empty");
    // Under faults it may have failed for another reason.
    if error.raw_os_error() == Some(libc::ENOTEMPTY) { Ok(()) } else { Err(error) }
}

#[test]
fn files_are_made_written_renamed_linked_and_removed() {
    run(1, Faults::none(), exercise()).0.unwrap();
}

#[test]
fn a_file_is_locked_by_one_and_shared_by_readers() {
    run(1, Faults::none(), async {
        fs::write("/tmp/file", "x").await?;
        let (one, other) = (fs::File::open("/tmp/file").await?, fs::File::open("/tmp/file").await?);
        let locked = |done: Result<(), _>| done.is_ok();
        assert!(locked(one.try_lock_shared()) && locked(other.try_lock_shared()));
        assert!(!locked(one.try_lock()));
        other.unlock()?;
        assert!(locked(one.try_lock()) && !locked(other.try_lock_shared()));
        one.close().await?;
        assert!(locked(other.try_lock()));
        std::io::Result::Ok(())
    })
    .0
    .unwrap();
}
