//! A part of a buffer, lent in its place.

use std::ops::{Bound, Deref, RangeBounds};

use bytes::buf::UninitSlice;

use super::{IoBuf, IoBufMut};

/// A buffer narrowed to a range; made by [`IoBuf::slice`].
///
/// The bytes are not copied, and [`into_inner`](Self::into_inner) gives the whole buffer back.
#[derive(Debug, Clone)]
pub struct Slice<B> {
    buf: B,
    begin: usize,
    /// `None`: up to whatever the buffer has.
    end: Option<usize>,
}

impl<B: IoBuf> Slice<B> {
    pub(super) fn new(buf: B, range: impl RangeBounds<usize>) -> Self {
        let begin = match range.start_bound() {
            Bound::Included(&n) => n,
            Bound::Excluded(&n) => n.checked_add(1).expect("slice start overflows"),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&n) => Some(n.checked_add(1).expect("slice end overflows")),
            Bound::Excluded(&n) => Some(n),
            Bound::Unbounded => None,
        };
        assert!(
            end.is_none_or(|end| begin <= end),
            "slice starts at {begin} but ends at {}",
            end.unwrap_or(begin)
        );
        let there = buf.init_len();
        assert!(begin <= there, "slice starts at {begin} but the buffer holds {there} bytes");
        Slice { buf, begin, end }
    }

    /// Where the slice begins in the whole buffer.
    pub fn begin(&self) -> usize {
        self.begin
    }

    /// The whole buffer.
    pub fn into_inner(self) -> B {
        self.buf
    }

    /// The whole buffer, borrowed.
    pub fn get_ref(&self) -> &B {
        &self.buf
    }
}

impl<B: IoBuf> IoBuf for Slice<B> {
    fn as_init(&self) -> &[u8] {
        let all = self.buf.as_init();
        let end = self.end.map_or(all.len(), |end| end.min(all.len()));
        all.get(self.begin..end).unwrap_or(&[])
    }
}

impl<B: IoBufMut> IoBufMut for Slice<B> {
    fn as_uninit(&mut self) -> &mut UninitSlice {
        let all = self.buf.as_uninit();
        let end = self.end.map_or(all.len(), |end| end.min(all.len()));
        let begin = self.begin.min(end);
        &mut all[begin..end]
    }

    #[expect(unsafe_code, reason = "passes on the contract of the trait")]
    unsafe fn set_init(&mut self, len: usize) {
        // SAFETY: the bytes before `begin` were there when the slice was made, and a buffer never
        // shrinks inside a slice; the caller filled `len` more from there.
        unsafe { self.buf.set_init(self.begin + len) }
    }
}

impl<B: IoBuf> Deref for Slice<B> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_init()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_lends_its_range_only() {
        let part = vec![1u8, 2, 3, 4, 5].slice(1..3);
        assert_eq!(&*part, &[2, 3]);
        assert_eq!(part.begin(), 1);
        assert_eq!(part.into_inner(), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_slice_may_end_in_the_spare_room() {
        let mut buf = Vec::with_capacity(16);
        buf.extend_from_slice(b"ab");
        let mut part = buf.slice(1..8);
        assert_eq!(part.as_init(), b"b");
        assert_eq!(part.as_uninit().len(), 7);
    }

    #[test]
    fn an_inclusive_range_of_a_slice_of_a_slice_counts_from_the_inner_begin() {
        let part = b"0123456789".slice(2..).slice(1..=2);
        assert_eq!(part.as_init(), b"34");
    }

    #[test]
    #[should_panic(expected = "slice starts at 3 but the buffer holds 2 bytes")]
    fn a_slice_never_starts_in_bytes_that_are_not_there() {
        let mut buf = Vec::with_capacity(16);
        buf.extend_from_slice(b"ab");
        let _ = buf.slice(3..);
    }

    #[test]
    #[should_panic(expected = "slice starts at 2 but ends at 1")]
    #[expect(clippy::reversed_empty_ranges, reason = "that is the mistake under test")]
    fn a_range_that_ends_before_it_starts_is_refused() {
        let _ = b"abc".slice(2..1);
    }
}
