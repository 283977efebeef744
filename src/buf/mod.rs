//! Owns bytes that can be lent to the kernel and taken back.
//!
//! A completion-based read or write takes its buffer *by value* and gives it back with the
//! result, because the kernel uses the memory after the call has returned. The pieces:
//!
//! - [`IoBuf`], [`IoBufMut`]: what can be lent, for the kernel to read or to fill;
//! - [`IoVectoredBuf`], [`IoVectoredBufMut`]: several of them in one operation;
//! - [`Slice`]: a part of a buffer, lent in its place;
//! - [`fill_from`], [`fill_all_from`]: a fill from memory, for readers written by hand;
//! - [`BufResult`]: what comes back, the result and the buffer.
//!
//! The story: an op is moved to its final address before it is asked for pointers, and nobody
//! touches it until its final completion. So a plain borrow of the buffer (`&[u8]`,
//! `&mut UninitSlice`) that lives as long as the op stays untouched is all that is needed, and
//! these traits are safe to implement.

mod aligned;
mod fill;
mod fixed;
mod impls;
mod lend;
mod pooled;
mod result;
mod slice;
mod vectored;

use bytes::buf::UninitSlice;

pub use self::aligned::AlignedBuf;
pub(crate) use self::fill::fill_with;
pub use self::fill::{fill_all_from, fill_from};
pub use self::fixed::{FixedBuf, FixedBufs};
pub(crate) use self::lend::{
    Lent, LentMut, LentPiece, LentSlices, lend, lend_all, lend_all_from, lend_all_mut, lend_mut,
    lend_part, reclaim, reclaim_all,
};
pub(crate) use self::pooled::GiveBack;
pub use self::pooled::PooledBuf;
pub use self::result::{BufError, BufResult};
pub use self::slice::Slice;
pub use self::vectored::{IoVectoredBuf, IoVectoredBufMut};

/// A buffer whose bytes can be lent to the kernel for reading: for writes and sends.
///
/// Implemented for `Vec<u8>`, `Box<[u8]>`, `&'static [u8]`, `&'static str`, `String`, `Bytes`,
/// `BytesMut`, `Rc<[u8]>`, `Arc<[u8]>`, `Box<[u8; N]>`, [`AlignedBuf`], [`FixedBuf`], [`PooledBuf`] and [`Slice`] of any of
/// them.
pub trait IoBuf: Unpin + 'static {
    /// The bytes that are there.
    fn as_init(&self) -> &[u8];

    /// How many bytes are there.
    fn init_len(&self) -> usize {
        self.as_init().len()
    }

    /// Narrows the buffer to `range`, counted from its first byte.
    ///
    /// The end may lie past the bytes that are there, up to the capacity of a buffer that will be
    /// filled; the start may not.
    ///
    /// # Panics
    ///
    /// When the range starts after its end or past the bytes that are there.
    ///
    /// ```
    /// use annulus::buf::IoBuf;
    ///
    /// let part = b"hello, ring".slice(7..);
    /// assert_eq!(part.as_init(), b"ring");
    /// ```
    fn slice(self, range: impl std::ops::RangeBounds<usize>) -> Slice<Self>
    where
        Self: Sized,
    {
        Slice::new(self, range)
    }
}

/// A buffer that can be lent to the kernel to be filled: for reads and receives.
///
/// A read fills the buffer from its first byte, up to its capacity, whatever it holds; it never
/// shortens it. So a `Vec` with capacity 4096 takes up to 4096 bytes, whether it is empty or full
/// of zeros, and only the first `n` of them are the read's.
///
/// # Implementing
///
/// The trait is safe to implement: all that an implementor promises is in
/// [`set_init`](Self::set_init), which is unsafe to call and whose body may rely on its contract.
pub trait IoBufMut: IoBuf {
    /// The whole room of the buffer, the bytes that are there included.
    fn as_uninit(&mut self) -> &mut UninitSlice;

    /// Notes that the first `len` bytes of the room are there now.
    ///
    /// A buffer that already holds more bytes keeps them.
    ///
    /// # Safety
    ///
    /// The first `len` bytes of a slice that [`as_uninit`](Self::as_uninit) returned have been
    /// filled, and the buffer has not been changed since.
    #[expect(
        unsafe_code,
        reason = "the one promise of a fill: made by who calls, not who implements"
    )]
    unsafe fn set_init(&mut self, len: usize);
}
