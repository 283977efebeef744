//! The trait of what bytes are written to.

use std::future::Future;
use std::io;

use super::vectored;
use crate::buf::{BufResult, IoBuf, IoVectoredBuf};

/// A stream of bytes to write to.
///
/// [`AsyncWriteExt`](super::AsyncWriteExt) has the methods made of these. The methods may be
/// implemented as `async fn`; a future that was never polled must have done nothing.
///
/// ```
/// use annulus::BufResult;
/// use annulus::buf::IoBuf;
/// use annulus::io::{AsyncWrite, AsyncWriteExt};
///
/// /// Counts what it takes, three bytes at a time.
/// struct Counter(usize);
///
/// impl AsyncWrite for Counter {
///     async fn write<B: IoBuf>(&mut self, buf: B) -> BufResult<usize, B> {
///         let n = buf.init_len().min(3);
///         self.0 += n;
///         BufResult(Ok(n), buf)
///     }
///
///     async fn flush(&mut self) -> std::io::Result<()> {
///         Ok(())
///     }
///
///     async fn shutdown(&mut self) -> std::io::Result<()> {
///         Ok(())
///     }
/// }
///
/// annulus::run(async {
///     let mut counter = Counter(0);
///     assert_eq!(counter.write("0123456789").await.unwrap().0, 3);
///     counter.write_all("0123456789").await.unwrap();
///     assert_eq!(counter.0, 13);
/// })
/// .unwrap();
/// ```
pub trait AsyncWrite {
    /// Writes some bytes from the front of `buf` and says how many.
    ///
    /// That may be fewer than there are. It is zero when `buf` is empty, and otherwise only when
    /// the stream takes no more bytes.
    ///
    /// # Errors
    ///
    /// The stream's. Nothing was written then.
    ///
    /// # Cancellation
    ///
    /// After the future was dropped in the middle it is not known how much of the buffer was
    /// written, unless the stream says so itself. The buffer is freed when it is no longer used.
    fn write<B: IoBuf>(&mut self, buf: B) -> impl Future<Output = BufResult<usize, B>>;

    /// Writes some bytes from several buffers, one after another.
    ///
    /// As it is given here it copies up to 64 KiB of them into one buffer and writes that: streams
    /// that can gather several buffers at once override it.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    ///
    /// # Cancellation
    ///
    /// As [`write`](Self::write).
    fn writev<B: IoVectoredBuf>(&mut self, bufs: B) -> impl Future<Output = BufResult<usize, B>> {
        vectored::writev_by_copy(self, bufs)
    }

    /// Passes on what the stream holds back. A stream that holds nothing back does nothing.
    ///
    /// # Errors
    ///
    /// The stream's. What could not be passed on is still held.
    ///
    /// # Cancellation
    ///
    /// As a [`write`](Self::write) of what was held back.
    fn flush(&mut self) -> impl Future<Output = io::Result<()>>;

    /// Ends the stream: flushes it, then tells the other side that no more bytes come.
    ///
    /// A stream that goes both ways can be read on. Writing to it is an error from now on.
    ///
    /// # Errors
    ///
    /// The stream's.
    ///
    /// # Cancellation
    ///
    /// The stream may have ended or not; call it again.
    fn shutdown(&mut self) -> impl Future<Output = io::Result<()>>;
}
