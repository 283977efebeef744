//! Memory that may be lent to the kernel.
//!
//! Closing a ring is no barrier (`uring-sys-notes/lifetimes.md`), and a test that fails drops its
//! ring with ops in flight. So whatever an SQE points to here is leaked: a late write by the kernel
//! lands in memory that nobody else will own.

use std::ptr;

use io_uring::types::Timespec;

/// Bytes that live as long as the process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lent {
    start: *mut u8,
    len: usize,
}

impl Lent {
    pub(crate) fn zeroed(len: usize) -> Self {
        Self::from(vec![0; len])
    }

    pub(crate) fn from(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = Box::leak(bytes.into().into_boxed_slice());
        Self { start: bytes.as_mut_ptr(), len: bytes.len() }
    }

    pub(crate) fn as_ptr(self) -> *mut u8 {
        self.start
    }

    pub(crate) fn len(self) -> u32 {
        u32::try_from(self.len).expect("a lent buffer is small")
    }

    /// A copy of what stands there now.
    pub(crate) fn bytes(self) -> Vec<u8> {
        let mut copy = vec![0; self.len];
        for (offset, byte) in copy.iter_mut().enumerate() {
            let place = self.start.wrapping_add(offset);
            // SAFETY: `place` is inside the leaked allocation; volatile because the kernel may write
            // it behind the compiler's back, and every value is a valid byte.
            *byte = unsafe { ptr::read_volatile(place) };
        }
        copy
    }

    /// Overwrites the bytes from the start.
    pub(crate) fn write(self, bytes: &[u8]) {
        assert!(bytes.len() <= self.len);
        for (offset, byte) in bytes.iter().enumerate() {
            let place = self.start.wrapping_add(offset);
            // SAFETY: `place` is inside the leaked allocation, of which no Rust reference exists.
            unsafe { ptr::write_volatile(place, *byte) };
        }
    }
}

/// A leaked value that the kernel may read or write: a timespec, an iovec, a message header.
pub(crate) fn leak<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Overwrites a leaked value.
pub(crate) fn overwrite<T>(place: *mut T, value: T) {
    // SAFETY: `place` comes from `leak`, is never freed, and no reference to it exists.
    unsafe { ptr::write_volatile(place, value) }
}

/// A copy of a leaked value.
pub(crate) fn peek<T: Copy>(place: *const T) -> T {
    // SAFETY: `place` comes from `leak`, is never freed, and was initialised by it.
    unsafe { ptr::read_volatile(place) }
}

pub(crate) fn millis(ms: u64) -> Timespec {
    Timespec::new().sec(ms / 1_000).nsec((ms % 1_000) as u32 * 1_000_000)
}
