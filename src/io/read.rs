//! The trait of what bytes are read from.

use std::future::Future;

use super::vectored;
use crate::buf::{BufResult, IoBufMut, IoVectoredBufMut};

/// A stream of bytes to read from.
///
/// [`AsyncReadExt`](super::AsyncReadExt) has the methods made of these.
///
/// # Implementing
///
/// The methods may be written as `async fn`. Two promises are expected:
///
/// - A future that was never polled has done nothing.
/// - A future dropped in the middle has lost nothing: bytes that it took from the source, or that
///   arrive for it later, are given by the next read.
///
/// [`buf::fill_from`](crate::buf::fill_from) puts bytes into a buffer without `unsafe`.
///
/// ```
/// use annulus::BufResult;
/// use annulus::buf::{IoBufMut, fill_from};
/// use annulus::io::AsyncRead;
///
/// /// Counts upwards, one byte at a time.
/// struct Counter(u8);
///
/// impl AsyncRead for Counter {
///     async fn read<B: IoBufMut>(&mut self, mut buf: B) -> BufResult<usize, B> {
///         let n = fill_from(&mut buf, &[self.0]);
///         self.0 = self.0.wrapping_add(n as u8);
///         BufResult(Ok(n), buf)
///     }
/// }
///
/// annulus::run(async {
///     let mut counter = Counter(7);
///     counter.read(vec![0]).await.unwrap();
///     let (n, buf) = counter.read(vec![0]).await.unwrap();
///     assert_eq!((n, buf), (1, vec![8]));
/// })
/// .unwrap();
/// ```
pub trait AsyncRead {
    /// Reads some bytes into the front of `buf`, at most as many as it has room for, and says how
    /// many: zero at the end of the stream, and also when the buffer has no room.
    ///
    /// It waits until there is at least one byte. The whole capacity of a `Vec` is room, the bytes
    /// that it holds included: they are overwritten from the first one on, and only the first `n`
    /// are the read's. `buf.slice(k..)` keeps the first `k`.
    ///
    /// # Errors
    ///
    /// The source's. Nothing was read then.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses no byte of the stream. The buffer is freed.
    fn read<B: IoBufMut>(&mut self, buf: B) -> impl Future<Output = BufResult<usize, B>>;

    /// Reads some bytes into several buffers, filling each before the next.
    ///
    /// As it is given here it reads up to 64 KiB into a buffer of its own and copies them: sources
    /// that can fill several buffers at once override it.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    ///
    /// # Cancellation
    ///
    /// As [`read`](Self::read).
    fn readv<B: IoVectoredBufMut>(&mut self, bufs: B) -> impl Future<Output = BufResult<usize, B>> {
        vectored::readv_by_copy(self, bufs)
    }
}
