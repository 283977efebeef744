//! Directories, those above them included.

use std::io;
use std::path::{Path, PathBuf};

use super::{create_dir, metadata};

/// Makes a directory and those above it that are missing.
///
/// # Errors
///
/// `AlreadyExists` or `NotADirectory` when something else than a directory is in the way; else as
/// for [`create_dir`]. Directories that were made stay.
///
/// # Cancellation
///
/// Dropped in between, some of the directories have been made.
///
/// ```
/// # let top = std::env::temp_dir().join(format!("annulus-doc-all-{}", std::process::id()));
/// annulus::run(async {
///     annulus::fs::create_dir_all(top.join("a/b/c")).await?;
///     assert!(annulus::fs::metadata(top.join("a/b/c")).await?.is_dir());
///     std::io::Result::Ok(())
/// })??;
/// # std::fs::remove_dir_all(&top)?;
/// # std::io::Result::Ok(())
/// ```
pub async fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref();
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    // The longest prefix that can be made, then downwards from there.
    let mut missing: Vec<PathBuf> = Vec::new();
    for ancestor in path.ancestors().filter(|ancestor| !ancestor.as_os_str().is_empty()) {
        match create_dir(ancestor).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                missing.push(ancestor.to_path_buf());
            }
            made => {
                accept_existing(made, ancestor).await?;
                break;
            }
        }
    }
    while let Some(path) = missing.pop() {
        accept_existing(create_dir(&path).await, &path).await?;
    }
    Ok(())
}

/// Takes a directory that was there before, or that somebody else made meanwhile, for made.
async fn accept_existing(made: io::Result<()>, path: &Path) -> io::Result<()> {
    let Err(error) = made else { return Ok(()) };
    match metadata(path).await {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        _ => Err(error),
    }
}
