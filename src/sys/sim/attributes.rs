//! Extended attributes: names with values that an inode carries beside its content.

use std::collections::BTreeMap;

use super::attempt::Tried;
use super::machine::Machine;
use super::ops::OpId;
use super::rng::Rng;

/// The longest value that an inode of ext4 has room for, about.
const VALUE_MAX: usize = 4000;
const NAME_MAX: usize = 255;

type Named = BTreeMap<Vec<u8>, Vec<u8>>;

/// The attributes of an inode: as they are read, and as they last.
#[derive(Debug, Clone, Default)]
pub(super) struct Attributes {
    cached: Named,
    lasting: Named,
}

impl Attributes {
    /// Makes them last, as a sync of their file does.
    pub(super) fn sync(&mut self) {
        if self.cached != self.lasting {
            self.lasting.clone_from(&self.cached);
        }
    }

    /// Takes one away; `ENODATA` when there is none of the name.
    pub(super) fn remove(&mut self, name: &[u8]) -> Result<(), i32> {
        check_name(name)?;
        self.cached.remove(name).map(drop).ok_or(libc::ENODATA)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.cached.keys().map(Vec::as_slice)
    }

    /// What a crash leaves: those of the last sync, or all.
    pub(super) fn crash(&mut self, rng: &mut Rng) {
        if self.cached == self.lasting {
            return;
        }
        if rng.chance(500) {
            mark!("attributes lost in a crash");
            self.cached.clone_from(&self.lasting);
        }
        self.lasting.clone_from(&self.cached);
    }
}

impl Machine {
    /// `setxattr(2)`.
    pub(super) fn set_attribute(&mut self, id: OpId) -> Result<(), i32> {
        let (path, name) = self.paths(id)?;
        let op = self.ops.get(id).ok_or(libc::EINVAL)?;
        let (value, now_ns, how) = (op.memory().to_vec(), self.now_ns, op.sqe.op_flags as i32);
        check_name(&name)?;
        if value.len() > VALUE_MAX {
            return Err(libc::ENOSPC);
        }
        let disk = self.disk_of(id).ok_or(libc::EIO)?;
        let ino = disk.find(&path, true)?;
        let inode = disk.get_mut(ino).ok_or(libc::ENOENT)?;
        let is_there = inode.attributes.cached.contains_key(&name);
        if how & libc::XATTR_CREATE != 0 && is_there {
            return Err(libc::EEXIST);
        }
        if how & libc::XATTR_REPLACE != 0 && !is_there {
            return Err(libc::ENODATA);
        }
        inode.attributes.cached.insert(name, value);
        inode.changed_ns = now_ns;
        Ok(())
    }

    /// `getxattr(2)`: the value, or its length where there is no room.
    pub(super) fn attribute(&mut self, id: OpId) -> Tried {
        match self.find_attribute(id) {
            Ok(len) => Tried::count(len),
            Err(errno) => Tried::error(errno),
        }
    }

    fn find_attribute(&mut self, id: OpId) -> Result<usize, i32> {
        let (path, name) = self.paths(id)?;
        let room = self.ops.get(id).ok_or(libc::EINVAL)?.memory();
        check_name(&name)?;
        let disk = self.disk_of(id).ok_or(libc::EIO)?;
        let ino = disk.find(&path, true)?;
        let inode = disk.get(ino).ok_or(libc::ENOENT)?;
        let value = inode.attributes.cached.get(&name).ok_or(libc::ENODATA)?;
        match room.len {
            0 => {}
            len if len < value.len() => return Err(libc::ERANGE),
            _ => room.write(0, value),
        }
        Ok(value.len())
    }
}

/// Only the names of users are kept: of what else there is, file systems have each their own.
fn check_name(name: &[u8]) -> Result<(), i32> {
    match name.strip_prefix(b"user.") {
        _ if name.is_empty() || name.len() > NAME_MAX => Err(libc::ERANGE),
        Some(rest) if !rest.is_empty() => Ok(()),
        Some(_) => Err(libc::EINVAL),
        None => Err(libc::EOPNOTSUPP),
    }
}
