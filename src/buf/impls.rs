//! The owned byte containers of std and `bytes` as buffers.

#![expect(unsafe_code, reason = "the bodies of `set_init`, which rely on its contract")]

use std::mem::MaybeUninit;
use std::rc::Rc;
use std::sync::Arc;

use bytes::buf::UninitSlice;
use bytes::{Bytes, BytesMut};

use super::{IoBuf, IoBufMut};

macro_rules! readable {
    ($($type:ty => $bytes:expr),* $(,)?) => {$(
        impl IoBuf for $type {
            #[inline]
            fn as_init(&self) -> &[u8] {
                let view: fn(&Self) -> &[u8] = $bytes;
                view(self)
            }
        }
    )*};
}

readable! {
    Vec<u8> => |buf| buf,
    Box<[u8]> => |buf| buf,
    &'static [u8] => |buf| buf,
    &'static str => |buf| buf.as_bytes(),
    String => |buf| buf.as_bytes(),
    Bytes => |buf| buf,
    BytesMut => |buf| buf,
    Rc<[u8]> => |buf| buf,
    Arc<[u8]> => |buf| buf,
}

impl<const N: usize> IoBuf for &'static [u8; N] {
    #[inline]
    fn as_init(&self) -> &[u8] {
        *self
    }
}

impl<const N: usize> IoBuf for Box<[u8; N]> {
    #[inline]
    fn as_init(&self) -> &[u8] {
        &**self
    }
}

impl IoBufMut for Vec<u8> {
    #[inline]
    fn as_uninit(&mut self) -> &mut UninitSlice {
        // A Vec's spare room is uninit, its bytes are not: one slice over both.
        let capacity = self.capacity();
        let start = self.as_mut_ptr();
        // SAFETY: the allocation has `capacity` bytes from `start`, borrowed exclusively for as
        // long as the slice lives, and an UninitSlice lets nobody read or un-initialise them.
        unsafe { UninitSlice::from_raw_parts_mut(start, capacity) }
    }

    #[inline]
    unsafe fn set_init(&mut self, len: usize) {
        if len > self.len() {
            // SAFETY: the caller filled the first `len` bytes of the allocation.
            unsafe { self.set_len(len) }
        }
    }
}

impl IoBufMut for BytesMut {
    #[inline]
    fn as_uninit(&mut self) -> &mut UninitSlice {
        let len = self.len();
        // SAFETY: no bytes are less than there are. An empty handle's spare room is all of its part;
        // a pointer from its bytes would be good for these only.
        unsafe { self.set_len(0) };
        let room: *mut [MaybeUninit<u8>] = self.spare_capacity_mut();
        // SAFETY: the first `len` bytes were and are initialised.
        unsafe { self.set_len(len) };
        // SAFETY: as for Vec; the handle owns its part of the allocation alone.
        unsafe { UninitSlice::from_raw_parts_mut(room.cast(), room.len()) }
    }

    #[inline]
    unsafe fn set_init(&mut self, len: usize) {
        if len > self.len() {
            // SAFETY: the caller filled the first `len` bytes of this handle's part.
            unsafe { self.set_len(len) }
        }
    }
}

impl IoBufMut for Box<[u8]> {
    #[inline]
    fn as_uninit(&mut self) -> &mut UninitSlice {
        UninitSlice::new(self)
    }

    #[inline]
    unsafe fn set_init(&mut self, _len: usize) {}
}

impl<const N: usize> IoBufMut for Box<[u8; N]> {
    #[inline]
    fn as_uninit(&mut self) -> &mut UninitSlice {
        UninitSlice::new(&mut self[..])
    }

    #[inline]
    unsafe fn set_init(&mut self, _len: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fills what a buffer lends and notes it, as a read does.
    fn fill(buf: &mut impl IoBufMut, bytes: &[u8]) {
        buf.as_uninit()[..bytes.len()].copy_from_slice(bytes);
        // SAFETY: the line above filled that many bytes.
        unsafe { buf.set_init(bytes.len()) }
    }

    #[test]
    fn an_empty_vec_lends_its_capacity_and_grows_to_what_was_filled() {
        let mut buf = Vec::with_capacity(8);
        fill(&mut buf, b"abc");
        assert_eq!(buf, b"abc");
    }

    #[test]
    fn a_full_buffer_is_overwritten_from_its_first_byte_and_never_shortened() {
        let mut vec = b"123456".to_vec();
        fill(&mut vec, b"ab");
        assert_eq!(vec, b"ab3456");
        let mut boxed: Box<[u8]> = Box::from(&b"1234"[..]);
        fill(&mut boxed, b"ab");
        assert_eq!(&*boxed, b"ab34");
        let mut array = Box::new([9u8; 3]);
        fill(&mut array, b"a");
        assert_eq!(*array, [b'a', 9, 9]);
        let mut shared = BytesMut::with_capacity(4);
        fill(&mut shared, b"wxyz");
        assert_eq!(shared, "wxyz");
    }

    #[test]
    fn shared_and_static_bytes_are_readable() {
        assert_eq!("abc".as_init(), b"abc");
        assert_eq!(Bytes::from_static(b"abc").as_init(), b"abc");
        assert_eq!(Rc::<[u8]>::from(&b"abc"[..]).as_init(), b"abc");
        assert_eq!(Arc::<[u8]>::from(&b"abc"[..]).as_init(), b"abc");
        assert_eq!(b"abc".as_init(), b"abc");
        assert_eq!(String::from("abc").as_init(), b"abc");
    }
}
