//! The calls on open descriptors and paths that are made outside the ring.
//!
//! All but [`close`] answer from what the kernel has in memory. Those that can wait for a device
//! or a server (truncating, syncing, opening) are ops.

#![expect(unsafe_code, reason = "fstat, fcntl and close are libc calls")]

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What a descriptor leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Regular,
    Directory,
    CharacterDevice,
    BlockDevice,
    Pipe,
    Socket,
    /// Only of a descriptor opened with `O_PATH`.
    Symlink,
    /// Of no kind: an eventfd, a ring, and others that are no file anywhere.
    Anonymous,
}

/// What the kernel knows of an open descriptor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status {
    pub(crate) kind: FileKind,
    /// In bytes; of a device or a pipe it says nothing.
    pub(crate) len: u64,
    /// The size of a read or a write that suits the file system, in bytes.
    pub(crate) block_size: u64,
    /// With `inode`: which file it is, whatever its names.
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

/// What the kernel knows of an open descriptor.
///
/// # Errors
///
/// `EOVERFLOW` for numbers that do not fit; on a network file system what its server says.
pub(crate) fn fstat(fd: BorrowedFd<'_>) -> io::Result<Status> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `stat` is writable and as long as the call expects.
    if unsafe { libc::fstat(fd.as_raw_fd(), stat.as_mut_ptr()) } == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded and filled it.
    let stat = unsafe { stat.assume_init() };
    let kind = match stat.st_mode & libc::S_IFMT {
        libc::S_IFREG => FileKind::Regular,
        libc::S_IFDIR => FileKind::Directory,
        libc::S_IFCHR => FileKind::CharacterDevice,
        libc::S_IFBLK => FileKind::BlockDevice,
        libc::S_IFIFO => FileKind::Pipe,
        libc::S_IFSOCK => FileKind::Socket,
        libc::S_IFLNK => FileKind::Symlink,
        _ => FileKind::Anonymous,
    };
    Ok(Status {
        kind,
        len: u64::try_from(stat.st_size).unwrap_or(0),
        block_size: u64::try_from(stat.st_blksize).unwrap_or(0),
        device: stat.st_dev,
        inode: stat.st_ino,
    })
}

/// The flags the file was opened with and those that were set since (`O_NONBLOCK`, `O_DIRECT`,
/// `O_APPEND`, …).
pub(crate) fn status_flags(fd: BorrowedFd<'_>) -> io::Result<i32> {
    // SAFETY: F_GETFL takes no argument.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
    if flags == -1 { Err(io::Error::last_os_error()) } else { Ok(flags) }
}

/// Makes the file block or not, for all that share it.
///
/// The ring waits for a socket, a pipe or an eventfd whatever this says; calls outside it do not.
pub(crate) fn set_nonblocking(fd: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    let before = status_flags(fd)?;
    let after = if on { before | libc::O_NONBLOCK } else { before & !libc::O_NONBLOCK };
    if after == before {
        return Ok(());
    }
    // SAFETY: F_SETFL takes an integer.
    let set = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, after) };
    if set == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Closes the descriptor and says what dropping it would keep to itself.
///
/// It may wait: a file on a network is written back first, a socket may linger. So this is for
/// what cannot (an eventfd, a ring) and for the blocking pool.
///
/// # Errors
///
/// What writing back failed with (`EIO`, `ENOSPC`, `EDQUOT`). The descriptor is closed all the
/// same, with `EINTR` too, so it is never tried again.
pub(crate) fn close(fd: OwnedFd) -> io::Result<()> {
    // SAFETY: the descriptor was owned and is given up, so nothing uses its number after this.
    if unsafe { libc::close(fd.into_raw_fd()) } == 0 {
        return Ok(());
    }
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        error => Err(error),
    }
}

/// The path as the kernel takes it, ended by a NUL.
///
/// # Errors
///
/// `InvalidInput`, naming the path and the place, if there is a NUL within.
pub(crate) fn path_to_c_string(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|nul| {
        let place = nul.nul_position();
        let message =
            format!("the path {path:?} has a NUL at byte {place}, where the kernel would end it");
        io::Error::new(io::ErrorKind::InvalidInput, message)
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs::File;
    use std::net::UdpSocket;
    use std::os::fd::{AsFd, FromRawFd};
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::sys::eventfd::eventfd;
    use crate::sys::seccomp::answer_errno;

    fn kind(fd: impl AsFd) -> FileKind {
        fstat(fd.as_fd()).expect("a status").kind
    }

    fn pipe() -> (OwnedFd, OwnedFd) {
        let mut ends = [-1; 2];
        // SAFETY: `ends` has room for two descriptors.
        assert_eq!(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
        // SAFETY: a fresh descriptor that nobody else owns.
        let reader = unsafe { OwnedFd::from_raw_fd(ends[0]) };
        // SAFETY: as above.
        let writer = unsafe { OwnedFd::from_raw_fd(ends[1]) };
        (reader, writer)
    }

    #[test]
    fn each_kind_of_descriptor_is_told() {
        let test = std::env::current_exe().expect("this test's path");
        assert_eq!(kind(File::open(test).unwrap()), FileKind::Regular);
        assert_eq!(kind(File::open("/").unwrap()), FileKind::Directory);
        assert_eq!(kind(File::open("/dev/null").unwrap()), FileKind::CharacterDevice);
        assert_eq!(kind(UdpSocket::bind("127.0.0.1:0").unwrap()), FileKind::Socket);
        assert_eq!(kind(pipe().0), FileKind::Pipe);
        assert_eq!(kind(eventfd().unwrap()), FileKind::Anonymous);
    }

    #[test]
    fn the_status_is_the_one_that_std_reads() {
        let file = File::open(std::env::current_exe().unwrap()).unwrap();
        let (ours, theirs) = (fstat(file.as_fd()).unwrap(), file.metadata().unwrap());
        assert_eq!((ours.len, ours.block_size), (theirs.len(), theirs.blksize()));
        assert_eq!((ours.device, ours.inode), (theirs.dev(), theirs.ino()));
    }

    #[test]
    fn blocking_is_turned_off_and_on_and_nothing_else_is_touched() {
        let (reader, _writer) = pipe();
        let before = status_flags(reader.as_fd()).unwrap();
        assert_eq!(before & libc::O_NONBLOCK, 0);
        set_nonblocking(reader.as_fd(), true).unwrap();
        assert_eq!(status_flags(reader.as_fd()).unwrap(), before | libc::O_NONBLOCK);
        set_nonblocking(reader.as_fd(), false).unwrap();
        assert_eq!(status_flags(reader.as_fd()).unwrap(), before);
    }

    #[test]
    fn a_closed_end_is_seen_by_the_other() {
        let (reader, writer) = pipe();
        close(writer).expect("closed");
        assert_eq!(std::io::read_to_string(File::from(reader)).expect("the end"), "");
    }

    #[test]
    fn a_failure_to_write_back_is_an_error_of_close() {
        // Nothing that a test can mount writes back late, so the kernel's side is played by a
        // filter; the descriptor is given to a thread that ends with it.
        let (reader, writer) = pipe();
        let closing = std::thread::spawn(move || {
            answer_errno(&[libc::SYS_close], libc::ENOSPC).expect("a filter");
            let number = writer.as_raw_fd();
            (number, close(writer).map_err(|error| error.kind()))
        });
        let (number, closed) = closing.join().expect("a thread that does not panic");
        assert_eq!(closed, Err(io::ErrorKind::StorageFull));
        // SAFETY: the filter kept the number open, and `close` has given it up.
        drop(unsafe { OwnedFd::from_raw_fd(number) });
        drop(reader);
    }

    #[test]
    fn an_interrupted_close_has_closed() {
        let (_reader, writer) = pipe();
        let closing = std::thread::spawn(move || {
            answer_errno(&[libc::SYS_close], libc::EINTR).expect("a filter");
            let number = writer.as_raw_fd();
            (number, close(writer).is_ok())
        });
        let (number, closed) = closing.join().expect("a thread that does not panic");
        assert!(closed);
        // SAFETY: the filter kept the number open, and `close` has given it up.
        drop(unsafe { OwnedFd::from_raw_fd(number) });
    }

    #[test]
    fn a_path_is_ended_by_a_nul_and_has_none_within() {
        let path = path_to_c_string(Path::new("/tmp/\u{e4}")).unwrap();
        assert_eq!(path.as_bytes_with_nul(), b"/tmp/\xc3\xa4\0");
        let bad = Path::new(OsStr::from_bytes(b"/tmp/a\0b"));
        let error = path_to_c_string(bad).expect_err("a NUL");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("NUL at byte 6"), "{error}");
    }
}
