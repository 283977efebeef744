//! Calls on names and trees that have no opcode: the blocking pool makes them.

use std::ffi::OsString;
use std::fs::Permissions;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::disk::{Disk, Ino, Node, ROOT};
use super::files::Kind;
use super::{is_installed, with};
use crate::sys::FileType;
use crate::sys::tree::{Entries, Entry};

/// Asks the disk of the current host, which is told the time.
fn ask<T>(question: impl FnOnce(&mut Disk, u64) -> Result<T, i32>) -> Option<io::Result<T>> {
    is_installed().then(|| {
        with(|machine| {
            let now_ns = machine.now_ns;
            let disk = &mut machine.hosts[machine.current.index()].disk;
            question(disk, now_ns).map_err(io::Error::from_raw_os_error)
        })
    })
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

fn path_of(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}

pub(in crate::sys) fn remove_tree(path: &Path) -> Option<io::Result<()>> {
    ask(|disk, _| disk.remove_tree(bytes(path)))
}

pub(in crate::sys) fn read_link(path: &Path) -> Option<io::Result<PathBuf>> {
    ask(|disk, _| {
        let ino = disk.find(bytes(path), false)?;
        match disk.get(ino).map(|inode| &inode.node) {
            Some(Node::Link(target)) => Ok(path_of(target.clone())),
            _ => Err(libc::EINVAL),
        }
    })
}

pub(in crate::sys) fn canonicalize(path: &Path) -> Option<io::Result<PathBuf>> {
    ask(|disk, _| disk.canonical(bytes(path)).map(path_of))
}

pub(in crate::sys) fn set_mode(path: &Path, permissions: &Permissions) -> Option<io::Result<()>> {
    ask(|disk, now_ns| {
        let ino = disk.find(bytes(path), true)?;
        disk.set_mode(ino, permissions.mode(), now_ns)
    })
}

/// `fchmod(2)`.
pub(in crate::sys) fn set_open_mode(
    file: BorrowedFd<'_>,
    permissions: &Permissions,
) -> Option<io::Result<()>> {
    if !is_installed() {
        return None;
    }
    with(|machine| {
        let id = machine.file_of(file.as_raw_fd())?;
        let now_ns = machine.now_ns;
        let open = machine.files.get(id)?;
        let Kind::Disk(open_file) = &open.kind else { return Some(Ok(())) };
        let (host, ino) = (open.host, open_file.ino);
        let disk = &mut machine.hosts[host.index()].disk;
        let done = disk.set_mode(ino, permissions.mode(), now_ns);
        Some(done.map_err(io::Error::from_raw_os_error))
    })
}

pub(in crate::sys) fn copy(from: &Path, to: &Path) -> Option<io::Result<u64>> {
    let copied = ask(|disk, now_ns| Ok(disk.copy(bytes(from), bytes(to), now_ns)))?;
    Some(copied.and_then(|copied| match copied {
        Ok(Some(count)) => Ok(count),
        Ok(None) => {
            let reason = "only regular files are copied";
            Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
        }
        Err(errno) => Err(io::Error::from_raw_os_error(errno)),
    }))
}

pub(in crate::sys) fn read_dir(path: &Path) -> Option<io::Result<Entries>> {
    let listed = ask(|disk, _| disk.list(bytes(path)))?;
    Some(listed.map(|names| {
        let mut entries: Vec<Entry> = names
            .into_iter()
            .map(|(name, ino, mode)| {
                let path = path.join(OsString::from_vec(name));
                Entry::Simulated { path, ino, kind: FileType::of_mode(mode) }
            })
            .collect();
        // A directory has no order; who needs one has to make it.
        with(|machine| {
            for last in (1..entries.len()).rev() {
                entries.swap(last, machine.rng.below(last as u64 + 1) as usize);
            }
        });
        Entries::Simulated(entries.into_iter())
    }))
}

pub(in crate::sys) fn remove_attribute(path: &Path, name: &[u8]) -> Option<io::Result<()>> {
    ask(|disk, now_ns| {
        let ino = disk.find(bytes(path), true)?;
        let inode = disk.get_mut(ino).ok_or(libc::ENOENT)?;
        inode.attributes.remove(name)?;
        inode.changed_ns = now_ns;
        Ok(())
    })
}

pub(in crate::sys) fn list_attributes(path: &Path) -> Option<io::Result<Vec<OsString>>> {
    ask(|disk, _| {
        let ino = disk.find(bytes(path), true)?;
        let inode = disk.get(ino).ok_or(libc::ENOENT)?;
        Ok(inode.attributes.names().map(|name| OsString::from_vec(name.to_vec())).collect())
    })
}

impl Disk {
    fn kind(&self, ino: Ino) -> u32 {
        match self.get(ino).map(|inode| &inode.node) {
            Some(Node::Directory(_)) => libc::S_IFDIR,
            Some(Node::Link(_)) => libc::S_IFLNK,
            _ => libc::S_IFREG,
        }
    }

    /// The names in a directory, what they mean, and of what kind that is.
    fn list(&mut self, path: &[u8]) -> Result<Vec<(Vec<u8>, Ino, u32)>, i32> {
        let ino = self.find(path, true)?;
        let names = self.directory(ino)?.clone();
        Ok(names.into_iter().map(|(name, ino)| (name, ino, self.kind(ino))).collect())
    }

    /// Removes a directory and what is in it, name by name; a link is not followed.
    fn remove_tree(&mut self, path: &[u8]) -> Result<(), i32> {
        let ino = self.find(path, false)?;
        let (directory, name) = self.place(path)?;
        match self.kind(ino) {
            libc::S_IFREG => return Err(libc::ENOTDIR),
            libc::S_IFDIR => self.empty(ino),
            _ => {}
        }
        if name.is_empty() {
            return Err(libc::EBUSY);
        }
        self.name(vec![(directory, name, None)]);
        Ok(())
    }

    fn empty(&mut self, directory: Ino) {
        let names = self.directory(directory).map(|names| names.clone()).unwrap_or_default();
        for (name, ino) in names {
            if self.kind(ino) == libc::S_IFDIR {
                self.empty(ino);
            }
            self.name(vec![(directory, name, None)]);
        }
    }

    fn set_mode(&mut self, ino: Ino, mode: u32, now_ns: u64) -> Result<(), i32> {
        let inode = self.get_mut(ino).ok_or(libc::ENOENT)?;
        (inode.mode, inode.changed_ns) = (mode & 0o7777, now_ns);
        Ok(())
    }

    /// Copies bytes and mode; `None` of what is no regular file.
    fn copy(&mut self, from: &[u8], to: &[u8], now_ns: u64) -> Result<Option<u64>, i32> {
        let original = self.find(from, true)?;
        let Ok(contents) = self.contents(original) else { return Ok(None) };
        let copied = contents.cached.clone();
        let mode = self.get(original).map_or(0o644, |inode| inode.mode);
        let ino = match self.find(to, true) {
            Ok(ino) => ino,
            Err(libc::ENOENT) => {
                let (directory, name) = self.place(to)?;
                if name.is_empty() || self.entry(directory, &name)?.is_some() {
                    return Err(libc::ENOENT);
                }
                let ino = self.make(Node::File(Default::default()), mode, now_ns);
                self.name(vec![(directory, name, Some(ino))]);
                ino
            }
            Err(errno) => return Err(errno),
        };
        let contents = self.contents(ino)?;
        contents.set_len(0);
        // As on a disk: the copy of a file in itself is empty.
        let copied = if ino == original { Vec::new() } else { copied };
        contents.write(0, &copied);
        self.set_mode(ino, mode, now_ns)?;
        Ok(Some(copied.len() as u64))
    }

    /// The path from the root, with all links followed.
    fn canonical(&mut self, path: &[u8]) -> Result<Vec<u8>, i32> {
        self.find(path, true)?;
        let (mut at, name) = self.real_place(ROOT, path, &mut 0)?;
        let mut parts = vec![name];
        while at != ROOT {
            let (parent, name) = self.name_of(at).ok_or(libc::ENOENT)?;
            parts.push(name);
            at = parent;
        }
        let mut whole = Vec::new();
        for part in parts.iter().rev().filter(|part| !part.is_empty()) {
            whole.push(b'/');
            whole.extend_from_slice(part);
        }
        if whole.is_empty() {
            whole.push(b'/');
        }
        Ok(whole)
    }
}
