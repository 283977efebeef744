//! Copies bytes into a buffer that is being filled, without `unsafe` for who does it.
//!
//! What the kernel does for a read, a source in memory does with these: the bytes go to the front
//! of the buffer's room, and the buffer notes them.

#![expect(unsafe_code, reason = "notes the bytes that were copied a line above")]

use bytes::buf::UninitSlice;

use super::{IoBufMut, IoVectoredBufMut};

/// Copies as many of `bytes` as `buf` has room for to its front, and says how many.
///
/// This is a read from memory: it fills the buffer from its first byte, whatever it holds, and
/// never shortens it. With it an `AsyncRead` can be written without `unsafe`.
///
/// ```
/// use annulus::buf;
///
/// let mut room = Box::new([0; 3]);
/// assert_eq!(buf::fill_from(&mut room, b"abcd"), 3);
/// assert_eq!(&*room, b"abc");
/// ```
pub fn fill_from<B: IoBufMut>(buf: &mut B, bytes: &[u8]) -> usize {
    let filled = copy_to_front(buf.as_uninit(), bytes);
    // SAFETY: the line above filled the first `filled` bytes of what `as_uninit` returned, and the
    // buffer has not been touched since.
    unsafe { buf.set_init(filled) };
    filled
}

/// Copies as many of `bytes` as `bufs` have room for into them, one after another, and says how
/// many.
///
/// ```
/// use annulus::buf;
///
/// let mut bufs = [vec![0; 2], vec![0; 2]];
/// assert_eq!(buf::fill_all_from(&mut bufs, b"abc"), 3);
/// assert_eq!(bufs, [b"ab".to_vec(), b"c\0".to_vec()]);
/// ```
pub fn fill_all_from<B: IoVectoredBufMut>(bufs: &mut B, bytes: &[u8]) -> usize {
    let mut rest = bytes;
    bufs.for_each_uninit(&mut |room| {
        let filled = copy_to_front(room, rest);
        rest = &rest[filled..];
    });
    let filled = bytes.len() - rest.len();
    // SAFETY: the slices were filled one after another, each to its end before the next one got a
    // byte, with `filled` bytes in all; the buffers have not been touched since.
    unsafe { bufs.set_init(filled) };
    filled
}

/// Fills the whole room of `buf` with `byte`, and says how much that is.
pub(crate) fn fill_with<B: IoBufMut>(buf: &mut B, byte: u8) -> usize {
    let block = [byte; 256];
    let room = buf.as_uninit();
    let filled = room.len();
    let mut done = 0;
    while done < filled {
        done += copy_to_front(&mut room[done..], &block);
    }
    // SAFETY: the loop filled everything that `as_uninit` returned, and the buffer has not been
    // touched since.
    unsafe { buf.set_init(filled) };
    filled
}

#[inline]
fn copy_to_front(room: &mut UninitSlice, bytes: &[u8]) -> usize {
    let len = room.len().min(bytes.len());
    room[..len].copy_from_slice(&bytes[..len]);
    len
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buf::IoBuf;

    #[test]
    fn filling_stops_at_the_end_of_the_room() {
        let mut part = Vec::with_capacity(16).slice(..4);
        assert_eq!(fill_from(&mut part, b"abcdef"), 4);
        assert_eq!(part.into_inner(), b"abcd");
    }

    #[test]
    fn filling_notes_what_came_and_keeps_what_lies_behind() {
        let mut buf = b"12345".to_vec();
        assert_eq!(fill_from(&mut buf, b"ab"), 2);
        assert_eq!(buf, b"ab345");
        assert_eq!(fill_from(&mut buf, b""), 0);
        assert_eq!(buf, b"ab345");
    }

    #[test]
    fn filling_several_buffers_goes_on_in_the_next_one() {
        let mut bufs = vec![Vec::with_capacity(2), Vec::new(), Vec::with_capacity(3)];
        let room: usize = bufs.iter().map(Vec::capacity).sum();
        assert_eq!(fill_all_from(&mut bufs, b"abcd"), 4.min(room));
        assert_eq!(bufs.concat(), b"abcd");
        assert_eq!(bufs[0].len(), bufs[0].capacity());
        let mut small = [Box::new([0; 1]), Box::new([0; 1])];
        assert_eq!(fill_all_from(&mut small, b"xyz"), 2);
        assert_eq!(small, [Box::new(*b"x"), Box::new(*b"y")]);
    }

    #[test]
    fn filling_with_a_byte_leaves_no_room() {
        let mut part = Vec::with_capacity(1000).slice(..777);
        assert_eq!(fill_with(&mut part, 7), 777);
        assert_eq!(part.into_inner(), [7; 777]);
        assert_eq!(fill_with(&mut Box::<[u8]>::default(), 7), 0);
    }
}
