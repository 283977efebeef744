//! How files are opened, allocated and advised on: the kernel's numbers for it.

#![expect(unsafe_code, reason = "statx fills a record")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// How to open a file, in std's terms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct OpenFlags {
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) append: bool,
    pub(crate) truncate: bool,
    pub(crate) create: bool,
    pub(crate) create_new: bool,
    pub(crate) direct: bool,
    pub(crate) tmpfile: bool,
    pub(crate) custom: i32,
}

impl OpenFlags {
    /// The flags of `open(2)`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for what makes no sense together, the same combinations as in std.
    pub(crate) fn to_number(self) -> io::Result<i32> {
        let direct = if self.direct { libc::O_DIRECT } else { 0 };
        let custom = self.custom & !libc::O_ACCMODE;
        Ok(self.access()? | self.creation()? | direct | custom)
    }

    fn access(self) -> io::Result<i32> {
        match (self.read, self.write, self.append) {
            (true, false, false) => Ok(libc::O_RDONLY),
            (false, true, false) => Ok(libc::O_WRONLY),
            (true, true, false) => Ok(libc::O_RDWR),
            (false, _, true) => Ok(libc::O_WRONLY | libc::O_APPEND),
            (true, _, true) => Ok(libc::O_RDWR | libc::O_APPEND),
            (false, false, false) => Err(refuse("a file is opened to read, to write or to append")),
        }
    }

    fn creation(self) -> io::Result<i32> {
        let creates = self.create || self.create_new;
        if !self.write && !self.append && (creates || self.truncate || self.tmpfile) {
            return Err(refuse("creating or truncating a file takes write or append access"));
        }
        if self.append && self.truncate && !self.create_new {
            return Err(refuse("a file is not truncated to be appended to"));
        }
        if self.tmpfile {
            let exclusive = if self.create_new { libc::O_EXCL } else { 0 };
            return Ok(libc::O_TMPFILE | exclusive);
        }
        Ok(match (self.create, self.truncate, self.create_new) {
            (_, _, true) => libc::O_CREAT | libc::O_EXCL,
            (true, true, false) => libc::O_CREAT | libc::O_TRUNC,
            (true, false, false) => libc::O_CREAT,
            (false, true, false) => libc::O_TRUNC,
            (false, false, false) => 0,
        })
    }
}

fn refuse(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}

/// Whether a named pipe was not opened because nobody reads it: what a device without a driver and
/// a socket say as well.
pub(crate) fn is_without_reader(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENXIO)
}

/// What a file that is opened past the cache asks of reads and writes, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Alignment {
    /// Of the memory's address.
    pub(crate) memory: usize,
    /// Of offsets and lengths.
    pub(crate) offset: usize,
}

/// Asks what an open file asks of direct reads and writes; a page where it does not say.
///
/// # Errors
///
/// `EINVAL` when it says that there are none.
pub(crate) fn direct_alignment(file: BorrowedFd<'_>) -> io::Result<Alignment> {
    let mut stat = super::StatBuf::new();
    let stat: *mut libc::statx = stat.as_mut_ptr();
    let (path, flags) = (c"".as_ptr(), libc::AT_EMPTY_PATH);
    // SAFETY: the path is a string ended by a NUL, and the kernel fills the record.
    let answer = unsafe { libc::statx(file.as_raw_fd(), path, flags, libc::STATX_DIOALIGN, stat) };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the record is this frame's, and was zeroed and then filled.
    let stat = unsafe { &*stat };
    if stat.stx_mask & libc::STATX_DIOALIGN == 0 {
        return Ok(Alignment { memory: 4096, offset: 4096 });
    }
    let (memory, offset) = (stat.stx_dio_mem_align as usize, stat.stx_dio_offset_align as usize);
    if memory == 0 || offset == 0 {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    Ok(Alignment { memory, offset })
}

/// What `fallocate(2)` does with a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allocation {
    /// Reserves its blocks and extends the file to its end.
    Extend,
    /// Gives its blocks back; it reads as zeros, the file keeps its length.
    PunchHole,
}

impl Allocation {
    pub(super) fn to_number(self) -> i32 {
        match self {
            Allocation::Extend => 0,
            Allocation::PunchHole => libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE,
        }
    }
}

/// How a program is going to use a range of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// Nothing special: what every file starts with.
    Normal,
    /// From lower to higher offsets: the kernel reads further ahead.
    Sequential,
    /// Here and there: the kernel does not read ahead.
    Random,
    /// Soon: the kernel reads it into its cache now.
    WillNeed,
    /// Not soon: the kernel drops what it has cached and has been written back.
    DontNeed,
    /// Once only.
    NoReuse,
}

impl Advice {
    pub(super) fn to_number(self) -> i32 {
        match self {
            Advice::Normal => libc::POSIX_FADV_NORMAL,
            Advice::Sequential => libc::POSIX_FADV_SEQUENTIAL,
            Advice::Random => libc::POSIX_FADV_RANDOM,
            Advice::WillNeed => libc::POSIX_FADV_WILLNEED,
            Advice::DontNeed => libc::POSIX_FADV_DONTNEED,
            Advice::NoReuse => libc::POSIX_FADV_NOREUSE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: OpenFlags = OpenFlags {
        read: true,
        write: false,
        append: false,
        truncate: false,
        create: false,
        create_new: false,
        direct: false,
        tmpfile: false,
        custom: 0,
    };
    const WRITE: OpenFlags = OpenFlags { read: false, write: true, ..READ };

    #[test]
    fn each_access_has_its_flags() {
        assert_eq!(READ.to_number().unwrap(), libc::O_RDONLY);
        assert_eq!(WRITE.to_number().unwrap(), libc::O_WRONLY);
        assert_eq!(OpenFlags { read: true, ..WRITE }.to_number().unwrap(), libc::O_RDWR);
        let append = OpenFlags { read: false, append: true, ..READ };
        assert_eq!(append.to_number().unwrap(), libc::O_WRONLY | libc::O_APPEND);
        let both = OpenFlags { append: true, ..READ };
        assert_eq!(both.to_number().unwrap(), libc::O_RDWR | libc::O_APPEND);
    }

    #[test]
    fn each_way_of_creation_has_its_flags() {
        let create = OpenFlags { create: true, ..WRITE };
        assert_eq!(create.to_number().unwrap(), libc::O_WRONLY | libc::O_CREAT);
        let anew = OpenFlags { truncate: true, ..create };
        assert_eq!(anew.to_number().unwrap(), libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC);
        let new = OpenFlags { create_new: true, ..anew };
        assert_eq!(new.to_number().unwrap(), libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL);
        let tmpfile = OpenFlags { tmpfile: true, ..create };
        assert_eq!(tmpfile.to_number().unwrap(), libc::O_WRONLY | libc::O_TMPFILE);
    }

    #[test]
    fn what_makes_no_sense_together_is_refused() {
        let nothing = OpenFlags::default();
        let unwritten = OpenFlags { create: true, ..READ };
        let unwritten_tmpfile = OpenFlags { tmpfile: true, ..READ };
        let lost = OpenFlags { append: true, truncate: true, ..WRITE };
        for flags in [nothing, unwritten, unwritten_tmpfile, lost] {
            let error = flags.to_number().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{flags:?}");
        }
    }

    #[test]
    fn custom_flags_add_to_the_access_and_never_change_it() {
        let custom = OpenFlags { custom: libc::O_RDWR | libc::O_NOFOLLOW, direct: true, ..READ };
        assert_eq!(custom.to_number().unwrap(), libc::O_NOFOLLOW | libc::O_DIRECT);
    }
}
