//! Files and directories.
//!
//! - [`File`] and [`OpenOptions`]: files that are read and written at a place, with buffers that
//!   are given away and come back ([`crate::buf`]).
//! - Functions with the names and meanings of `std::fs` for whole files, names and directories.
//! - [`Metadata`]: what is known of a file.
//!
//! What the kernel can do through the ring is one operation each. It never holds up the loop:
//! what has to wait for a device waits on the kernel's own threads. The few things that the ring
//! cannot do are done on the blocking pool, and say so.

mod atomic;
mod copy;
mod direct;
mod directories;
mod file;
mod fixed;
mod io;
mod lock;
mod off_loop;
mod off_ring;
mod open_options;
mod paths;
mod read_dir;
mod space;
mod whole;
mod xattr;

pub use self::atomic::write_atomic;
pub use self::copy::copy;
pub use self::direct::DirectFile;
pub use self::directories::create_dir_all;
pub use self::file::File;
pub use self::lock::TryLockError;
pub use self::off_ring::{canonicalize, read_link, remove_dir_all, set_permissions};
pub use self::open_options::OpenOptions;
pub use self::paths::{
    create_dir, hard_link, metadata, remove_dir, remove_file, rename, symlink, symlink_metadata,
    try_exists,
};
pub use self::read_dir::{DirEntry, ReadDir, read_dir};
pub use self::whole::{read, read_to_string, write};
pub use self::xattr::{get_xattr, list_xattr, remove_xattr, set_xattr};
pub use crate::sys::{Advice, FileType, Metadata};
