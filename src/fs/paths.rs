//! Names and metadata: one operation each.

use std::io;
use std::path::Path;

use crate::driver::Submit;
use crate::op::{self, HardLink, Mkdir, Rename, Statx, Symlink, Unlink};

/// Removes a name of a file; the file itself is gone with its last name and its last handle.
///
/// # Errors
///
/// `NotFound`, `PermissionDenied`, `IsADirectory`; `InvalidInput` for a path with a NUL within.
///
/// # Cancellation
///
/// Dropped in flight, the name may be gone or not; [`Submit::cancel`] tells. So it is with all that
/// changes names. Since kernel 5.11.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("annulus-doc-remove-{}", std::process::id()));
/// # std::fs::write(&path, "")?;
/// annulus::run(async {
///     annulus::fs::remove_file(&path).await?;
///     assert!(!annulus::fs::try_exists(&path).await?);
///     std::io::Result::Ok(())
/// })??;
/// # std::io::Result::Ok(())
/// ```
#[cfg_attr(debug_assertions, track_caller)]
pub fn remove_file(path: impl AsRef<Path>) -> Submit<Unlink> {
    op::unlink(path.as_ref(), false)
}

/// Removes an empty directory.
///
/// # Errors
///
/// `NotFound`, `DirectoryNotEmpty`, `NotADirectory`, `PermissionDenied`; `InvalidInput` for a path
/// with a NUL within.
///
/// # Cancellation
///
/// As for [`remove_file`]. Since kernel 5.11.
#[cfg_attr(debug_assertions, track_caller)]
pub fn remove_dir(path: impl AsRef<Path>) -> Submit<Unlink> {
    op::unlink(path.as_ref(), true)
}

/// Makes a directory, with all permissions that the process's `umask` leaves.
///
/// # Errors
///
/// `AlreadyExists`, `NotFound` when the directory above is missing, `PermissionDenied`;
/// `InvalidInput` for a path with a NUL within.
///
/// # Cancellation
///
/// As for [`remove_file`]. Since kernel 5.15.
#[cfg_attr(debug_assertions, track_caller)]
pub fn create_dir(path: impl AsRef<Path>) -> Submit<Mkdir> {
    op::mkdir(path.as_ref(), 0o777)
}

/// Gives a file or directory another name, at once in place of the file or the empty directory
/// that may have it.
///
/// # Errors
///
/// `NotFound`, `PermissionDenied`; `CrossesDevices` when the names lie on two file systems;
/// `InvalidInput` for a path with a NUL within.
///
/// # Cancellation
///
/// As for [`remove_file`]. Since kernel 5.11.
#[cfg_attr(debug_assertions, track_caller)]
pub fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Submit<Rename> {
    op::rename(from.as_ref(), to.as_ref())
}

/// Gives a file one more name, on the same file system.
///
/// # Errors
///
/// `NotFound`, `AlreadyExists`, `PermissionDenied`; `CrossesDevices` when the names lie on two file
/// systems; `InvalidInput` for a path with a NUL within.
///
/// # Cancellation
///
/// As for [`remove_file`]. Since kernel 5.15.
#[cfg_attr(debug_assertions, track_caller)]
pub fn hard_link(original: impl AsRef<Path>, link: impl AsRef<Path>) -> Submit<HardLink> {
    op::hard_link(original.as_ref(), link.as_ref())
}

/// Makes a symbolic link that leads to `original`, which need not exist; unless it begins with `/`,
/// it counts from the directory of the link.
///
/// # Errors
///
/// `AlreadyExists`, `NotFound` when the link's directory is missing, `PermissionDenied`;
/// `InvalidInput` for a path with a NUL within.
///
/// # Cancellation
///
/// As for [`remove_file`]. Since kernel 5.15.
#[cfg_attr(debug_assertions, track_caller)]
pub fn symlink(original: impl AsRef<Path>, link: impl AsRef<Path>) -> Submit<Symlink> {
    op::symlink(original.as_ref(), link.as_ref())
}

/// What is known of a file; of a link, of what it leads to.
///
/// # Errors
///
/// `NotFound`, `PermissionDenied`; `InvalidInput` for a path with a NUL within.
///
/// # Cancellation
///
/// Nothing is changed, so nothing can be lost. Since kernel 5.6.
///
/// ```
/// annulus::run(async {
///     let metadata = annulus::fs::metadata("/").await?;
///     assert!(metadata.is_dir());
///     std::io::Result::Ok(())
/// })??;
/// # std::io::Result::Ok(())
/// ```
#[cfg_attr(debug_assertions, track_caller)]
pub fn metadata(path: impl AsRef<Path>) -> Submit<Statx> {
    op::statx(path.as_ref(), true)
}

/// What is known of a file; of a link, of the link itself.
///
/// # Errors
///
/// As for [`metadata`].
///
/// # Cancellation
///
/// As for [`metadata`]. Since kernel 5.6.
#[cfg_attr(debug_assertions, track_caller)]
pub fn symlink_metadata(path: impl AsRef<Path>) -> Submit<Statx> {
    op::statx(path.as_ref(), false)
}

/// Whether there is a file of this name; a link that leads nowhere counts as none.
///
/// # Errors
///
/// When that cannot be told: `PermissionDenied` on the way; `InvalidInput` for a path with a NUL
/// within.
///
/// # Cancellation
///
/// As for [`metadata`].
pub async fn try_exists(path: impl AsRef<Path>) -> io::Result<bool> {
    match metadata(path).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
