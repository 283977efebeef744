//! Ops on names: unlink, rename, directories, links, locks.

use super::disk::{Disk, Ino, Node};
use super::files::{FileId, Kind};
use super::machine::Machine;
use super::ops::{OpId, Payload};

/// One path or two, the disk that they are on, and the time.
type Named<'a> = (Vec<u8>, Vec<u8>, &'a mut Disk, u64);

impl Machine {
    /// The paths of an op and the disk that they are on, with the time.
    fn named(&mut self, id: OpId) -> Result<Named<'_>, i32> {
        let op = self.ops.get(id).ok_or(libc::EINVAL)?;
        let Payload::Paths(one, other) = &op.payload else { return Err(libc::EFAULT) };
        let (one, other) = (one.clone(), other.clone());
        let host = self.rings[op.ring].host;
        Ok((one, other, &mut self.hosts[host.index()].disk, self.now_ns))
    }

    pub(super) fn unlink(&mut self, id: OpId) -> Result<(), i32> {
        let flags = self.ops.get(id).map_or(0, |op| op.sqe.op_flags as i32);
        let (path, _, disk, _) = self.named(id)?;
        let (directory, name, ino) = existing(disk, &path)?;
        let wants_directory = flags & libc::AT_REMOVEDIR != 0;
        match disk.get(ino).map(|inode| &inode.node) {
            Some(Node::Directory(_)) if !wants_directory => return Err(libc::EISDIR),
            Some(Node::Directory(names)) if !names.is_empty() => return Err(libc::ENOTEMPTY),
            Some(Node::Directory(_)) => {}
            _ if wants_directory => return Err(libc::ENOTDIR),
            _ => {}
        }
        disk.name(vec![(directory, name, None)]);
        Ok(())
    }

    pub(super) fn rename(&mut self, id: OpId) -> Result<(), i32> {
        let (from, to, disk, _) = self.named(id)?;
        let (directory, name, ino) = existing(disk, &from)?;
        let (target_directory, target_name) = disk.place(&to)?;
        if target_name.is_empty() {
            return Err(libc::EBUSY);
        }
        if from.starts_with(&[&to[..], b"/"].concat()) {
            return Err(libc::ENOTEMPTY);
        }
        let is_directory = is_directory(disk, ino);
        if let Some(target) = disk.entry(target_directory, &target_name)? {
            if target == ino {
                return Ok(());
            }
            match (is_directory, self::is_directory(disk, target)) {
                (true, false) => return Err(libc::ENOTDIR),
                (false, true) => return Err(libc::EISDIR),
                (true, true) if !disk.is_empty_directory(target)? => return Err(libc::ENOTEMPTY),
                _ => {}
            }
        }
        if is_directory && to.starts_with(&[&from[..], b"/"].concat()) {
            return Err(libc::EINVAL);
        }
        disk.name(vec![(target_directory, target_name, Some(ino)), (directory, name, None)]);
        Ok(())
    }

    pub(super) fn make_directory(&mut self, id: OpId) -> Result<(), i32> {
        let mode = self.ops.get(id).map_or(0, |op| op.sqe.len) & !0o022;
        let (path, _, disk, now_ns) = self.named(id)?;
        let (directory, name) = fresh(disk, &path)?;
        let ino = disk.make(Node::Directory(Default::default()), mode, now_ns);
        disk.name(vec![(directory, name, Some(ino))]);
        Ok(())
    }

    pub(super) fn make_symlink(&mut self, id: OpId) -> Result<(), i32> {
        let (target, path, disk, now_ns) = self.named(id)?;
        let (directory, name) = fresh(disk, &path)?;
        let ino = disk.make(Node::Link(target), 0o777, now_ns);
        disk.name(vec![(directory, name, Some(ino))]);
        Ok(())
    }

    pub(super) fn make_link(&mut self, id: OpId) -> Result<(), i32> {
        let (original, path, disk, _) = self.named(id)?;
        let ino = disk.find(&original, false)?;
        if is_directory(disk, ino) {
            return Err(libc::EPERM);
        }
        let (directory, name) = fresh(disk, &path)?;
        disk.name(vec![(directory, name, Some(ino))]);
        Ok(())
    }

    /// `flock(2)` without waiting.
    pub(super) fn lock(&mut self, file: FileId, how: i32) -> Result<(), i32> {
        let open = self.files.get(file).ok_or(libc::EBADF)?;
        let Kind::Disk(disk_file) = &open.kind else { return Err(libc::EBADF) };
        let (host, ino) = (open.host, disk_file.ino);
        let inode = self.hosts[host.index()].disk.get_mut(ino).ok_or(libc::EBADF)?;
        let is_shared = how & libc::LOCK_SH != 0;
        if how & libc::LOCK_UN == 0 {
            let blocks =
                |(owner, shares): &(FileId, bool)| *owner != file && !(is_shared && *shares);
            if inode.locks.iter().any(blocks) {
                return Err(libc::EWOULDBLOCK);
            }
        }
        inode.locks.retain(|(owner, _)| *owner != file);
        if how & libc::LOCK_UN == 0 {
            inode.locks.push((file, is_shared));
        }
        Ok(())
    }
}

fn is_directory(disk: &Disk, ino: Ino) -> bool {
    matches!(disk.get(ino).map(|inode| &inode.node), Some(Node::Directory(_)))
}

/// A name that is there.
fn existing(disk: &mut Disk, path: &[u8]) -> Result<(Ino, Vec<u8>, Ino), i32> {
    let (directory, name) = disk.place(path)?;
    if name.is_empty() {
        return Err(libc::EBUSY);
    }
    let ino = disk.entry(directory, &name)?.ok_or(libc::ENOENT)?;
    if path.ends_with(b"/") && !is_directory(disk, ino) {
        return Err(libc::ENOTDIR);
    }
    Ok((directory, name, ino))
}

/// A name that is free.
fn fresh(disk: &mut Disk, path: &[u8]) -> Result<(Ino, Vec<u8>), i32> {
    let (directory, name) = disk.place(path)?;
    if name.is_empty() || disk.entry(directory, &name)?.is_some() {
        return Err(libc::EEXIST);
    }
    Ok((directory, name))
}
