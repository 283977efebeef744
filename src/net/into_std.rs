//! How a handle leaves its loop, or why it cannot.

use std::error::Error;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;

use crate::driver::SharedFd;

/// Why a handle could not become std's, and the handle itself.
///
/// It happens when something would be lost: when an operation uses the socket, also one that was
/// given up and that the kernel has not ended yet, and when received bytes or datagrams or accepted
/// connections are kept for the next operation. What is kept can be had by it (`read`, `recv`,
/// `accept`); an operation
/// that was given up is over after a turn or two of the loop.
///
/// ```
/// # use annulus::net::TcpListener;
/// # annulus::run(async {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let clone = listener.try_clone()?;
/// let error = listener.into_std().unwrap_err();
/// assert!(error.to_string().contains("another handle"));
/// drop(clone);
/// let listener: std::net::TcpListener = error.into_inner().into_std()?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub struct IntoStdError<T> {
    handle: T,
    error: io::Error,
}

impl<T> IntoStdError<T> {
    /// The handle, as it was.
    pub fn into_inner(self) -> T {
        self.handle
    }

    /// The error and the handle.
    pub fn into_parts(self) -> (io::Error, T) {
        (self.error, self.handle)
    }

    /// The error alone, borrowed.
    pub fn error(&self) -> &io::Error {
        &self.error
    }
}

impl<T> From<IntoStdError<T>> for io::Error {
    fn from(error: IntoStdError<T>) -> Self {
        error.error
    }
}

impl<T> fmt::Debug for IntoStdError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntoStdError").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for IntoStdError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<T> Error for IntoStdError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

/// Takes a descriptor out of its loop, or makes its handle anew with the reason.
pub(super) fn take_out<T>(
    fd: SharedFd,
    handle: impl FnOnce(SharedFd) -> T,
) -> Result<OwnedFd, IntoStdError<T>> {
    fd.into_owned().map_err(|fd| {
        let error = io::Error::new(io::ErrorKind::ResourceBusy, why_not(&fd));
        IntoStdError { handle: handle(fd), error }
    })
}

fn why_not(fd: &SharedFd) -> String {
    if !fd.is_here() {
        return "the socket belongs to the loop of another thread, or to one that has ended".into();
    }
    match fd.kept_bytes() {
        0 if fd.has_kept() => {
            "a connection, a datagram or an error is kept for the next operation: ask for it first"
                .into()
        }
        0 => "an operation on the socket is in flight, or another handle shares it".into(),
        kept => format!("{kept} received bytes are kept for the next read: read them first"),
    }
}
