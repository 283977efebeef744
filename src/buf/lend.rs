//! Lends a buffer's memory to an SQE and takes it back with what the kernel did.

#![expect(unsafe_code, reason = "notes how many bytes the kernel has filled")]

use std::io;
use std::marker::PhantomData;
use std::ptr::NonNull;

use super::{BufResult, IoBuf, IoBufMut, IoVectoredBuf, IoVectoredBufMut};

/// The largest count that one read or write takes: the kernel cuts longer ones here
/// (`MAX_RW_COUNT`, `include/linux/fs.h`).
const IO_LEN_MAX: usize = 0x7fff_f000;

/// The largest number of pieces that one op takes; more are an error (`UIO_MAXIOV`,
/// `include/uapi/linux/uio.h`).
const PIECES_MAX: usize = 1024;

/// Memory the kernel will read, borrowed from the op for as long as the op stays in its cell.
#[derive(Debug)]
pub(crate) struct Lent<'op> {
    pub(crate) start: *const u8,
    pub(crate) len: u32,
    lifetime: PhantomData<&'op [u8]>,
}

/// Memory the kernel will fill, borrowed from the op for as long as the op stays in its cell.
#[derive(Debug)]
pub(crate) struct LentMut<'op> {
    pub(crate) start: *mut u8,
    pub(crate) len: u32,
    lifetime: PhantomData<&'op mut [u8]>,
}

/// One piece of a vectored op: the layout of `struct iovec` (`include/uapi/linux/uio.h`).
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct IoSlice {
    start: *mut u8,
    len: usize,
}

/// The pieces of a vectored op, which stay in the op beside its buffers.
///
/// Up to eight pieces need no allocation. Those past the kernel's limit are left to the next op.
#[derive(Debug)]
pub(crate) struct LentSlices {
    few: [IoSlice; 8],
    many: Vec<IoSlice>,
    count: usize,
}

impl LentSlices {
    pub(crate) fn new() -> Self {
        let nothing = IoSlice { start: NonNull::dangling().as_ptr(), len: 0 };
        LentSlices { few: [nothing; 8], many: Vec::new(), count: 0 }
    }

    fn clear(&mut self) {
        self.count = 0;
        self.many.clear();
    }

    fn push(&mut self, start: *mut u8, len: usize) {
        if len == 0 || self.count == PIECES_MAX {
            return;
        }
        let slice = IoSlice { start, len };
        if self.count < self.few.len() {
            self.few[self.count] = slice;
        } else {
            if self.count == self.few.len() {
                self.many.extend_from_slice(&self.few);
            }
            self.many.push(slice);
        }
        self.count += 1;
    }

    /// The address of the array of pieces and their number.
    pub(crate) fn as_parts(&self) -> (*const IoSlice, usize) {
        let slices = if self.count <= self.few.len() { &self.few[..] } else { &self.many[..] };
        (slices.as_ptr(), self.count)
    }
}

/// The one piece of an op whose single buffer goes by way of a list of pieces.
#[derive(Debug)]
pub(crate) struct LentPiece(IoSlice);

impl LentPiece {
    pub(crate) fn new() -> Self {
        LentPiece(IoSlice { start: NonNull::dangling().as_ptr(), len: 0 })
    }

    /// Makes it the bytes of `buf`, at most the count the kernel takes at once.
    pub(crate) fn lend<B: IoBuf>(&mut self, buf: &B) {
        let lent = lend(buf);
        self.0 = IoSlice { start: lent.start.cast_mut(), len: lent.len as usize };
    }

    /// Makes it the room of `buf`, at most the count the kernel takes at once.
    pub(crate) fn lend_mut<B: IoBufMut>(&mut self, buf: &mut B) {
        let room = lend_mut(buf);
        self.0 = IoSlice { start: room.start, len: room.len as usize };
    }

    /// The address of the piece.
    pub(crate) fn as_ptr(&self) -> *const IoSlice {
        &self.0
    }
}

// SAFETY: the piece is only an address; what it points to is owned by the op that holds it beside
// its buffer, and goes with it to another thread only while nothing is lent.
unsafe impl Send for LentPiece {}

// SAFETY: as above; a shared reference to it gives nothing away.
unsafe impl Sync for LentPiece {}

// SAFETY: the pieces are only addresses; what they point to is owned by the op that holds them
// beside its buffers, and goes with them to another thread only while nothing is lent.
unsafe impl Send for LentSlices {}

// SAFETY: as above; a shared reference to it gives nothing away.
unsafe impl Sync for LentSlices {}

/// Lends the bytes of `buf`, at most the count the kernel takes at once.
pub(crate) fn lend<B: IoBuf>(buf: &B) -> Lent<'_> {
    lend_part(buf, 0)
}

/// Lends the bytes of `buf` from `begin` on.
pub(crate) fn lend_part<B: IoBuf>(buf: &B, begin: usize) -> Lent<'_> {
    let bytes = buf.as_init().get(begin..).unwrap_or(&[]);
    let len = bytes.len().min(IO_LEN_MAX) as u32;
    Lent { start: bytes.as_ptr(), len, lifetime: PhantomData }
}

/// Lends the whole room of `buf` to be filled, at most the count the kernel takes at once.
pub(crate) fn lend_mut<B: IoBufMut>(buf: &mut B) -> LentMut<'_> {
    let room = buf.as_uninit();
    let len = room.len().min(IO_LEN_MAX) as u32;
    LentMut { start: room.as_mut_ptr(), len, lifetime: PhantomData }
}

/// Lends every buffer of `bufs`, in order; empty ones are passed over.
pub(crate) fn lend_all<B: IoVectoredBuf>(bufs: &B, slices: &mut LentSlices) {
    lend_all_from(bufs, 0, slices);
}

/// Lends what the buffers of `bufs` hold from byte `begin` on, counted over all of them.
pub(crate) fn lend_all_from<B: IoVectoredBuf>(bufs: &B, begin: usize, slices: &mut LentSlices) {
    slices.clear();
    let mut skip = begin;
    for bytes in bufs.iter_init() {
        let rest = bytes.get(skip..).unwrap_or(&[]);
        skip -= bytes.len() - rest.len();
        slices.push(rest.as_ptr().cast_mut(), rest.len());
    }
}

/// Lends the room of every buffer of `bufs`, in order; those without room are passed over.
pub(crate) fn lend_all_mut<B: IoVectoredBufMut>(bufs: &mut B, slices: &mut LentSlices) {
    slices.clear();
    bufs.for_each_uninit(&mut |room| slices.push(room.as_mut_ptr(), room.len()));
}

/// Takes back a buffer that the kernel has filled with `filled` bytes, or has not.
///
/// This is the one place that believes the kernel's count; a count past the room that was lent
/// would be a broken kernel and ends in a panic, never in a buffer that claims more than it has.
pub(crate) fn reclaim<B: IoBufMut>(mut buf: B, filled: io::Result<usize>) -> BufResult<usize, B> {
    if let Ok(len) = filled {
        let room = buf.as_uninit().len();
        assert!(len <= room, "the kernel says it filled {len} bytes of {room}");
        // SAFETY: the completion says that the kernel filled `len` bytes from the first byte of
        // what `as_uninit` lent, and the op's cell has not been touched in between.
        unsafe { buf.set_init(len) };
    }
    BufResult(filled, buf)
}

/// Takes back several buffers that were filled one after another.
pub(crate) fn reclaim_all<B: IoVectoredBufMut>(
    mut bufs: B,
    filled: io::Result<usize>,
) -> BufResult<usize, B> {
    if let Ok(len) = filled {
        // SAFETY: as in `reclaim`, for the buffers in the order in which they were lent.
        unsafe { bufs.set_init(len) };
    }
    BufResult(filled, bufs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lens(slices: &LentSlices) -> Vec<usize> {
        let all = if slices.count <= slices.few.len() { &slices.few[..] } else { &slices.many };
        all[..slices.count].iter().map(|slice| slice.len).collect()
    }

    #[test]
    fn pieces_without_bytes_are_passed_over() {
        let mut slices = LentSlices::new();
        lend_all(&vec!["", "ab", "", "c"], &mut slices);
        assert_eq!(lens(&slices), [2, 1]);
        lend_all_mut(&mut vec![Vec::new(), Vec::with_capacity(3)], &mut slices);
        assert_eq!(lens(&slices), [3]);
    }

    #[test]
    fn a_rest_begins_in_the_middle_of_a_piece() {
        let bufs = vec!["abc", "", "de", "f"];
        let mut slices = LentSlices::new();
        let rests: [(usize, &[usize]); 6] =
            [(0, &[3, 2, 1]), (1, &[2, 2, 1]), (3, &[2, 1]), (4, &[1, 1]), (6, &[]), (9, &[])];
        for (begin, expected) in rests {
            lend_all_from(&bufs, begin, &mut slices);
            assert_eq!(lens(&slices), expected, "from {begin}");
        }
    }

    #[test]
    fn more_pieces_than_the_kernel_takes_are_left_to_the_next_op() {
        let mut slices = LentSlices::new();
        let mut next = 0;
        // Miri takes minutes for the last ones.
        let counts = [0, 1, 8, 9, 1024, 1025, 1100];
        for count in counts.into_iter().take(if cfg!(miri) { 4 } else { 7 }) {
            let mut bufs: Vec<Vec<u8>> = (0..count).map(|_| vec![7]).collect();
            lend_all(&bufs, &mut slices);
            assert_eq!(lens(&slices).len(), count.min(1024));
            lend_all_mut(&mut bufs, &mut slices);
            assert_eq!(lens(&slices).len(), count.min(1024));
            lend_all_from(&bufs, count.min(1024), &mut slices);
            next += slices.as_parts().1;
        }
        assert_eq!(next, if cfg!(miri) { 0 } else { 1 + 76 });
    }
}
