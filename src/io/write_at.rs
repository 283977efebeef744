//! The trait of what bytes are written to at any place.

use std::future::Future;

use super::vectored;
use crate::buf::{BufResult, IoBuf, IoVectoredBuf};

/// Something that takes bytes at offsets, such as a file.
///
/// Writes take `&self`: any number of them may be in flight at once, and nothing orders those that
/// overlap. [`AsyncWriteAtExt`](super::AsyncWriteAtExt) has the methods made of these.
///
/// ```
/// use std::cell::RefCell;
///
/// use annulus::io::AsyncWriteAt;
///
/// annulus::run(async {
///     let file = RefCell::new(b"0123".to_vec());
///     assert_eq!(file.write_at("abc", 3).await.unwrap().0, 3);
///     assert_eq!(file.into_inner(), b"012abc");
/// })
/// .unwrap();
/// ```
pub trait AsyncWriteAt {
    /// Writes some bytes from the front of `buf`, to `offset` bytes after the beginning, and says
    /// how many.
    ///
    /// # Errors
    ///
    /// The target's. Nothing was written then.
    ///
    /// # Cancellation
    ///
    /// After the future was dropped in the middle it is not known how much was written; the same
    /// write may be done again. The buffer is freed when it is no longer used.
    fn write_at<B: IoBuf>(&self, buf: B, offset: u64) -> impl Future<Output = BufResult<usize, B>>;

    /// Writes some bytes from several buffers, one after another.
    ///
    /// As it is given here it copies up to 64 KiB of them into one buffer and writes that: targets
    /// that can gather several buffers at once override it.
    ///
    /// # Errors
    ///
    /// As [`write_at`](Self::write_at).
    ///
    /// # Cancellation
    ///
    /// As [`write_at`](Self::write_at).
    fn writev_at<B: IoVectoredBuf>(
        &self,
        bufs: B,
        offset: u64,
    ) -> impl Future<Output = BufResult<usize, B>> {
        vectored::writev_at_by_copy(self, bufs, offset)
    }
}
