//! The entries of a directory.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::off_loop::{Call, off_loop};
use super::{FileType, symlink_metadata};
use crate::blocking::blocking_ready;
use crate::driver::Submit;
use crate::op::Statx;
use crate::sys::tree;

/// How many entries one call reads.
const BATCH: usize = 128;

/// Opens a directory to read its entries, in no order, without `.` and `..`.
///
/// It is done on the blocking pool, many entries at a time.
///
/// # Errors
///
/// `NotFound`, `NotADirectory`, `PermissionDenied`.
///
/// # Cancellation
///
/// The directory is closed again.
///
/// ```
/// # let dir = std::env::temp_dir().join(format!("annulus-doc-entries-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir)?;
/// annulus::run(async {
///     annulus::fs::write(dir.join("a"), "x").await?;
///     let mut entries = annulus::fs::read_dir(&dir).await?;
///     while let Some(entry) = entries.next_entry().await? {
///         assert_eq!(entry.file_name(), "a");
///         assert!(entry.file_type().await?.is_file());
///     }
///     std::io::Result::Ok(())
/// })??;
/// # std::fs::remove_dir_all(&dir)?;
/// # std::io::Result::Ok(())
/// ```
pub async fn read_dir(path: impl AsRef<Path>) -> io::Result<ReadDir> {
    let path = path.as_ref().to_path_buf();
    let batch = off_loop(move || tree::read_dir(&path).map(Batch::read)).await?;
    Ok(ReadDir { batch, call: None })
}

/// The entries of a directory; made by [`read_dir`].
#[derive(Debug)]
pub struct ReadDir {
    batch: Batch,
    /// The next batch, on its way; kept here, so that nothing is lost with a future that is
    /// dropped.
    call: Option<Call<Batch>>,
}

impl ReadDir {
    /// The next entry, and `None` after the last.
    ///
    /// Entries that are made or removed meanwhile may be among them or not.
    ///
    /// # Errors
    ///
    /// What the file system says; the entries end there.
    ///
    /// # Cancellation
    ///
    /// Dropped, it has lost no entry.
    pub async fn next_entry(&mut self) -> io::Result<Option<DirEntry>> {
        loop {
            if let Some(call) = &mut self.call {
                let ended = call.await;
                self.call = None;
                self.batch = ended?;
            }
            match self.batch.entries.pop_front() {
                Some(entry) => return entry.map(Some),
                None if self.batch.rest.is_none() => return Ok(None),
                None => {}
            }
            let place = blocking_ready().await;
            let rest = self.batch.rest.take();
            let read = move || Ok(rest.map(Batch::read).unwrap_or_default());
            self.call = Some(Call::new(place.spawn(read)));
        }
    }
}

/// Entries that have been read, and what reads the others.
#[derive(Default)]
struct Batch {
    entries: VecDeque<io::Result<DirEntry>>,
    /// `None` after the last entry or the first error.
    rest: Option<tree::Entries>,
}

impl Batch {
    fn read(mut rest: tree::Entries) -> Batch {
        let mut entries = VecDeque::with_capacity(BATCH);
        while entries.len() < BATCH {
            match rest.next() {
                Some(Ok(entry)) => entries.push_back(Ok(DirEntry::new(entry))),
                Some(Err(error)) => {
                    entries.push_back(Err(error));
                    return Batch { entries, rest: None };
                }
                None => return Batch { entries, rest: None },
            }
        }
        Batch { entries, rest: Some(rest) }
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}

/// One entry of a directory.
pub struct DirEntry {
    entry: tree::Entry,
    /// `None` where the directory did not say and the file could not be asked.
    kind: Option<FileType>,
}

impl DirEntry {
    fn new(entry: tree::Entry) -> Self {
        let kind = entry.kind();
        DirEntry { entry, kind }
    }

    /// The entry's path: that of the directory, as it was given, and the name.
    pub fn path(&self) -> PathBuf {
        self.entry.path()
    }

    /// The entry's name.
    pub fn file_name(&self) -> OsString {
        self.entry.file_name()
    }

    /// The file's number on its device.
    pub fn ino(&self) -> u64 {
        self.entry.ino()
    }

    /// The kind of the file; of a link, that it is one. Known at once as a rule.
    ///
    /// # Errors
    ///
    /// As for [`metadata`](Self::metadata).
    pub async fn file_type(&self) -> io::Result<FileType> {
        match self.kind {
            Some(kind) => Ok(kind),
            None => self.metadata().await.map(|metadata| metadata.file_type()),
        }
    }

    /// What is known of the file; of a link, of the link itself. It is found by its path.
    ///
    /// # Errors
    ///
    /// As for [`symlink_metadata`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn metadata(&self) -> Submit<Statx> {
        symlink_metadata(self.path())
    }
}

impl fmt::Debug for DirEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DirEntry").field(&self.path()).finish()
    }
}
