//! Ops on files: open, read, write, sync, and on names.

use std::os::fd::IntoRawFd;

use super::Fault;
use super::attempt::Tried;
use super::codes;
use super::contents::Contents;
use super::disk::{Disk, Ino, Node};
use super::files::{FileId, Kind};
use super::machine::Machine;
use super::memory::{self, Memory};
use super::ops::{OpId, Payload};

/// An open file of a disk.
#[derive(Debug, Clone, Copy)]
pub(super) struct DiskFile {
    pub(super) ino: Ino,
    pub(super) flags: i32,
    pub(super) position: usize,
}

const CURRENT_POSITION: u64 = u64::MAX;
/// What the process's umask takes from the mode of a new file.
const UMASK: u32 = 0o022;

impl DiskFile {
    pub(super) fn reads(&self) -> bool {
        self.flags & libc::O_ACCMODE != libc::O_WRONLY
    }

    pub(super) fn writes(&self) -> bool {
        self.flags & libc::O_ACCMODE != libc::O_RDONLY
    }
}

impl Machine {
    pub(super) fn disk_of(&mut self, id: OpId) -> Option<&mut Disk> {
        let host = self.rings[self.ops.get(id)?.ring].host;
        Some(&mut self.hosts[host.index()].disk)
    }

    /// The open file that an op acts on.
    fn disk_file(&mut self, id: OpId) -> Result<(FileId, DiskFile), i32> {
        let file = self.ops.get(id).and_then(|op| op.file).ok_or(libc::EBADF)?;
        match self.files.get(file).map(|file| &file.kind) {
            Some(Kind::Disk(open)) => Ok((file, *open)),
            Some(_) => Err(libc::EINVAL),
            None => Err(libc::EBADF),
        }
    }

    pub(super) fn try_file_op(&mut self, id: OpId) -> Tried {
        let Some(op) = self.ops.get(id) else { return Tried::Later };
        let done = match op.sqe.opcode {
            codes::OPENAT => return self.try_open(id),
            codes::FSYNC => self.sync(id),
            codes::FALLOCATE => self.allocate(id),
            codes::FTRUNCATE => self.truncate(id),
            codes::FADVISE => self.disk_file(id).map(|_| ()),
            codes::STATX => self.stat(id),
            codes::UNLINKAT => self.unlink(id),
            codes::RENAMEAT => self.rename(id),
            codes::MKDIRAT => self.make_directory(id),
            codes::SYMLINKAT => self.make_symlink(id),
            codes::LINKAT => self.make_link(id),
            codes::SETXATTR => self.set_attribute(id),
            codes::GETXATTR => return self.attribute(id),
            opcode => {
                self.violation(format!("the simulator does not attempt opcode {opcode}"));
                Err(libc::EINVAL)
            }
        };
        match done {
            Ok(()) => Tried::Done(0, 0),
            Err(errno) => Tried::error(errno),
        }
    }

    pub(super) fn paths(&self, id: OpId) -> Result<(Vec<u8>, Vec<u8>), i32> {
        match self.ops.get(id).map(|op| &op.payload) {
            Some(Payload::Paths(one, other)) => Ok((one.clone(), other.clone())),
            _ => Err(libc::EFAULT),
        }
    }

    fn try_open(&mut self, id: OpId) -> Tried {
        match self.find_or_make(id) {
            Err(errno) => Tried::error(errno),
            Ok((ino, flags)) => {
                let host = self.ops.get(id).map_or(self.current, |op| self.rings[op.ring].host);
                let kind = Kind::Disk(DiskFile { ino, flags, position: 0 });
                let file = self.files.insert(host, kind);
                self.hosts[host.index()].disk.open(ino);
                match self.open(file) {
                    Ok(number) => Tried::Done(number.into_raw_fd(), 0),
                    Err(error) => {
                        self.files.remove(file);
                        self.hosts[host.index()].disk.close(ino, file);
                        Tried::error(error.raw_os_error().unwrap_or(libc::EMFILE))
                    }
                }
            }
        }
    }

    fn find_or_make(&mut self, id: OpId) -> Result<(Ino, i32), i32> {
        let (path, _) = self.paths(id)?;
        let now_ns = self.now_ns;
        let op = self.ops.get(id).ok_or(libc::EINVAL)?;
        let (flags, mode) = (op.sqe.op_flags as i32, op.sqe.len & !UMASK);
        let writes = flags & libc::O_ACCMODE != libc::O_RDONLY;
        let disk = self.disk_of(id).ok_or(libc::EINVAL)?;
        if flags & libc::O_TMPFILE == libc::O_TMPFILE {
            disk.find(&path, true)?;
            return Ok((disk.make(Node::File(Contents::default()), mode, now_ns), flags));
        }
        let follows = flags & (libc::O_NOFOLLOW | libc::O_EXCL) == 0;
        let found = match disk.find(&path, follows) {
            Ok(_) if flags & libc::O_CREAT != 0 && flags & libc::O_EXCL != 0 => {
                return Err(libc::EEXIST);
            }
            Ok(ino) => ino,
            Err(libc::ENOENT) if flags & libc::O_CREAT != 0 => {
                let (directory, name) = disk.place(&path)?;
                if name.is_empty() || path.ends_with(b"/") {
                    return Err(libc::EISDIR);
                }
                let ino = disk.make(Node::File(Contents::default()), mode, now_ns);
                disk.name(vec![(directory, name, Some(ino))]);
                ino
            }
            Err(errno) => return Err(errno),
        };
        match disk.get_mut(found).map(|inode| &mut inode.node) {
            Some(Node::Directory(_)) if writes => return Err(libc::EISDIR),
            Some(Node::Link(_)) => return Err(libc::ELOOP),
            Some(Node::File(_)) if flags & libc::O_DIRECTORY != 0 => return Err(libc::ENOTDIR),
            Some(Node::File(contents)) if flags & libc::O_TRUNC != 0 => contents.set_len(0),
            Some(_) => {}
            None => return Err(libc::ENOENT),
        }
        Ok((found, flags))
    }

    /// Reads from a file: as much as is there.
    pub(super) fn read_disk(&mut self, id: OpId, file: FileId, open: DiskFile) -> Tried {
        if !open.reads() {
            return Tried::error(libc::EBADF);
        }
        let Some(op) = self.ops.get(id) else { return Tried::Later };
        let (pieces, off) = (op.pieces(), op.sqe.off);
        let at = if off == CURRENT_POSITION { open.position } else { off as usize };
        let most = memory::total(&pieces);
        let shorten = most > 1 && self.chance(Fault::ShortRead);
        let cut = if shorten { self.rng.between(1, most as u64) as usize } else { most };
        let contents = match self.disk_of(id).ok_or(libc::EIO).and_then(|d| d.contents(open.ino)) {
            Ok(contents) => contents,
            Err(errno) => return Tried::error(errno),
        };
        let end = contents.cached.len().min(at.saturating_add(cut));
        let start = at.min(end);
        memory::scatter(&pieces, 0, &contents.cached[start..end]);
        self.move_position(file, off, end - start);
        Tried::count(end - start)
    }

    /// Writes to a file: all of it, or what the faults leave of it.
    pub(super) fn write_disk(&mut self, id: OpId, file: FileId, open: DiskFile) -> Tried {
        if !open.writes() {
            return Tried::error(libc::EBADF);
        }
        let Some(op) = self.ops.get(id) else { return Tried::Later };
        let (pieces, off, now_ns) = (op.pieces(), op.sqe.off, self.now_ns);
        let mut bytes = Vec::new();
        memory::gather(&pieces, 0, memory::total(&pieces), &mut bytes);
        if bytes.len() > 1 && self.chance(Fault::ShortWrite) {
            mark!("short write to a file");
            bytes.truncate(self.rng.between(1, bytes.len() as u64 - 1) as usize);
        }
        let fails = self.chance(Fault::DiskError);
        let fails_later = fails && self.rng.chance(500);
        if fails && !fails_later {
            mark!("write failed");
            let full = self.rng.chance(500);
            return Tried::error(if full { libc::ENOSPC } else { libc::EIO });
        }
        let Some(disk) = self.disk_of(id) else { return Tried::error(libc::EIO) };
        let contents = match disk.contents(open.ino) {
            Ok(contents) => contents,
            Err(errno) => return Tried::error(errno),
        };
        let at = match off {
            _ if open.flags & libc::O_APPEND != 0 => contents.cached.len(),
            CURRENT_POSITION => open.position,
            off => off as usize,
        };
        contents.write(at, &bytes);
        if fails_later {
            mark!("write fails later");
            contents.late_error = libc::EIO;
        }
        if let Some(inode) = disk.get_mut(open.ino) {
            inode.changed_ns = now_ns;
        }
        self.move_position(file, off, bytes.len());
        Tried::count(bytes.len())
    }

    pub(super) fn move_position(&mut self, file: FileId, off: u64, count: usize) {
        if off != CURRENT_POSITION {
            return;
        }
        if let Some(Kind::Disk(open)) = self.files.get_mut(file).map(|file| &mut file.kind) {
            open.position += count;
        }
    }

    fn sync(&mut self, id: OpId) -> Result<(), i32> {
        let (_, open) = self.disk_file(id)?;
        if self.chance(Fault::DiskError) {
            mark!("sync failed");
            return Err(libc::EIO);
        }
        let disk = self.disk_of(id).ok_or(libc::EIO)?;
        if let Some(inode) = disk.get_mut(open.ino) {
            inode.attributes.sync();
        }
        match disk.contents(open.ino) {
            Ok(contents) => contents.sync(),
            Err(libc::EISDIR) => {
                disk.sync_directory(open.ino);
                Ok(())
            }
            Err(errno) => Err(errno),
        }
    }

    fn allocate(&mut self, id: OpId) -> Result<(), i32> {
        let (_, open) = self.disk_file(id)?;
        let op = self.ops.get(id).ok_or(libc::EINVAL)?;
        let (offset, len, mode) = (op.sqe.off as usize, op.sqe.addr as usize, op.sqe.len as i32);
        if !open.writes() {
            return Err(libc::EBADF);
        }
        let contents = self.disk_of(id).ok_or(libc::EIO)?.contents(open.ino)?;
        let end = offset.checked_add(len).filter(|end| *end < 1 << 40).ok_or(libc::EFBIG)?;
        if mode & libc::FALLOC_FL_PUNCH_HOLE != 0 {
            let end = end.min(contents.cached.len());
            if offset < end {
                contents.write(offset, &vec![0; end - offset]);
            }
        } else if contents.cached.len() < end {
            if end > 1 << 30 {
                return Err(libc::ENOSPC);
            }
            contents.set_len(end);
        }
        Ok(())
    }

    fn truncate(&mut self, id: OpId) -> Result<(), i32> {
        let (_, open) = self.disk_file(id)?;
        let len = self.ops.get(id).ok_or(libc::EINVAL)?.sqe.off as usize;
        if !open.writes() {
            return Err(libc::EINVAL);
        }
        if len > 1 << 30 {
            return Err(libc::EFBIG);
        }
        self.disk_of(id).ok_or(libc::EIO)?.contents(open.ino)?.set_len(len);
        Ok(())
    }

    fn stat(&mut self, id: OpId) -> Result<(), i32> {
        let (path, _) = self.paths(id)?;
        let op = self.ops.get(id).ok_or(libc::EINVAL)?;
        let (flags, place, file) = (op.sqe.op_flags as i32, op.sqe.off, op.file);
        let disk = self.disk_of(id).ok_or(libc::EIO)?;
        let ino = match (path.is_empty(), file) {
            (true, Some(_)) => self.disk_file(id)?.1.ino,
            (true, None) if flags & libc::AT_EMPTY_PATH != 0 => return Err(libc::EBADF),
            _ => disk.find(&path, flags & libc::AT_SYMLINK_NOFOLLOW == 0)?,
        };
        let inode = self.disk_of(id).and_then(|disk| disk.get(ino)).ok_or(libc::ENOENT)?;
        let (kind, len) = match &inode.node {
            Node::File(contents) => (libc::S_IFREG, contents.cached.len()),
            Node::Directory(names) => (libc::S_IFDIR, names.len() * 32),
            Node::Link(target) => (libc::S_IFLNK, target.len()),
        };
        let time = |ns: u64| (ns as i64 / 1_000_000_000, (ns % 1_000_000_000) as u32);
        let memory = Memory::new(place, size_of::<libc::statx>());
        let mut stat: libc::statx = memory.read_as();
        stat.stx_mask = libc::STATX_BASIC_STATS | libc::STATX_BTIME;
        stat.stx_mode = (kind | inode.mode) as u16;
        (stat.stx_size, stat.stx_blocks) = (len as u64, len.div_ceil(4096) as u64 * 8);
        (stat.stx_ino, stat.stx_nlink, stat.stx_blksize) = (ino, inode.links, 4096);
        let (changed, made) = (time(inode.changed_ns), time(inode.made_ns));
        for stamp in [&mut stat.stx_mtime, &mut stat.stx_ctime, &mut stat.stx_atime] {
            (stamp.tv_sec, stamp.tv_nsec) = changed;
        }
        (stat.stx_btime.tv_sec, stat.stx_btime.tv_nsec) = made;
        memory.write_as(stat);
        Ok(())
    }
}
