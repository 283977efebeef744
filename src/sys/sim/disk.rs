//! A host's disk: inodes and names, and what of them a crash leaves.
//!
//! What is written lies in the cache first. `fsync` of a file makes its contents last, `fsync` of a
//! directory makes the names last that were changed up to then. A crash keeps what lasts, and of the
//! rest what the seed says: names up to some change, as a journal would have it, and each write
//! whole, torn at a sector, or not at all.

use std::collections::BTreeMap;

use super::attributes::Attributes;
use super::contents::Contents;
use super::files::FileId;
use super::rng::Rng;

const LINKS_MAX: u32 = 40;

/// The number of an inode.
pub(super) type Ino = u64;
pub(super) const ROOT: Ino = 1;

/// What an inode is.
#[derive(Debug, Clone)]
pub(super) enum Node {
    File(Contents),
    Directory(BTreeMap<Vec<u8>, Ino>),
    Link(Vec<u8>),
}

/// An inode.
#[derive(Debug, Clone)]
pub(super) struct Inode {
    pub(super) node: Node,
    pub(super) mode: u32,
    pub(super) links: u32,
    /// Open files, which keep an inode without a name.
    open: u32,
    pub(super) made_ns: u64,
    pub(super) changed_ns: u64,
    /// Extended attributes, as they are and as they last.
    pub(super) attributes: Attributes,
    /// Who has it locked, and whether others may share the lock.
    pub(super) locks: Vec<(FileId, bool)>,
}

/// Names that one op changed, with what they meant before.
type Change = Vec<(Ino, Vec<u8>, Option<Ino>)>;

/// A disk.
#[derive(Debug)]
pub(super) struct Disk {
    inodes: BTreeMap<Ino, Inode>,
    next: Ino,
    unsynced: Vec<Change>,
}

impl Disk {
    /// An empty disk with a directory for temporary files.
    pub(super) fn new() -> Disk {
        let mut disk = Disk { inodes: BTreeMap::new(), next: ROOT, unsynced: Vec::new() };
        let root = disk.make(Node::Directory(BTreeMap::new()), 0o755, 0);
        let tmp = disk.make(Node::Directory(BTreeMap::new()), 0o777, 0);
        disk.name(vec![(root, b"tmp".to_vec(), Some(tmp))]);
        disk.unsynced.clear();
        disk
    }

    /// A new inode without a name.
    pub(super) fn make(&mut self, node: Node, mode: u32, now_ns: u64) -> Ino {
        let ino = self.next;
        self.next += 1;
        let inode = Inode {
            node,
            mode,
            links: 0,
            open: 0,
            made_ns: now_ns,
            changed_ns: now_ns,
            attributes: Attributes::default(),
            locks: Vec::new(),
        };
        self.inodes.insert(ino, inode);
        ino
    }

    pub(super) fn get(&self, ino: Ino) -> Option<&Inode> {
        self.inodes.get(&ino)
    }

    pub(super) fn get_mut(&mut self, ino: Ino) -> Option<&mut Inode> {
        self.inodes.get_mut(&ino)
    }

    /// The contents of a file.
    pub(super) fn contents(&mut self, ino: Ino) -> Result<&mut Contents, i32> {
        match self.inodes.get_mut(&ino).map(|inode| &mut inode.node) {
            Some(Node::File(contents)) => Ok(contents),
            Some(Node::Directory(_)) => Err(libc::EISDIR),
            _ => Err(libc::EINVAL),
        }
    }

    pub(super) fn directory(&mut self, ino: Ino) -> Result<&mut BTreeMap<Vec<u8>, Ino>, i32> {
        match self.inodes.get_mut(&ino).map(|inode| &mut inode.node) {
            Some(Node::Directory(names)) => Ok(names),
            _ => Err(libc::ENOTDIR),
        }
    }

    pub(super) fn open(&mut self, ino: Ino) {
        if let Some(inode) = self.inodes.get_mut(&ino) {
            inode.open += 1;
        }
    }

    pub(super) fn close(&mut self, ino: Ino, file: FileId) {
        if let Some(inode) = self.inodes.get_mut(&ino) {
            inode.open -= 1;
            inode.locks.retain(|(owner, _)| *owner != file);
        }
        self.forget_if_unused(ino);
    }

    fn forget_if_unused(&mut self, ino: Ino) {
        // A name that does not last yet may bring it back in a crash.
        let is_named = self.unsynced.iter().flatten().any(|(_, _, before)| *before == Some(ino));
        if self.inodes.get(&ino).is_some_and(|inode| inode.open == 0 && inode.links == 0)
            && !is_named
        {
            self.inodes.remove(&ino);
        }
    }

    /// Gives names new meanings, all at once.
    pub(super) fn name(&mut self, change: Change) {
        let undo = change.iter().map(|(directory, name, ino)| {
            (*directory, name.clone(), self.mean(*directory, name, *ino))
        });
        let undo: Change = undo.collect();
        self.unsynced.push(undo);
        for (_, _, ino) in self.unsynced.last().cloned().unwrap_or_default() {
            if let Some(ino) = ino {
                self.forget_if_unused(ino);
            }
        }
    }

    /// Lets one name mean something else; what it meant before.
    fn mean(&mut self, directory: Ino, name: &[u8], ino: Option<Ino>) -> Option<Ino> {
        if let Some(inode) = ino.and_then(|ino| self.inodes.get_mut(&ino)) {
            inode.links += 1;
        }
        let Ok(names) = self.directory(directory) else { return None };
        let before = match ino {
            Some(ino) => names.insert(name.to_vec(), ino),
            None => names.remove(name),
        };
        if let Some(inode) = before.and_then(|before| self.inodes.get_mut(&before)) {
            inode.links -= 1;
        }
        before
    }

    /// The directory and the last name of a path; an empty name means the directory itself.
    pub(super) fn place(&mut self, path: &[u8]) -> Result<(Ino, Vec<u8>), i32> {
        self.walk(ROOT, path, &mut 0)
    }

    fn walk(&mut self, from: Ino, path: &[u8], links: &mut u32) -> Result<(Ino, Vec<u8>), i32> {
        if path.is_empty() {
            return Err(libc::ENOENT);
        }
        let mut at = if path.starts_with(b"/") { ROOT } else { from };
        let mut parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).peekable();
        while let Some(part) = parts.next() {
            if part.len() > 255 {
                return Err(libc::ENAMETOOLONG);
            }
            if part == b"." {
                continue;
            }
            if part == b".." {
                at = self.parent(at);
                continue;
            }
            if parts.peek().is_none() {
                self.directory(at)?;
                return Ok((at, part.to_vec()));
            }
            let next = self.directory(at)?.get(part).copied().ok_or(libc::ENOENT)?;
            at = self.follow(at, next, links)?;
        }
        Ok((at, Vec::new()))
    }

    fn parent(&self, directory: Ino) -> Ino {
        self.name_of(directory).map_or(ROOT, |(parent, _)| parent)
    }

    /// The one name of a directory, and where it is.
    pub(super) fn name_of(&self, directory: Ino) -> Option<(Ino, Vec<u8>)> {
        self.inodes.iter().find_map(|(parent, inode)| {
            let Node::Directory(names) = &inode.node else { return None };
            let (name, _) = names.iter().find(|(_, ino)| **ino == directory)?;
            Some((*parent, name.clone()))
        })
    }

    /// As [`place`](Self::place), of what a path leads to by links.
    pub(super) fn real_place(
        &mut self,
        from: Ino,
        path: &[u8],
        links: &mut u32,
    ) -> Result<(Ino, Vec<u8>), i32> {
        let (at, name) = self.walk(from, path, links)?;
        let ino = self.entry(at, &name)?;
        match ino.and_then(|ino| self.inodes.get(&ino)).map(|inode| &inode.node) {
            Some(Node::Link(_)) if *links >= LINKS_MAX => Err(libc::ELOOP),
            Some(Node::Link(target)) => {
                let target = target.clone();
                *links += 1;
                self.real_place(at, &target, links)
            }
            _ => Ok((at, name)),
        }
    }

    /// What an inode leads to, if it is a link.
    fn follow(&mut self, directory: Ino, ino: Ino, links: &mut u32) -> Result<Ino, i32> {
        let Some(Node::Link(target)) = self.inodes.get(&ino).map(|inode| &inode.node) else {
            return Ok(ino);
        };
        *links += 1;
        if *links > LINKS_MAX {
            return Err(libc::ELOOP);
        }
        let target = target.clone();
        let (at, name) = self.walk(directory, &target, links)?;
        if name.is_empty() {
            return Ok(at);
        }
        let next = self.directory(at)?.get(&name).copied().ok_or(libc::ENOENT)?;
        self.follow(at, next, links)
    }

    /// The inode of a path.
    pub(super) fn find(&mut self, path: &[u8], follows: bool) -> Result<Ino, i32> {
        let (directory, name) = self.place(path)?;
        if name.is_empty() {
            return Ok(directory);
        }
        let ino = self.directory(directory)?.get(&name).copied().ok_or(libc::ENOENT)?;
        if path.ends_with(b"/")
            && !matches!(self.get(ino).map(|i| &i.node), Some(Node::Directory(_)))
        {
            return Err(libc::ENOTDIR);
        }
        if follows { self.follow(directory, ino, &mut 0) } else { Ok(ino) }
    }

    /// What a name in a directory means.
    pub(super) fn entry(&mut self, directory: Ino, name: &[u8]) -> Result<Option<Ino>, i32> {
        Ok(self.directory(directory)?.get(name).copied())
    }

    pub(super) fn is_empty_directory(&mut self, ino: Ino) -> Result<bool, i32> {
        self.directory(ino).map(|names| names.is_empty())
    }

    /// Makes the names last that were changed up to the last change in this directory.
    pub(super) fn sync_directory(&mut self, directory: Ino) {
        let concerns = |change: &Change| change.iter().any(|(at, _, _)| *at == directory);
        let Some(last) = self.unsynced.iter().rposition(concerns) else { return };
        let synced: Vec<Change> = self.unsynced.drain(..=last).collect();
        for ino in synced.into_iter().flatten().filter_map(|(_, _, before)| before) {
            self.forget_if_unused(ino);
        }
    }

    /// What is left after a crash.
    pub(super) fn crash(&mut self, rng: &mut Rng) {
        let kept = rng.below(self.unsynced.len() as u64 + 1) as usize;
        for change in self.unsynced.split_off(kept).into_iter().rev() {
            mark!("names lost in a crash");
            for (directory, name, before) in change.into_iter().rev() {
                self.mean(directory, &name, before);
            }
        }
        self.unsynced.clear();
        for inode in self.inodes.values_mut() {
            inode.open = 0;
            inode.locks.clear();
            inode.attributes.crash(rng);
            if let Node::File(contents) = &mut inode.node {
                contents.crash(rng);
            }
        }
        self.inodes.retain(|ino, inode| *ino == ROOT || inode.links > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(disk: &mut Disk, path: &[u8], bytes: &[u8]) -> Ino {
        let (directory, name) = disk.place(path).unwrap();
        let ino = disk.make(Node::File(Contents::default()), 0o644, 0);
        disk.name(vec![(directory, name, Some(ino))]);
        disk.contents(ino).unwrap().write(0, bytes);
        ino
    }

    #[test]
    fn what_is_synced_lasts_and_the_rest_may_be_lost() {
        let (mut lost, mut kept) = (false, false);
        for seed in 0..50 {
            let mut disk = Disk::new();
            let tmp = disk.find(b"/tmp", true).unwrap();
            let ino = file(&mut disk, b"/tmp/a", b"first");
            disk.contents(ino).unwrap().sync().unwrap();
            disk.sync_directory(tmp);
            disk.contents(ino).unwrap().write(0, b"later");
            file(&mut disk, b"/tmp/b", b"unsynced");
            disk.crash(&mut Rng::new(seed));
            let ino = disk.find(b"/tmp/a", true).expect("a synced name lasts");
            match &disk.contents(ino).unwrap().cached[..] {
                b"first" => lost = true,
                b"later" => kept = true,
                other => panic!("{other:?}"),
            }
        }
        assert!(lost && kept);
    }

    #[test]
    fn links_are_followed_and_loops_found() {
        let mut disk = Disk::new();
        let ino = file(&mut disk, b"/tmp/a", b"x");
        for (name, target) in [(b"l", &b"a"[..]), (b"m", b"/tmp/n"), (b"n", b"m")] {
            let link = disk.make(Node::Link(target.to_vec()), 0o777, 0);
            let tmp = disk.find(b"/tmp", true).unwrap();
            disk.name(vec![(tmp, name.to_vec(), Some(link))]);
        }
        assert_eq!(disk.find(b"/tmp/l", true), Ok(ino));
        assert_ne!(disk.find(b"/tmp/l", false), Ok(ino));
        assert_eq!(disk.find(b"/tmp/m", true), Err(libc::ELOOP));
        assert_eq!(disk.find(b"/tmp/./../tmp/a", true), Ok(ino));
        assert_eq!(disk.find(b"/tmp/a/b", true), Err(libc::ENOTDIR));
    }

    #[test]
    fn an_inode_goes_with_its_last_name_and_its_last_open_file() {
        let mut disk = Disk::new();
        let tmp = disk.find(b"/tmp", true).unwrap();
        let ino = file(&mut disk, b"/tmp/a", b"x");
        disk.open(ino);
        disk.name(vec![(tmp, b"a".to_vec(), None)]);
        disk.sync_directory(tmp);
        assert!(disk.get(ino).is_some(), "it is open");
        let mut files = super::super::files::Files::new();
        let id = files.insert(super::super::HostId(0), super::super::files::Kind::Event(0));
        disk.close(ino, id);
        assert!(disk.get(ino).is_none());
    }
}
