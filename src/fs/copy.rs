//! Copies a file.

use std::fs::{File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::off_loop::off_loop;
use crate::sys::tree;

/// What one call copies: a fraction of a second's work, after which a copy that nobody waits for
/// ends.
const PART: u64 = 64 << 20;

/// Copies the content of a file and its permissions, in place of what is there, and gives the
/// number of bytes.
///
/// The kernel copies by itself, and on some file systems only notes that the two share their
/// content. It is done on the blocking pool.
///
/// # Errors
///
/// As for opening, reading and writing; `InvalidInput` if `from` is no regular file.
///
/// # Cancellation
///
/// Dropped in between, it stops within 64 MiB, and `to` holds a part.
///
/// ```
/// # let dir = std::env::temp_dir().join(format!("annulus-doc-copy-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir)?;
/// # let (from, to) = (dir.join("from"), dir.join("to"));
/// annulus::run(async {
///     annulus::fs::write(&from, "content").await?;
///     assert_eq!(annulus::fs::copy(&from, &to).await?, 7);
///     assert_eq!(annulus::fs::read(&to).await?, b"content");
///     std::io::Result::Ok(())
/// })??;
/// # std::fs::remove_dir_all(&dir)?;
/// # std::io::Result::Ok(())
/// ```
pub async fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
    let (from, to) = (from.as_ref().to_path_buf(), to.as_ref().to_path_buf());
    let mut pair = match off_loop(move || Begun::at(from, to)).await? {
        Begun::Ended(copied) => return Ok(copied),
        Begun::Opened(pair) => pair,
    };
    loop {
        let copied = pair.copied;
        pair = off_loop(move || pair.copy_part()).await?;
        if pair.copied == copied {
            return Ok(copied);
        }
    }
}

/// How far the first call has come.
enum Begun {
    Opened(Pair),
    /// A simulated kernel copies in one call.
    Ended(u64),
}

impl Begun {
    fn at(from: PathBuf, to: PathBuf) -> io::Result<Begun> {
        match tree::copy_simulated(&from, &to) {
            Some(copied) => copied.map(Begun::Ended),
            None => Pair::open(from, to).map(Begun::Opened),
        }
    }
}

#[derive(Debug)]
struct Pair {
    from: File,
    to: File,
    copied: u64,
}

impl Pair {
    fn open(from: PathBuf, to: PathBuf) -> io::Result<Pair> {
        let from = File::open(from)?;
        let metadata = from.metadata()?;
        if !metadata.is_file() {
            let reason = "only regular files are copied";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let mode = metadata.permissions().mode();
        let to = File::options().write(true).create(true).truncate(true).mode(mode).open(to)?;
        // A file that was there has its own permissions, and the umask takes from a new one's; a
        // device keeps its own.
        if to.metadata()?.is_file() {
            to.set_permissions(Permissions::from_mode(mode))?;
        }
        Ok(Pair { from, to, copied: 0 })
    }

    fn copy_part(mut self) -> io::Result<Pair> {
        self.copied += io::copy(&mut (&self.from).take(PART), &mut &self.to)?;
        Ok(self)
    }
}
