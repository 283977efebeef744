//! What an operation with a buffer comes back with.

use std::fmt;
use std::io;

/// The result of an operation and the buffer it was lent, on success and on failure.
///
/// ```
/// use annulus::BufResult;
///
/// let BufResult(result, buf) = BufResult(Ok(5), vec![0; 16]);
/// assert_eq!(result.unwrap(), 5);
/// assert_eq!(buf.len(), 16);
/// ```
///
/// [`into_result`](Self::into_result) makes it work with `?`.
#[must_use = "the result may be an error, and the buffer is worth reusing"]
#[derive(Debug)]
pub struct BufResult<T, B>(pub io::Result<T>, pub B);

impl<T, B> BufResult<T, B> {
    /// Pairs the value with the buffer, or the error with it.
    ///
    /// # Errors
    ///
    /// The operation's error, with the buffer inside.
    ///
    /// ```
    /// use annulus::BufResult;
    ///
    /// fn first(read: BufResult<usize, Vec<u8>>) -> std::io::Result<u8> {
    ///     let (n, buf) = read.into_result()?;
    ///     assert!(n > 0);
    ///     Ok(buf[0])
    /// }
    /// assert_eq!(first(BufResult(Ok(1), vec![7])).unwrap(), 7);
    /// ```
    pub fn into_result(self) -> Result<(T, B), BufError<B>> {
        match self.0 {
            Ok(value) => Ok((value, self.1)),
            Err(error) => Err(BufError { error, buf: self.1 }),
        }
    }

    /// Changes the value, keeps the buffer.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> BufResult<U, B> {
        BufResult(self.0.map(f), self.1)
    }

    /// Changes the buffer, keeps the result.
    pub fn map_buf<C>(self, f: impl FnOnce(B) -> C) -> BufResult<T, C> {
        BufResult(self.0, f(self.1))
    }

    /// Whether the operation succeeded.
    pub fn is_ok(&self) -> bool {
        self.0.is_ok()
    }

    /// Whether the operation failed.
    pub fn is_err(&self) -> bool {
        self.0.is_err()
    }

    /// The value and the buffer.
    ///
    /// # Panics
    ///
    /// When the operation failed.
    #[track_caller]
    pub fn unwrap(self) -> (T, B) {
        match self.0 {
            Ok(value) => (value, self.1),
            Err(error) => panic!("called `BufResult::unwrap()` on an error: {error}"),
        }
    }
}

/// An operation's error that still holds the buffer.
pub struct BufError<B> {
    error: io::Error,
    buf: B,
}

impl<B> BufError<B> {
    /// The error alone, borrowed.
    pub fn error(&self) -> &io::Error {
        &self.error
    }

    /// The error and the buffer.
    pub fn into_parts(self) -> (io::Error, B) {
        (self.error, self.buf)
    }

    /// The buffer; the error is dropped.
    pub fn into_buf(self) -> B {
        self.buf
    }
}

impl<B> From<BufError<B>> for io::Error {
    fn from(error: BufError<B>) -> Self {
        error.error
    }
}

impl<B> fmt::Debug for BufError<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufError").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<B> fmt::Display for BufError<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<B> std::error::Error for BufError<B> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
