//! Memory that the kernel knows beforehand.

#![expect(unsafe_code, reason = "hands out pieces of one allocation")]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::buf::UninitSlice;

use super::{IoBuf, IoBufMut};

/// The bytes that each buffer begins at a multiple of: a page, as files past the cache want it.
const ALIGN: usize = 4096;

/// One allocation for all the buffers, and the numbers of those that nobody has.
struct Region {
    start: NonNull<u8>,
    layout: Layout,
    size: usize,
    free: Mutex<Vec<u16>>,
}

// SAFETY: the region is plain memory. Each piece of it is reached through the one buffer that has
// its number, and the numbers are behind a lock.
unsafe impl Send for Region {}

// SAFETY: as above.
unsafe impl Sync for Region {}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: it came from the allocator with this layout, and no buffer is left. A ring that
        // it is registered with holds on to the pages themselves.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

/// Buffers of one size that are registered with a loop: made by
/// [`FixedBufs::register`](crate::buf::FixedBufs::register).
///
/// The kernel looks the pages of an ordinary buffer up for every operation; those of registered ones
/// it has looked up once. It pays for files past the cache ([`DirectFile`](crate::fs::DirectFile)),
/// some 5 % of an operation, and not for what is in the cache.
pub struct FixedBufs {
    region: Arc<Region>,
    count: u16,
    runtime: u32,
}

impl FixedBufs {
    /// Makes `count` buffers of `size` bytes (rounded up to whole pages) for a loop.
    pub(crate) fn allocate(count: u16, size: usize, runtime: u32) -> FixedBufs {
        let size = size.max(1).next_multiple_of(ALIGN);
        let layout = Layout::from_size_align(usize::from(count.max(1)) * size, ALIGN);
        let layout = layout.expect("the buffers fit into memory");
        // SAFETY: the layout has a size.
        let start = unsafe { alloc_zeroed(layout) };
        let start = NonNull::new(start).unwrap_or_else(|| handle_alloc_error(layout));
        let free = Mutex::new((0..count.max(1)).rev().collect());
        let region = Arc::new(Region { start, layout, size, free });
        FixedBufs { region, count: count.max(1), runtime }
    }

    /// A buffer that nobody has, empty; `None` while all of them are in use.
    ///
    /// It is given back when it is dropped, on whichever thread.
    pub fn get(&self) -> Option<FixedBuf> {
        let mut free = self.region.free.lock().unwrap_or_else(PoisonError::into_inner);
        let index = free.pop()?;
        let region = Arc::clone(&self.region);
        Some(FixedBuf { region, index, len: 0, runtime: self.runtime })
    }

    /// How many buffers there are.
    pub fn count(&self) -> usize {
        usize::from(self.count)
    }

    /// How many bytes fit into each.
    pub fn size(&self) -> usize {
        self.region.size
    }

    /// How many nobody has.
    pub fn available(&self) -> usize {
        self.region.free.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The first byte of each buffer, in the order of their numbers.
    pub(crate) fn starts(&self) -> impl Iterator<Item = NonNull<u8>> {
        (0..self.count).map(|index| piece(&self.region, index))
    }
}

fn piece(region: &Region, index: u16) -> NonNull<u8> {
    // SAFETY: numbers are below the count, so the piece is inside the allocation.
    unsafe { region.start.add(usize::from(index) * region.size) }
}

/// One of a loop's registered buffers; from [`FixedBufs::get`].
///
/// [`File::read_fixed_at`](crate::fs::File::read_fixed_at) and
/// [`write_fixed_at`](crate::fs::File::write_fixed_at) use it as what it is. Everywhere else, and in
/// another loop, it is a buffer like any other: it has a fixed capacity and a length, and reads as a
/// `[u8]` of that length.
pub struct FixedBuf {
    region: Arc<Region>,
    index: u16,
    len: usize,
    runtime: u32,
}

impl FixedBuf {
    /// How many bytes fit into it.
    pub fn capacity(&self) -> usize {
        self.region.size
    }

    /// Sets the length. What was written to the buffer before, also by who had it before, is there;
    /// the rest reads as zeros.
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

    /// Its number with the ring of this loop; `None` in another one.
    pub(crate) fn number(&self, runtime: u32) -> Option<u16> {
        (self.runtime == runtime).then_some(self.index)
    }

    fn start(&self) -> NonNull<u8> {
        piece(&self.region, self.index)
    }
}

impl Deref for FixedBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the region was zeroed when it was made, so all of it is initialised; the length is
        // not larger than the piece, which is this buffer's alone.
        unsafe { std::slice::from_raw_parts(self.start().as_ptr(), self.len) }
    }
}

impl DerefMut for FixedBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.start().as_ptr(), self.len) }
    }
}

impl IoBuf for FixedBuf {
    fn as_init(&self) -> &[u8] {
        self
    }
}

impl IoBufMut for FixedBuf {
    fn as_uninit(&mut self) -> &mut UninitSlice {
        let (start, size) = (self.start().as_ptr(), self.region.size);
        // SAFETY: the piece has that many bytes, borrowed exclusively; what is written stays
        // initialised.
        unsafe { UninitSlice::from_raw_parts_mut(start, size) }
    }

    unsafe fn set_init(&mut self, len: usize) {
        self.len = self.len.max(len);
    }
}

impl Drop for FixedBuf {
    fn drop(&mut self) {
        let mut free = self.region.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(self.index);
    }
}

impl fmt::Debug for FixedBufs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedBufs")
            .field("count", &self.count)
            .field("size", &self.size())
            .field("available", &self.available())
            .finish()
    }
}

impl fmt::Debug for FixedBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedBuf")
            .field("index", &self.index)
            .field("len", &self.len)
            .field("capacity", &self.capacity())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buf::fill_from;

    #[test]
    fn each_buffer_is_one_owners_and_comes_back() {
        let bufs = FixedBufs::allocate(3, 5000, 1);
        assert_eq!((bufs.count(), bufs.size(), bufs.available()), (3, 8192, 3));
        let mut all: Vec<FixedBuf> = std::iter::from_fn(|| bufs.get()).collect();
        assert_eq!((all.len(), bufs.available()), (3, 0));
        for (place, buf) in all.iter_mut().enumerate() {
            assert_eq!(buf.as_init().len(), 0);
            assert_eq!(buf.start().as_ptr() as usize % 4096, 0);
            assert_eq!(fill_from(buf, &[place as u8; 9000]), 8192);
        }
        for (place, buf) in all.iter().enumerate() {
            let each = if cfg!(miri) { 999 } else { 1 };
            assert!(buf.iter().step_by(each).all(|byte| usize::from(*byte) == place));
        }
        assert_eq!((all[0].number(1), all[0].number(2)), (Some(0), None));
        let last = all.pop();
        drop(std::thread::spawn(move || drop(last)).join());
        assert_eq!(bufs.available(), 1);
        drop(bufs);
        all[0].resize(1);
        assert_eq!(all[0][0], 0, "a buffer outlives what it came from");
    }
}
