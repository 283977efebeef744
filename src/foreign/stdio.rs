//! The standard streams of the process.

use std::future::{Future, ready};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::buf::{BufResult, IoBuf, IoBufMut};
use crate::driver::{SharedFd, Spliceable, Submit};
use crate::io::{AsyncRead, AsyncWrite};
use crate::op::{self, ReadNext, WriteNext};

/// What the process reads from: a terminal, a pipe or a file.
///
/// Made by [`stdin`]. It holds a duplicate of the descriptor and no buffer: put a
/// [`BufReader`](crate::io::BufReader) around it to read lines. Whatever std's `Stdin` has read into
/// its own buffer does not come here.
#[derive(Debug)]
pub struct Stdin {
    fd: SharedFd,
}

/// What the process writes to. Made by [`stdout`]. Nothing is held back, as std's `Stdout` does.
#[derive(Debug)]
pub struct Stdout {
    fd: SharedFd,
}

/// What the process writes its complaints to. Made by [`stderr`].
#[derive(Debug)]
pub struct Stderr {
    fd: SharedFd,
}

/// The standard input, for this loop.
///
/// # Errors
///
/// `EMFILE` when there is no descriptor for the duplicate, `EBADF` when the stream was closed;
/// outside a loop.
///
/// ```no_run
/// use annulus::io::{AsyncBufReadExt, BufReader, stdin};
///
/// annulus::run(async {
///     let mut lines = BufReader::new(stdin()?).lines();
///     while let Some(line) = lines.next_line().await? {
///         println!("{line}");
///     }
///     std::io::Result::Ok(())
/// })??;
/// # std::io::Result::Ok(())
/// ```
pub fn stdin() -> io::Result<Stdin> {
    Ok(Stdin { fd: duplicate(io::stdin().as_fd())? })
}

/// The standard output, for this loop.
///
/// # Errors
///
/// As for [`stdin`].
///
/// ```
/// use annulus::io::{AsyncWriteExt, stdout};
///
/// annulus::run(async {
///     stdout()?.write_all("hello\n").await.into_result()?;
///     std::io::Result::Ok(())
/// })??;
/// # std::io::Result::Ok(())
/// ```
pub fn stdout() -> io::Result<Stdout> {
    Ok(Stdout { fd: duplicate(io::stdout().as_fd())? })
}

/// The standard error stream, for this loop.
///
/// # Errors
///
/// As for [`stdin`].
pub fn stderr() -> io::Result<Stderr> {
    Ok(Stderr { fd: duplicate(io::stderr().as_fd())? })
}

fn duplicate(stream: BorrowedFd<'_>) -> io::Result<SharedFd> {
    SharedFd::adopt_std(stream.try_clone_to_owned()?)
}

impl Stdin {
    /// Reads what is there into the front of `buf`, waiting for the first byte: zero bytes mean the
    /// end, or a buffer without room. Since kernel 5.6.
    ///
    /// # Errors
    ///
    /// `EIO` of a terminal whose other side is gone, or of a process in the background.
    ///
    /// # Cancellation
    ///
    /// What a read that was given up has taken goes to the next one.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn read<B: IoBufMut>(&self, buf: B) -> Submit<ReadNext<B>> {
        op::read_next(&self.fd, buf)
    }
}

impl AsyncRead for Stdin {
    fn read<B: IoBufMut>(&mut self, buf: B) -> impl Future<Output = BufResult<usize, B>> {
        Stdin::read(self, buf)
    }
}

impl AsFd for Stdin {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

macro_rules! writer {
    ($($type:ident),*) => {$(
        impl $type {
            /// Writes the bytes of `buf`, or the first part of them, and says how many. Since kernel
            /// 5.6.
            ///
            /// # Errors
            ///
            /// `EPIPE` when nobody reads any more.
            ///
            /// # Cancellation
            ///
            /// How much was written of a write that was given up is not known, unless by
            /// [`cancel`](Submit::cancel).
            #[cfg_attr(debug_assertions, track_caller)]
            pub fn write<B: IoBuf>(&self, buf: B) -> Submit<WriteNext<B>> {
                op::write_next(&self.fd, buf)
            }
        }

        /// Nothing is held back, so a flush has nothing to do; nor has a shutdown, as others in the
        /// process write to the stream too.
        impl AsyncWrite for $type {
            fn write<B: IoBuf>(&mut self, buf: B) -> impl Future<Output = BufResult<usize, B>> {
                $type::write(self, buf)
            }

            fn flush(&mut self) -> impl Future<Output = io::Result<()>> {
                ready(Ok(()))
            }

            fn shutdown(&mut self) -> impl Future<Output = io::Result<()>> {
                ready(Ok(()))
            }
        }

        impl AsFd for $type {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.fd.as_fd()
            }
        }
    )*};
}

writer!(Stdout, Stderr);

macro_rules! spliceable {
    ($($type:ident),*) => {$(
        impl Spliceable for $type {
            fn shared_fd(&self) -> &SharedFd {
                &self.fd
            }
        }
    )*};
}

spliceable!(Stdin, Stdout, Stderr);
