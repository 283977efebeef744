//! Names and trees for which there is no opcode.

use std::fs::Permissions;
use std::io;
use std::path::{Path, PathBuf};

use super::off_loop::off_loop;
use crate::sys::tree;

/// Removes a directory and all that is in it; a link is removed and not followed.
///
/// It is done on the blocking pool.
///
/// # Errors
///
/// `NotFound`, `PermissionDenied`, `NotADirectory`; the first that is met. Some of it may be gone.
///
/// # Cancellation
///
/// Dropped when it has begun, it goes on to its end; before that, nothing is removed.
///
/// ```
/// # let top = std::env::temp_dir().join(format!("annulus-doc-tree-{}", std::process::id()));
/// annulus::run(async {
///     annulus::fs::create_dir_all(top.join("a/b")).await?;
///     annulus::fs::write(top.join("a/b/file"), "x").await?;
///     annulus::fs::remove_dir_all(&top).await?;
///     assert!(!annulus::fs::try_exists(&top).await?);
///     std::io::Result::Ok(())
/// })??;
/// # std::io::Result::Ok(())
/// ```
pub async fn remove_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref().to_path_buf();
    off_loop(move || tree::remove_dir_all(&path)).await
}

/// Where a symbolic link says that it leads.
///
/// It is done on the blocking pool.
///
/// # Errors
///
/// `NotFound`, `PermissionDenied`; `InvalidInput` of what is no link.
///
/// # Cancellation
///
/// Nothing is changed. A call that has begun goes on, on its thread.
pub async fn read_link(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    let path = path.as_ref().to_path_buf();
    off_loop(move || tree::read_link(&path)).await
}

/// The path from the root, with all links followed.
///
/// It is done on the blocking pool.
///
/// # Errors
///
/// `NotFound`, also of what a link on the way leads to; `PermissionDenied`, `NotADirectory`.
///
/// # Cancellation
///
/// As for [`read_link`].
///
/// ```
/// annulus::run(async {
///     let root = annulus::fs::canonicalize("/./..").await?;
///     assert_eq!(root, std::path::Path::new("/"));
///     std::io::Result::Ok(())
/// })??;
/// # std::io::Result::Ok(())
/// ```
pub async fn canonicalize(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    let path = path.as_ref().to_path_buf();
    off_loop(move || tree::canonicalize(&path)).await
}

/// Sets who may do what with a file; of a link, with what it leads to.
///
/// It is done on the blocking pool.
///
/// # Errors
///
/// `NotFound`; `PermissionDenied` to who does not own it.
///
/// # Cancellation
///
/// Dropped when it has begun, the permissions are set all the same.
pub async fn set_permissions(path: impl AsRef<Path>, permissions: Permissions) -> io::Result<()> {
    let path = path.as_ref().to_path_buf();
    off_loop(move || tree::set_permissions(&path, permissions)).await
}
