//! Waiting until a descriptor of any kind is ready.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::driver::{SharedFd, Spliceable, Submit};
use crate::op::{self, Readable, Writable};

/// Something with a descriptor that can be polled, such as a socket of a library, an inotify, a
/// timerfd or a device: waits until it is ready, for calls that its owner makes.
///
/// Readiness is asked for anew each time, so nothing has to be cleared: what is ready now is ready
/// at once. The descriptor should be non-blocking, for it may not be ready any more when the call is
/// made, and a call that waits holds up the loop.
///
/// The loop holds a duplicate of the descriptor, so that the number in use while it waits stays
/// open whatever becomes of `T`. Sockets and files of this crate need none of this.
///
/// ```
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// use annulus::io::AsyncFd;
///
/// annulus::run(async {
///     let (near, mut far) = UnixStream::pair()?;
///     near.set_nonblocking(true)?;
///     let near = AsyncFd::new(near)?;
///     annulus::spawn_blocking(move || far.write_all(b"hello")).await.unwrap()?;
///     let mut buf = [0; 16];
///     let n = near.read_with(|mut near| near.read(&mut buf)).await?;
///     assert_eq!(&buf[..n], b"hello");
///     std::io::Result::Ok(())
/// })??;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct AsyncFd<T> {
    inner: T,
    fd: SharedFd,
}

impl<T: AsFd> AsyncFd<T> {
    /// Takes something in, to be waited for in this loop.
    ///
    /// # Errors
    ///
    /// `EMFILE` when there is no room for the duplicate; outside a loop.
    pub fn new(inner: T) -> io::Result<AsyncFd<T>> {
        let fd = SharedFd::adopt_std(inner.as_fd().try_clone_to_owned()?)?;
        Ok(AsyncFd { inner, fd })
    }

    /// Waits until there is something to read: bytes, a connection, an end or an error.
    ///
    /// # Errors
    ///
    /// `EBADF`, `EPERM` or `EINVAL` of what cannot be polled. Regular files are always ready.
    ///
    /// # Cancellation
    ///
    /// Nothing is taken, so nothing can be lost. Since kernel 5.1.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn readable(&self) -> Submit<Readable> {
        op::readable(&self.fd)
    }

    /// Waits until there is room to write, or an error.
    ///
    /// # Errors
    ///
    /// As for [`readable`](Self::readable).
    ///
    /// # Cancellation
    ///
    /// As for [`readable`](Self::readable). Since kernel 5.1.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn writable(&self) -> Submit<Writable> {
        op::writable(&self.fd)
    }

    /// Makes a call that reads; as long as it says [`WouldBlock`](io::ErrorKind::WouldBlock), waits
    /// until there is something to read and makes it again.
    ///
    /// # Errors
    ///
    /// Those of the call, and of [`readable`](Self::readable).
    ///
    /// # Cancellation
    ///
    /// Dropped while it waits, it has made no call that did anything.
    pub async fn read_with<R>(&self, mut call: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        loop {
            match call(&self.inner) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.readable().await?,
                done => return done,
            }
        }
    }

    /// As [`read_with`](Self::read_with), of a call that writes.
    ///
    /// # Errors
    ///
    /// Those of the call, and of [`writable`](Self::writable).
    ///
    /// # Cancellation
    ///
    /// As for [`read_with`](Self::read_with).
    pub async fn write_with<R>(&self, mut call: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        loop {
            match call(&self.inner) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable().await?,
                done => return done,
            }
        }
    }

    /// What was taken in.
    pub fn get_ref(&self) -> &T {
        &self.inner
    }

    /// What was taken in.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.inner
    }

    /// Gives back what was taken in. Waits that are in flight end with an error.
    pub fn into_inner(self) -> T {
        self.inner
    }
}

impl<T: AsFd> AsFd for AsyncFd<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl<T> Spliceable for AsyncFd<T> {
    fn shared_fd(&self) -> &SharedFd {
        &self.fd
    }
}
