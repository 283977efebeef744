//! Replaces a file so that there is never a part of it.
//!
//! The work is a task of its own. It goes on for a moment when nobody waits for it any more: an
//! operation on names that was dropped in flight may be done all the same, and only who waits for
//! its end can take back what it did.

use std::ffi::OsString;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::{File, OpenOptions, remove_file, rename, symlink_metadata};
use crate::buf::IoBuf;
use crate::sys;

/// The bits of a mode that are permissions.
const MODE: u32 = 0o777;

/// Writes a whole file so that whoever opens it sees either what it held before or all of the new
/// content, also after a crash of the system.
///
/// The content goes to a file beside it (`.annulus-*.tmp`), is brought to the device, and takes
/// the place of the old file at once; the directory is brought to the device last. So it costs two
/// waits for the device. The new file has the permissions of the one that it replaces, and belongs
/// to who writes it. A symbolic link is replaced, not followed.
///
/// # Errors
///
/// As for [`File::create_new`], [`File::write_all_at`], [`File::sync_all`] and [`rename`];
/// `InvalidInput` for a path that does not end in a name. The file beside it is removed. When the
/// directory cannot be brought to the device, the file has been replaced.
///
/// # Cancellation
///
/// Dropped in between, it stops at its next step and removes the file beside; the old file stays,
/// or the new one is in place. The loop has to run on for that.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("annulus-doc-atomic-{}", std::process::id()));
/// annulus::run(async {
///     annulus::fs::write_atomic(&path, "version 1").await?;
///     annulus::fs::write_atomic(&path, "version 2").await?;
///     assert_eq!(annulus::fs::read_to_string(&path).await?, "version 2");
///     std::io::Result::Ok(())
/// })??;
/// # std::fs::remove_file(&path)?;
/// # std::io::Result::Ok(())
/// ```
pub async fn write_atomic(path: impl AsRef<Path>, contents: impl IoBuf) -> io::Result<()> {
    let replacement = Replacement::of(path.as_ref())?;
    let stop = Arc::new(AtomicBool::new(false));
    let _stop_when_dropped = StopOnDrop(Arc::clone(&stop));
    let task = crate::task::spawn(async move { replacement.run(contents, &stop).await });
    match task.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(sys::cancelled()),
        },
    }
}

/// Tells the task that nobody waits for it.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Replacement {
    target: PathBuf,
    directory: PathBuf,
}

impl Replacement {
    fn of(target: &Path) -> io::Result<Self> {
        if target.file_name().is_none() {
            let reason = "a file to be replaced has a name at the end of its path";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let directory = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        Ok(Replacement { target: target.to_path_buf(), directory })
    }

    async fn run(&self, contents: impl IoBuf, stop: &AtomicBool) -> io::Result<()> {
        // Opened first, so that nothing is replaced where it could not be made to last.
        let directory = File::open(&self.directory).await?;
        let mode = self.mode_of_target().await?;
        let (beside, file) = self.create_beside(mode).await?;
        let replaced = self.replace(&beside, file, mode, contents, stop).await;
        if replaced.is_err() {
            // The first error is the one to tell; a second one would be that of a full or broken
            // file system too.
            let _left_behind = remove_file(&beside).await;
            return replaced;
        }
        directory.sync_all().await
    }

    async fn replace(
        &self,
        beside: &Path,
        file: File,
        mode: Option<u32>,
        contents: impl IoBuf,
        stop: &AtomicBool,
    ) -> io::Result<()> {
        go_on(stop)?;
        if let Some(mode) = mode {
            keep_mode(&file, mode).await?;
        }
        file.write_all_at(contents, 0).await.0?;
        go_on(stop)?;
        file.sync_all().await?;
        file.close().await?;
        go_on(stop)?;
        rename(beside, &self.target).await
    }

    /// The permissions of the file to be replaced, if there is one.
    async fn mode_of_target(&self) -> io::Result<Option<u32>> {
        match symlink_metadata(&self.target).await {
            Ok(metadata) if metadata.is_file() => Ok(Some(metadata.mode() & MODE)),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a file of a name that nobody else has, which nobody may read who may not read the
    /// one that it replaces.
    async fn create_beside(&self, mode: Option<u32>) -> io::Result<(PathBuf, File)> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(mode.unwrap_or(0o666));
        loop {
            let path = self.directory.join(fresh_name());
            match options.open(&path).await {
                Ok(file) => return Ok((path, file)),
                // Left over from a process with this number that was killed.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Gives back what the umask has taken from the mode.
async fn keep_mode(file: &File, mode: u32) -> io::Result<()> {
    if file.metadata().await?.mode() & MODE == mode {
        return Ok(());
    }
    file.set_permissions(Permissions::from_mode(mode)).await
}

fn go_on(stop: &AtomicBool) -> io::Result<()> {
    if stop.load(Ordering::Relaxed) { Err(sys::cancelled()) } else { Ok(()) }
}

fn fresh_name() -> OsString {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!(".annulus-{:x}-{count:x}.tmp", std::process::id()).into()
}
