//! Files that are read and written past the kernel's cache.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use super::{File, OpenOptions};
use crate::buf::{AlignedBuf, BufResult};
use crate::driver::Submit;
use crate::op::{ReadAt, WriteAt};
use crate::sys::{self, Alignment};

/// A file that is read and written past the kernel's cache (`O_DIRECT`): for programs that have a
/// cache of their own, such as data bases.
///
/// The device takes whole blocks only. Offsets and lengths are multiples of
/// [`offset_align`](Self::offset_align) and the memory begins at a multiple of
/// [`memory_align`](Self::memory_align); [`buf`](Self::buf) makes buffers that fit. What does not
/// fit is refused with both numbers, before the kernel is asked.
///
/// ```
/// use annulus::fs::DirectFile;
///
/// # let path = std::env::temp_dir().join(format!("annulus-doc-direct-{}", std::process::id()));
/// annulus::run(async {
///     let file = match DirectFile::create(&path).await {
///         // Some file systems are nothing but a cache.
///         Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => return Ok(()),
///         file => file?,
///     };
///     let mut page = file.buf(4096);
///     page.resize(4096);
///     page[..5].copy_from_slice(b"hello");
///     let (_, page) = file.write_at(page, 0).await.into_result()?;
///     let (n, page) = file.read_at(page, 0).await.into_result()?;
///     assert_eq!((n, &page[..5]), (4096, &b"hello"[..]));
///     std::io::Result::Ok(())
/// })??;
/// # std::fs::remove_file(&path)?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct DirectFile {
    file: File,
    alignment: Alignment,
}

impl DirectFile {
    /// Opens a file to read it and write to it.
    ///
    /// # Errors
    ///
    /// `EINVAL` of a file system that cannot; else as for [`OpenOptions::open`].
    ///
    /// # Cancellation
    ///
    /// As for [`OpenOptions::open`].
    pub async fn open(path: impl AsRef<Path>) -> io::Result<DirectFile> {
        DirectFile::open_with(OpenOptions::new().read(true).write(true), path).await
    }

    /// Opens a file to read it.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    ///
    /// # Cancellation
    ///
    /// As for [`open`](Self::open).
    pub async fn open_read_only(path: impl AsRef<Path>) -> io::Result<DirectFile> {
        DirectFile::open_with(OpenOptions::new().read(true), path).await
    }

    /// Opens a file to read it and write to it: emptied if there is one, made if not.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    ///
    /// # Cancellation
    ///
    /// As for [`open`](Self::open).
    pub async fn create(path: impl AsRef<Path>) -> io::Result<DirectFile> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        DirectFile::open_with(&mut options, path).await
    }

    /// Opens a file as the options say, past the cache.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    ///
    /// # Cancellation
    ///
    /// As for [`open`](Self::open).
    pub async fn open_with(
        options: &mut OpenOptions,
        path: impl AsRef<Path>,
    ) -> io::Result<DirectFile> {
        let file = options.direct(true).open(path).await?;
        let alignment = sys::direct_alignment(file.as_fd())?;
        Ok(DirectFile { file, alignment })
    }

    /// What offsets and lengths are multiples of, in bytes; as the file system says since kernel
    /// 6.1, and 4096 before.
    pub fn offset_align(&self) -> usize {
        self.alignment.offset
    }

    /// What the memory's address is a multiple of, in bytes; as the file system says since kernel
    /// 6.1, and 4096 before.
    pub fn memory_align(&self) -> usize {
        self.alignment.memory
    }

    /// An empty buffer for this file, with room for `len` bytes rounded up to whole blocks.
    pub fn buf(&self, len: usize) -> AlignedBuf {
        let block = self.alignment.offset.max(1);
        AlignedBuf::new(len.max(1).next_multiple_of(block), self.alignment.memory)
    }

    /// Reads from the file at `offset` into the buffer, from its first byte on: at most its
    /// capacity. Fewer bytes mean the end of the file.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when offset, capacity or memory are not aligned; else as for
    /// [`File::read_at`].
    ///
    /// # Cancellation
    ///
    /// As for [`File`]: a read that its device has begun goes on, into the buffer, which is freed
    /// when it is done.
    pub async fn read_at(&self, buf: AlignedBuf, offset: u64) -> BufResult<usize, AlignedBuf> {
        match self.check(&buf, buf.capacity(), offset) {
            Err(error) => BufResult(Err(error), buf),
            Ok(()) => self.submit_read(buf, offset).await,
        }
    }

    /// Writes the buffer to the file at `offset`, or the first part of it, and gives the number of
    /// bytes that were written.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when offset, length or memory are not aligned; else as for
    /// [`File::write_at`].
    ///
    /// # Cancellation
    ///
    /// As for [`File`].
    pub async fn write_at(&self, buf: AlignedBuf, offset: u64) -> BufResult<usize, AlignedBuf> {
        match self.check(&buf, buf.len(), offset) {
            Err(error) => BufResult(Err(error), buf),
            Ok(()) => self.submit_write(buf, offset).await,
        }
    }

    fn submit_read(&self, buf: AlignedBuf, offset: u64) -> Submit<ReadAt<AlignedBuf>> {
        self.file.read_at(buf, offset)
    }

    fn submit_write(&self, buf: AlignedBuf, offset: u64) -> Submit<WriteAt<AlignedBuf>> {
        self.file.write_at(buf, offset)
    }

    fn check(&self, buf: &AlignedBuf, len: usize, offset: u64) -> io::Result<()> {
        let Alignment { memory, offset: block } = self.alignment;
        let is_whole = offset % block as u64 == 0 && len % block == 0;
        if is_whole && buf.align() % memory == 0 {
            return Ok(());
        }
        let message = format!(
            "this file is read and written in multiples of {block} bytes, from and to memory at \
             multiples of {memory}: {len} bytes at offset {offset}, in memory aligned to {}, are not",
            buf.align()
        );
        Err(io::Error::new(io::ErrorKind::InvalidInput, message))
    }

    /// The file, for what has nothing to do with its cache: metadata, length, locks, sync.
    ///
    /// Sync is needed after writes as with any file: the device has a cache, too.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The file, as an ordinary one that is still open past the cache.
    pub fn into_file(self) -> File {
        self.file
    }
}
