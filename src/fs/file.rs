//! An open file, read and written at a place.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use super::off_loop::off_loop;
use super::{Advice, OpenOptions};
use crate::buf::{BufResult, IoBuf, IoBufMut, IoVectoredBuf, IoVectoredBufMut};
use crate::driver::{FromSharedFd, SharedFd, Submit};
use crate::op::{self, Fsync, Open, ReadAt, ReadVectoredAt, Statx, WriteAt, WriteVectoredAt};
use crate::sys::tree;

/// An open file.
///
/// Reads and writes say where in the file they go, so any number of them can be in flight at one
/// time; there is no position that they would share. Each takes its buffer and gives it back with
/// the result. The kernel promises no order among them: await a write before what builds on it.
///
/// # Cancellation
///
/// A read that is dropped loses nothing, as the next one reads the same place again. A write that
/// is dropped in flight may have been done, in part or not; [`Submit::cancel`] tells. The kernel
/// goes on with what its device has begun, and the buffer is freed when it is done with it.
///
/// Of a named pipe a read takes bytes that do not come again: what a dropped one has taken is lost.
///
/// # Closing
///
/// The file is closed when the last handle on it and the last operation in flight are gone.
/// [`close`](Self::close) says what the system said; dropping does not wait for it.
///
/// # Threads
///
/// A file belongs to the loop in which it was opened and is used there. The handle may be sent to
/// another thread and dropped there; [`into_std`](Self::into_std) takes the file along.
///
/// ```
/// use annulus::fs::File;
///
/// # let path = std::env::temp_dir().join(format!("annulus-doc-file-{}", std::process::id()));
/// annulus::run(async {
///     let file = File::options().read(true).write(true).create(true).open(&path).await?;
///     file.write_all_at("hello, ring", 0).await.into_result()?;
///
///     let (n, buf) = file.read_at(Vec::with_capacity(16), 7).await.into_result()?;
///     assert_eq!((n, &*buf), (4, &b"ring"[..]));
///     file.close().await
/// })??;
/// # std::fs::remove_file(&path)?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct File {
    pub(super) fd: SharedFd,
}

impl File {
    /// Opens a file to read it.
    ///
    /// # Errors
    ///
    /// As for [`OpenOptions::open`].
    ///
    /// # Cancellation
    ///
    /// As for [`OpenOptions::open`]. Since kernel 5.6.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn open(path: impl AsRef<Path>) -> Submit<Open<File>> {
        OpenOptions::new().read(true).open(path)
    }

    /// Opens a file to write to it: emptied if there is one, made if not.
    ///
    /// # Errors
    ///
    /// As for [`OpenOptions::open`].
    ///
    /// # Cancellation
    ///
    /// As for [`OpenOptions::open`]. Since kernel 5.6.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn create(path: impl AsRef<Path>) -> Submit<Open<File>> {
        OpenOptions::new().write(true).create(true).truncate(true).open(path)
    }

    /// Makes a file to read it and write to it.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if there is one; else as for [`OpenOptions::open`].
    ///
    /// # Cancellation
    ///
    /// As for [`OpenOptions::open`]. Since kernel 5.6.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn create_new(path: impl AsRef<Path>) -> Submit<Open<File>> {
        OpenOptions::new().read(true).write(true).create_new(true).open(path)
    }

    /// Says how to open a file; the same as [`OpenOptions::new`].
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Takes an open file into this loop.
    ///
    /// # Errors
    ///
    /// Outside a loop; the file is closed.
    pub fn from_std(file: std::fs::File) -> io::Result<File> {
        SharedFd::adopt_std(OwnedFd::from(file)).map(File::from_shared_fd)
    }

    /// Takes the file out of the loop.
    ///
    /// While another handle or an operation in flight uses it too, what comes back is a duplicate
    /// of the descriptor, for the same open file.
    ///
    /// # Errors
    ///
    /// `EMFILE` when a duplicate is needed and there is no room for it.
    pub fn into_std(self) -> io::Result<std::fs::File> {
        match self.fd.into_owned() {
            Ok(owned) => Ok(owned.into()),
            Err(shared) => Ok(shared.as_fd().try_clone_to_owned()?.into()),
        }
    }

    /// One more handle on the same open file, its descriptor included.
    ///
    /// # Errors
    ///
    /// On another thread than the loop's.
    pub fn try_clone(&self) -> io::Result<File> {
        match self.fd.try_clone() {
            Some(fd) => Ok(File { fd }),
            None => Err(io::Error::other("a file is cloned on the thread of its own loop only")),
        }
    }

    /// Closes the file and says what the system said: on a network file system, whether the data
    /// got there.
    ///
    /// With other handles or operations in flight nothing is closed yet, and it succeeds.
    ///
    /// # Errors
    ///
    /// `EIO`, `ENOSPC` or `EDQUOT` from writing back; the file is closed all the same.
    ///
    /// # Cancellation
    ///
    /// The file is closed in any case.
    pub async fn close(self) -> io::Result<()> {
        op::close(self.fd).await
    }

    /// Reads from the file at `offset` into the buffer, from its first byte on: at most its
    /// capacity, or `0x7fff_f000` bytes. Zero bytes mean the end of the file, or a buffer without
    /// room. Since kernel 5.6.
    ///
    /// Of a named pipe, a terminal or a device without places it reads what comes next, whatever
    /// the offset, and waits for it.
    ///
    /// # Errors
    ///
    /// `EIO`; `EISDIR` of a directory; `EBADF` of a file that was not opened to be read; `EINVAL`
    /// for an offset past `i64::MAX`.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn read_at<B: IoBufMut>(&self, buf: B, offset: u64) -> Submit<ReadAt<B>> {
        op::read_at(&self.fd, buf, offset)
    }

    /// Writes the buffer to the file at `offset`, or the first part of it, and gives the number of
    /// bytes that were written. A write past the end leaves a hole that reads as zeros. Since kernel
    /// 5.6.
    ///
    /// # Errors
    ///
    /// `ENOSPC`, `EDQUOT`, `EFBIG`, `EIO`; `EBADF` of a file that was not opened to be written to;
    /// `EINVAL` for an offset past `i64::MAX`.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn write_at<B: IoBuf>(&self, buf: B, offset: u64) -> Submit<WriteAt<B>> {
        op::write_at(&self.fd, buf, offset)
    }

    /// As [`read_at`](Self::read_at), into several buffers, one after another.
    ///
    /// # Errors
    ///
    /// As for [`read_at`](Self::read_at). Of more than 1024 buffers the first are used.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn readv_at<B: IoVectoredBufMut>(&self, bufs: B, offset: u64) -> Submit<ReadVectoredAt<B>> {
        op::read_vectored_at(&self.fd, bufs, offset)
    }

    /// As [`write_at`](Self::write_at), of several buffers, one after another.
    ///
    /// # Errors
    ///
    /// As for [`write_at`](Self::write_at). Of more than 1024 buffers the first are used.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn writev_at<B: IoVectoredBuf>(&self, bufs: B, offset: u64) -> Submit<WriteVectoredAt<B>> {
        op::write_vectored_at(&self.fd, bufs, offset)
    }

    /// Reads until the whole capacity of the buffer is filled, from its first byte on, in as many
    /// operations as it takes.
    ///
    /// To read less than a buffer's capacity, narrow it: `buf.slice(..n)`.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` when the file ends before; what was read is in the buffer then, as it is
    /// after any other error. Those are the errors of [`read_at`](Self::read_at).
    ///
    /// # Cancellation
    ///
    /// Dropped in between, it has changed nothing but the buffer, which is gone.
    pub async fn read_exact_at<B: IoBufMut>(&self, mut buf: B, offset: u64) -> BufResult<(), B> {
        let room = buf.as_uninit().len();
        let mut filled = 0;
        while filled < room {
            let part = buf.slice(filled..);
            let BufResult(read, part) = self.read_at(part, part_offset(offset, filled)).await;
            buf = part.into_inner();
            match read {
                Ok(0) => return BufResult(Err(io::ErrorKind::UnexpectedEof.into()), buf),
                Ok(count) => filled += count,
                Err(error) => return BufResult(Err(error), buf),
            }
        }
        BufResult(Ok(()), buf)
    }

    /// Writes the whole buffer, in as many operations as it takes.
    ///
    /// # Errors
    ///
    /// `WriteZero` when the system takes nothing any more; else those of
    /// [`write_at`](Self::write_at). The first part may have been written.
    ///
    /// # Cancellation
    ///
    /// Dropped in between, the first part of the buffer has been written.
    pub async fn write_all_at<B: IoBuf>(&self, mut buf: B, offset: u64) -> BufResult<(), B> {
        let mut written = 0;
        while written < buf.init_len() {
            let part = buf.slice(written..);
            let BufResult(wrote, part) = self.write_at(part, part_offset(offset, written)).await;
            buf = part.into_inner();
            match wrote {
                Ok(0) => return BufResult(Err(io::ErrorKind::WriteZero.into()), buf),
                Ok(count) => written += count,
                Err(error) => return BufResult(Err(error), buf),
            }
        }
        BufResult(Ok(()), buf)
    }

    /// Waits until the content and the metadata of the file are on its device. Since kernel 5.1.
    ///
    /// It does not wait for writes that are in flight: await those first.
    ///
    /// # Errors
    ///
    /// `EIO`, `ENOSPC` or `EDQUOT`: something written before could not be kept. The system may
    /// report that once only, and forget it.
    ///
    /// # Cancellation
    ///
    /// Dropped in flight, it may go on, and what became of it is told to nobody: ask again.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn sync_all(&self) -> Submit<Fsync> {
        op::fsync(&self.fd, false)
    }

    /// As [`sync_all`](Self::sync_all), of the content, and of the metadata only what is needed to
    /// read it.
    ///
    /// # Errors
    ///
    /// As for [`sync_all`](Self::sync_all).
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn sync_data(&self) -> Submit<Fsync> {
        op::fsync(&self.fd, true)
    }

    /// Sets who may do what with the file.
    ///
    /// It is done on the blocking pool.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` to who does not own it.
    ///
    /// # Cancellation
    ///
    /// Dropped when it has begun, the permissions are set all the same.
    pub async fn set_permissions(&self, permissions: std::fs::Permissions) -> io::Result<()> {
        if let Some(done) = tree::set_simulated_permissions(self.fd.as_fd(), &permissions) {
            return done;
        }
        self.off_loop(move |file| file.set_permissions(permissions)).await
    }

    /// Makes a call on the blocking pool, with a duplicate of the descriptor: the call may outlive
    /// this handle.
    pub(super) async fn off_loop(
        &self,
        call: impl FnOnce(std::fs::File) -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        let file = std::fs::File::from(self.fd.as_fd().try_clone_to_owned()?);
        off_loop(move || call(file)).await
    }

    /// Tells the kernel how `len` bytes from `offset` on are going to be used; a `len` of zero means
    /// all up to the end of the file.
    ///
    /// # Errors
    ///
    /// `ESPIPE` of a pipe.
    ///
    /// # Cancellation
    ///
    /// What was told, the kernel knows; the rest it does not.
    pub async fn advise(&self, offset: u64, len: u64, advice: Advice) -> io::Result<()> {
        // An entry has 32 bits for the length: what is longer goes in parts that end on pages.
        const PART_MAX: u64 = 1 << 31;
        let (mut offset, mut left) = (offset, len);
        while left > PART_MAX {
            op::fadvise(&self.fd, offset, PART_MAX as u32, advice).await?;
            (offset, left) = (offset.saturating_add(PART_MAX), left - PART_MAX);
        }
        op::fadvise(&self.fd, offset, left as u32, advice).await
    }

    /// What is known of the file. Since kernel 5.6.
    ///
    /// # Errors
    ///
    /// Of a network file system, what its server says.
    ///
    /// # Cancellation
    ///
    /// Nothing is changed, so nothing can be lost.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn metadata(&self) -> Submit<Statx> {
        op::statx_of(&self.fd)
    }
}

/// Where the part of a buffer goes that follows `done` bytes.
///
/// An offset past all files stays one: the kernel refuses it.
pub(super) fn part_offset(offset: u64, done: usize) -> u64 {
    offset.saturating_add(done as u64)
}
