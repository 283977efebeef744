//! The trait of what bytes are read from at any place.

use std::future::Future;

use super::vectored;
use crate::buf::{BufResult, IoBufMut, IoVectoredBufMut};

/// Something with bytes at offsets, such as a file.
///
/// Reads take `&self`: any number of them may be in flight at once.
/// [`AsyncReadAtExt`](super::AsyncReadAtExt) has the methods made of these.
///
/// ```
/// use annulus::io::AsyncReadAt;
///
/// annulus::run(async {
///     let file = b"0123456789".to_vec();
///     let (n, buf) = file.read_at(vec![0; 8], 7).await.unwrap();
///     assert_eq!(&buf[..n], b"789");
/// })
/// .unwrap();
/// ```
pub trait AsyncReadAt {
    /// Reads some bytes, from `offset` bytes after the beginning, into the front of `buf`, and says
    /// how many: zero at or past the end, and also when the buffer has no room.
    ///
    /// # Errors
    ///
    /// The source's.
    ///
    /// # Cancellation
    ///
    /// Dropping the future has no effect on the source. The buffer is freed when it is no longer
    /// used.
    fn read_at<B: IoBufMut>(
        &self,
        buf: B,
        offset: u64,
    ) -> impl Future<Output = BufResult<usize, B>>;

    /// Reads some bytes into several buffers, filling each before the next.
    ///
    /// As it is given here it reads up to 64 KiB into a buffer of its own and copies them: sources
    /// that can fill several buffers at once override it.
    ///
    /// # Errors
    ///
    /// As [`read_at`](Self::read_at).
    ///
    /// # Cancellation
    ///
    /// As [`read_at`](Self::read_at).
    fn readv_at<B: IoVectoredBufMut>(
        &self,
        bufs: B,
        offset: u64,
    ) -> impl Future<Output = BufResult<usize, B>> {
        vectored::readv_at_by_copy(self, bufs, offset)
    }
}
