//! Names, trees and modes of files: calls that have no opcode, of the real kernel or the simulated one.
//!
//! They may wait for a disk, so they are made on the blocking pool. In a simulation its jobs run on the
//! loop's own thread, which is how the simulated disk is found.

use std::ffi::OsString;
use std::fs::Permissions;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};

use super::FileType;
#[cfg(feature = "sim")]
use super::sim;

/// Where the simulated kernel has the answer, this function gives it.
macro_rules! simulated {
    ($answer:expr) => {
        #[cfg(feature = "sim")]
        if let Some(answer) = $answer {
            return answer;
        }
    };
}

/// Removes a directory with all that is in it.
pub(crate) fn remove_dir_all(path: &Path) -> io::Result<()> {
    simulated!(sim::remove_tree(path));
    std::fs::remove_dir_all(path)
}

/// `readlink(2)`.
pub(crate) fn read_link(path: &Path) -> io::Result<PathBuf> {
    simulated!(sim::read_link(path));
    std::fs::read_link(path)
}

/// `realpath(3)`.
pub(crate) fn canonicalize(path: &Path) -> io::Result<PathBuf> {
    simulated!(sim::canonicalize(path));
    std::fs::canonicalize(path)
}

/// `chmod(2)`.
pub(crate) fn set_permissions(path: &Path, permissions: Permissions) -> io::Result<()> {
    simulated!(sim::set_mode(path, &permissions));
    std::fs::set_permissions(path, permissions)
}

/// `fchmod(2)` of an open file of the simulated kernel; `None` of any other.
#[cfg_attr(not(feature = "sim"), expect(unused_variables, reason = "there is no simulated kernel"))]
pub(crate) fn set_simulated_permissions(
    file: BorrowedFd<'_>,
    permissions: &Permissions,
) -> Option<io::Result<()>> {
    #[cfg(feature = "sim")]
    return sim::set_open_mode(file, permissions);
    #[cfg(not(feature = "sim"))]
    None
}

/// Copies a file of the simulated kernel's, all of it; `None` where there is none.
#[cfg_attr(not(feature = "sim"), expect(unused_variables, reason = "there is no simulated kernel"))]
pub(crate) fn copy_simulated(from: &Path, to: &Path) -> Option<io::Result<u64>> {
    #[cfg(feature = "sim")]
    return sim::copy(from, to);
    #[cfg(not(feature = "sim"))]
    None
}

/// Opens a directory to read its entries.
pub(crate) fn read_dir(path: &Path) -> io::Result<Entries> {
    simulated!(sim::read_dir(path));
    std::fs::read_dir(path).map(Entries::Real)
}

/// The entries of a directory, in no order.
#[derive(Debug)]
pub(crate) enum Entries {
    Real(std::fs::ReadDir),
    #[cfg(feature = "sim")]
    Simulated(std::vec::IntoIter<Entry>),
}

impl Iterator for Entries {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<io::Result<Entry>> {
        match self {
            Entries::Real(entries) => entries.next().map(|entry| entry.map(Entry::Real)),
            #[cfg(feature = "sim")]
            Entries::Simulated(entries) => entries.next().map(Ok),
        }
    }
}

/// One entry of a directory.
#[derive(Debug)]
pub(crate) enum Entry {
    Real(std::fs::DirEntry),
    #[cfg(feature = "sim")]
    Simulated {
        path: PathBuf,
        ino: u64,
        kind: FileType,
    },
}

impl Entry {
    /// The path of the directory, as it was given, and the name.
    pub(crate) fn path(&self) -> PathBuf {
        match self {
            Entry::Real(entry) => entry.path(),
            #[cfg(feature = "sim")]
            Entry::Simulated { path, .. } => path.clone(),
        }
    }

    pub(crate) fn file_name(&self) -> OsString {
        match self {
            Entry::Real(entry) => entry.file_name(),
            #[cfg(feature = "sim")]
            Entry::Simulated { path, .. } => path.file_name().unwrap_or_default().to_os_string(),
        }
    }

    /// The file's number on its device.
    pub(crate) fn ino(&self) -> u64 {
        match self {
            Entry::Real(entry) => entry.ino(),
            #[cfg(feature = "sim")]
            Entry::Simulated { ino, .. } => *ino,
        }
    }

    /// The kind of the file, where the directory says it.
    pub(crate) fn kind(&self) -> Option<FileType> {
        match self {
            Entry::Real(entry) => entry.file_type().ok().map(FileType::from),
            #[cfg(feature = "sim")]
            Entry::Simulated { kind, .. } => Some(*kind),
        }
    }
}
