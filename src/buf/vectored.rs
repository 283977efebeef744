//! Several buffers in one operation.

use bytes::buf::UninitSlice;

use super::{IoBuf, IoBufMut};

/// Buffers that are written one after another in one operation.
///
/// Implemented for `Vec<B>` and `[B; N]` of any [`IoBuf`].
pub trait IoVectoredBuf: Unpin + 'static {
    /// The bytes of each buffer, in order.
    fn iter_init(&self) -> impl Iterator<Item = &[u8]>;

    /// How many bytes there are in all of them.
    fn total_len(&self) -> usize {
        self.iter_init().map(<[u8]>::len).sum()
    }
}

/// Buffers that are filled one after another in one operation.
///
/// Implemented for `Vec<B>` and `[B; N]` of any [`IoBufMut`].
pub trait IoVectoredBufMut: IoVectoredBuf {
    /// Calls `f` with the room of each buffer, in order.
    fn for_each_uninit(&mut self, f: &mut dyn FnMut(&mut UninitSlice));

    /// Notes that the first `len` bytes of all the room together are there now.
    ///
    /// # Safety
    ///
    /// The first `len` bytes of the slices that [`for_each_uninit`](Self::for_each_uninit) gave,
    /// taken one after another, have been filled, and the buffers have not been changed since.
    #[expect(unsafe_code, reason = "as for `IoBufMut::set_init`")]
    unsafe fn set_init(&mut self, len: usize);
}

/// Spreads `len` filled bytes over `bufs`.
///
/// # Safety
///
/// As for [`IoVectoredBufMut::set_init`].
#[expect(unsafe_code, reason = "spreads the contract of `set_init` over the buffers")]
unsafe fn spread<'a, B: IoBufMut>(bufs: impl Iterator<Item = &'a mut B>, mut len: usize) {
    for buf in bufs {
        let filled = buf.as_uninit().len().min(len);
        len -= filled;
        // SAFETY: the buffers were filled in order, so this one holds what the earlier ones,
        // being full, left over.
        unsafe { buf.set_init(filled) };
    }
    assert_eq!(len, 0, "the kernel says it filled more bytes than there is room");
}

macro_rules! vectored {
    ([$($generics:tt)*] $type:ty) => {
        impl<B: IoBuf $($generics)*> IoVectoredBuf for $type {
            fn iter_init(&self) -> impl Iterator<Item = &[u8]> {
                self.iter().map(B::as_init)
            }
        }

        impl<B: IoBufMut $($generics)*> IoVectoredBufMut for $type {
            fn for_each_uninit(&mut self, f: &mut dyn FnMut(&mut UninitSlice)) {
                self.iter_mut().for_each(|buf| f(buf.as_uninit()));
            }

            #[expect(unsafe_code, reason = "passes on the contract of the trait")]
            unsafe fn set_init(&mut self, len: usize) {
                // SAFETY: the contract of this method is the one of `spread`.
                unsafe { spread(self.iter_mut(), len) }
            }
        }
    };
}

vectored!([] Vec<B>);
vectored!([, const N: usize] [B; N]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(unsafe_code, reason = "plays the kernel's part")]
    fn filled_bytes_are_spread_in_order() {
        let mut bufs = [Vec::with_capacity(2), Vec::with_capacity(3), Vec::with_capacity(4)];
        let mut next = b'a';
        bufs.for_each_uninit(&mut |room| {
            for index in 0..room.len() {
                room.write_byte(index, next);
                next += 1;
            }
        });
        // SAFETY: all the room was filled above.
        unsafe { bufs.set_init(4) };
        assert_eq!(bufs, [b"ab".to_vec(), b"cd".to_vec(), Vec::new()]);
        assert_eq!(bufs.total_len(), 4);
    }
}
