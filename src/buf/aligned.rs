//! Memory that begins at a multiple of some number of bytes.

#![expect(unsafe_code, reason = "owns an allocation with an alignment of its own")]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use bytes::buf::UninitSlice;

use super::{IoBuf, IoBufMut};

/// A buffer that begins at a multiple of `align` bytes in memory, as files that are opened with
/// `O_DIRECT` want it: see [`DirectFile`](crate::fs::DirectFile).
///
/// It has a fixed capacity and a length, like a `Vec` that does not grow: a read fills it from its
/// first byte, up to its capacity, and a write takes the bytes up to its length. It reads as a
/// `[u8]` of that length.
///
/// ```
/// use annulus::buf::AlignedBuf;
///
/// let mut buf = AlignedBuf::new(8192, 4096);
/// buf.extend_from_slice(b"header");
/// assert_eq!((&*buf, buf.capacity()), (&b"header"[..], 8192));
/// buf.resize(4096);
/// assert_eq!((buf.len(), buf[6]), (4096, 0));
/// assert_eq!(buf.as_ptr() as usize % 4096, 0);
/// ```
pub struct AlignedBuf {
    start: NonNull<u8>,
    layout: Layout,
    len: usize,
}

// SAFETY: it owns its memory alone, like a `Vec<u8>`.
unsafe impl Send for AlignedBuf {}

// SAFETY: a shared reference only reads.
unsafe impl Sync for AlignedBuf {}

impl AlignedBuf {
    /// An empty buffer with room for `capacity` bytes.
    ///
    /// # Panics
    ///
    /// When `align` is no power of two, or the capacity is zero or larger than memory can be.
    pub fn new(capacity: usize, align: usize) -> AlignedBuf {
        assert!(capacity > 0, "a buffer without room cannot be aligned");
        let layout = Layout::from_size_align(capacity, align);
        let layout = layout.expect("an alignment is a power of two, and a buffer fits into memory");
        // SAFETY: the layout has a size.
        let start = unsafe { alloc_zeroed(layout) };
        let start = NonNull::new(start).unwrap_or_else(|| handle_alloc_error(layout));
        AlignedBuf { start, layout, len: 0 }
    }

    /// How many bytes fit into it.
    pub fn capacity(&self) -> usize {
        self.layout.size()
    }

    /// The number of bytes that it begins at a multiple of.
    pub fn align(&self) -> usize {
        self.layout.align()
    }

    /// Sets the length. Bytes that were never written read as zeros; those that were, as they were.
    ///
    /// # Panics
    ///
    /// When it is larger than the capacity.
    pub fn resize(&mut self, len: usize) {
        assert!(len <= self.capacity(), "{len} bytes do not fit into {}", self.capacity());
        self.len = len;
    }

    /// Makes it empty.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Appends bytes.
    ///
    /// # Panics
    ///
    /// When there is no room for them.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        let begin = self.len;
        self.resize(begin + bytes.len());
        self[begin..].copy_from_slice(bytes);
    }
}

impl Deref for AlignedBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the whole allocation was zeroed when it was made, so all of it is initialised, and
        // the length is not larger than it.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for AlignedBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl IoBuf for AlignedBuf {
    fn as_init(&self) -> &[u8] {
        self
    }
}

impl IoBufMut for AlignedBuf {
    fn as_uninit(&mut self) -> &mut UninitSlice {
        // SAFETY: the allocation has that many bytes, borrowed exclusively; what is written stays
        // initialised.
        unsafe { UninitSlice::from_raw_parts_mut(self.start.as_ptr(), self.layout.size()) }
    }

    unsafe fn set_init(&mut self, len: usize) {
        self.len = self.len.max(len);
    }
}

impl Drop for AlignedBuf {
    fn drop(&mut self) {
        // SAFETY: it came from the allocator with this layout.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

impl fmt::Debug for AlignedBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlignedBuf")
            .field("len", &self.len)
            .field("capacity", &self.capacity())
            .field("align", &self.align())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buf::fill_from;

    #[test]
    fn it_is_aligned_and_filled_from_its_first_byte() {
        for align in [1, 512, 4096, 1 << 16] {
            let mut buf = AlignedBuf::new(1000, align);
            assert_eq!(buf.start.as_ptr() as usize % align, 0);
            assert_eq!(fill_from(&mut buf, &[7; 2000]), 1000);
            assert_eq!(&*buf, &[7; 1000]);
            assert_eq!(fill_from(&mut buf, b"ab"), 2);
            assert_eq!((buf.len(), &buf[..3]), (1000, &b"ab\x07"[..]));
        }
    }

    #[test]
    fn what_was_never_written_reads_as_zeros() {
        let mut buf = AlignedBuf::new(8, 8);
        buf.resize(8);
        assert_eq!(&*buf, &[0; 8]);
        buf.clear();
        buf.extend_from_slice(b"xyz");
        assert_eq!(buf.as_init(), b"xyz");
    }

    #[test]
    #[should_panic(expected = "9 bytes do not fit into 8")]
    fn it_does_not_grow() {
        AlignedBuf::new(8, 8).extend_from_slice(&[0; 9]);
    }
}
