//! A file's metadata: where the kernel writes it, and how it is read.

#![expect(unsafe_code, reason = "a zeroed `struct statx` is a value")]

use std::fmt;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A `struct statx` for an op to hold.
pub(crate) struct StatBuf(libc::statx);

impl StatBuf {
    pub(crate) fn new() -> Self {
        let zeroed = std::mem::MaybeUninit::<libc::statx>::zeroed();
        // SAFETY: the structure holds integers only, for which zero bytes are a value.
        StatBuf(unsafe { zeroed.assume_init() })
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut libc::statx {
        &mut self.0
    }

    /// What the kernel has written.
    pub(crate) fn into_metadata(self) -> Metadata {
        let stat = &self.0;
        Metadata {
            len: stat.stx_size,
            ino: stat.stx_ino,
            blocks: stat.stx_blocks,
            dev: libc::makedev(stat.stx_dev_major, stat.stx_dev_minor),
            rdev: libc::makedev(stat.stx_rdev_major, stat.stx_rdev_minor),
            mode: u32::from(stat.stx_mode),
            nlink: stat.stx_nlink,
            uid: stat.stx_uid,
            gid: stat.stx_gid,
            blksize: stat.stx_blksize,
            accessed: Timestamp::of(stat.stx_atime),
            modified: Timestamp::of(stat.stx_mtime),
            changed: Timestamp::of(stat.stx_ctime),
            created: (stat.stx_mask & libc::STATX_BTIME != 0)
                .then(|| Timestamp::of(stat.stx_btime)),
        }
    }
}

impl fmt::Debug for StatBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StatBuf")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Timestamp {
    seconds: i64,
    nanoseconds: u32,
}

impl Timestamp {
    fn of(time: libc::statx_timestamp) -> Self {
        Timestamp { seconds: time.tv_sec, nanoseconds: time.tv_nsec }
    }

    fn to_system_time(self) -> io::Result<SystemTime> {
        let seconds = Duration::from_secs(self.seconds.unsigned_abs());
        let whole = if self.seconds < 0 {
            UNIX_EPOCH.checked_sub(seconds)
        } else {
            UNIX_EPOCH.checked_add(seconds)
        };
        let nanoseconds = Duration::from_nanos(u64::from(self.nanoseconds));
        let time = whole.and_then(|whole| whole.checked_add(nanoseconds));
        time.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a time out of all range"))
    }
}

/// What the file system knows of a file.
///
/// The names are those of `std::fs::Metadata` and its Unix extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    len: u64,
    ino: u64,
    blocks: u64,
    dev: u64,
    rdev: u64,
    mode: u32,
    nlink: u32,
    uid: u32,
    gid: u32,
    blksize: u32,
    accessed: Timestamp,
    modified: Timestamp,
    changed: Timestamp,
    created: Option<Timestamp>,
}

#[expect(clippy::len_without_is_empty, reason = "std's metadata has no `is_empty` either")]
impl Metadata {
    /// The kind of the file.
    pub fn file_type(&self) -> FileType {
        FileType { mode: self.mode }
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.file_type().is_dir()
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.file_type().is_file()
    }

    /// Whether it is a symbolic link: only of a path whose link was not followed.
    pub fn is_symlink(&self) -> bool {
        self.file_type().is_symlink()
    }

    /// The length of the file, in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Who may do what with it.
    pub fn permissions(&self) -> std::fs::Permissions {
        std::fs::Permissions::from_mode(self.mode)
    }

    /// When its content was last changed.
    ///
    /// # Errors
    ///
    /// `InvalidData` for a time that a `SystemTime` cannot hold.
    pub fn modified(&self) -> io::Result<SystemTime> {
        self.modified.to_system_time()
    }

    /// When it was last read, as far as the file system keeps count.
    ///
    /// # Errors
    ///
    /// As for [`modified`](Self::modified).
    pub fn accessed(&self) -> io::Result<SystemTime> {
        self.accessed.to_system_time()
    }

    /// When it was made.
    ///
    /// # Errors
    ///
    /// `Unsupported` where the file system does not remember.
    pub fn created(&self) -> io::Result<SystemTime> {
        match self.created {
            Some(time) => time.to_system_time(),
            None => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "this file system does not keep the time of creation",
            )),
        }
    }

    /// The device that holds the file.
    pub fn dev(&self) -> u64 {
        self.dev
    }

    /// The file's number on its device.
    pub fn ino(&self) -> u64 {
        self.ino
    }

    /// Its kind and permissions, as `st_mode` has them.
    pub fn mode(&self) -> u32 {
        self.mode
    }

    /// How many names it has.
    pub fn nlink(&self) -> u64 {
        u64::from(self.nlink)
    }

    /// The user who owns it.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// The group that owns it.
    pub fn gid(&self) -> u32 {
        self.gid
    }

    /// The device that it is, if it is one.
    pub fn rdev(&self) -> u64 {
        self.rdev
    }

    /// As [`len`](Self::len).
    pub fn size(&self) -> u64 {
        self.len
    }

    /// The size of a read or write that suits the file system, in bytes.
    pub fn blksize(&self) -> u64 {
        u64::from(self.blksize)
    }

    /// The room that it takes on its device, in units of 512 bytes.
    pub fn blocks(&self) -> u64 {
        self.blocks
    }

    /// The seconds of [`accessed`](Self::accessed), since the epoch.
    pub fn atime(&self) -> i64 {
        self.accessed.seconds
    }

    /// The nanoseconds beside [`atime`](Self::atime).
    pub fn atime_nsec(&self) -> i64 {
        i64::from(self.accessed.nanoseconds)
    }

    /// The seconds of [`modified`](Self::modified), since the epoch.
    pub fn mtime(&self) -> i64 {
        self.modified.seconds
    }

    /// The nanoseconds beside [`mtime`](Self::mtime).
    pub fn mtime_nsec(&self) -> i64 {
        i64::from(self.modified.nanoseconds)
    }

    /// The seconds of when its metadata was last changed, since the epoch.
    pub fn ctime(&self) -> i64 {
        self.changed.seconds
    }

    /// The nanoseconds beside [`ctime`](Self::ctime).
    pub fn ctime_nsec(&self) -> i64 {
        i64::from(self.changed.nanoseconds)
    }
}

/// The kind of a file.
#[derive(Clone, Copy)]
pub struct FileType {
    mode: u32,
}

impl FileType {
    /// A directory.
    pub fn is_dir(&self) -> bool {
        self.is(libc::S_IFDIR)
    }

    /// A regular file.
    pub fn is_file(&self) -> bool {
        self.is(libc::S_IFREG)
    }

    /// A symbolic link.
    pub fn is_symlink(&self) -> bool {
        self.is(libc::S_IFLNK)
    }

    /// A block device.
    pub fn is_block_device(&self) -> bool {
        self.is(libc::S_IFBLK)
    }

    /// A character device.
    pub fn is_char_device(&self) -> bool {
        self.is(libc::S_IFCHR)
    }

    /// A named pipe.
    pub fn is_fifo(&self) -> bool {
        self.is(libc::S_IFIFO)
    }

    /// A Unix socket.
    pub fn is_socket(&self) -> bool {
        self.is(libc::S_IFSOCK)
    }

    fn is(self, kind: u32) -> bool {
        self.mode & libc::S_IFMT == kind
    }
}

#[cfg(feature = "sim")]
impl FileType {
    pub(super) fn of_mode(mode: u32) -> Self {
        FileType { mode }
    }
}

impl From<std::fs::FileType> for FileType {
    fn from(kind: std::fs::FileType) -> Self {
        let kinds = [
            (kind.is_file(), libc::S_IFREG),
            (kind.is_dir(), libc::S_IFDIR),
            (kind.is_symlink(), libc::S_IFLNK),
            (kind.is_fifo(), libc::S_IFIFO),
            (kind.is_socket(), libc::S_IFSOCK),
            (kind.is_char_device(), libc::S_IFCHR),
            (kind.is_block_device(), libc::S_IFBLK),
        ];
        let known = kinds.iter().find(|(is, _)| *is);
        FileType { mode: known.map_or(0, |(_, mode)| *mode) }
    }
}

impl PartialEq for FileType {
    fn eq(&self, other: &Self) -> bool {
        self.mode & libc::S_IFMT == other.mode & libc::S_IFMT
    }
}

impl Eq for FileType {}

impl fmt::Debug for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.mode & libc::S_IFMT {
            libc::S_IFDIR => "directory",
            libc::S_IFREG => "file",
            libc::S_IFLNK => "symlink",
            libc::S_IFBLK => "block device",
            libc::S_IFCHR => "character device",
            libc::S_IFIFO => "fifo",
            libc::S_IFSOCK => "socket",
            _ => "unknown",
        };
        write!(f, "FileType({kind})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_and_after_the_epoch_are_exact() {
        let time = |seconds, nanoseconds| Timestamp { seconds, nanoseconds }.to_system_time();
        let half = Duration::from_millis(500);
        assert_eq!(time(0, 500_000_000).unwrap(), UNIX_EPOCH + half);
        // Half a second before the epoch is one second back and half a second on.
        assert_eq!(time(-1, 500_000_000).unwrap(), UNIX_EPOCH - half);
        assert!(time(i64::MAX, 999_999_999).is_ok());
        assert!(time(i64::MIN, 0).is_ok());
    }

    #[test]
    fn a_time_of_creation_that_is_not_kept_is_unsupported() {
        let metadata = StatBuf::new().into_metadata();
        assert_eq!(metadata.created().unwrap_err().kind(), io::ErrorKind::Unsupported);
        assert_eq!(metadata.modified().unwrap(), UNIX_EPOCH);
    }

    #[test]
    fn a_kind_is_told_whatever_the_permissions() {
        let kind = FileType { mode: libc::S_IFIFO | 0o644 };
        assert!(kind.is_fifo() && !kind.is_file() && !kind.is_dir());
        assert_eq!(kind, FileType { mode: libc::S_IFIFO | 0o600 });
        assert_eq!(format!("{kind:?}"), "FileType(fifo)");
    }
}
