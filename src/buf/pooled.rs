//! Received bytes in a buffer of the loop's pool.

#![expect(unsafe_code, reason = "reads memory that the kernel has filled")]

use std::fmt;
use std::ops::Deref;
use std::ptr::NonNull;

use bytes::Bytes;

/// Who takes a pool's buffer back.
pub(crate) trait GiveBack {
    /// The buffer with this number of the pool of this runtime is free.
    fn give_back(runtime: u32, id: u16);
}

/// Bytes received into a buffer that the kernel chose from the loop's pool when they arrived.
///
/// It reads as a `[u8]`. Dropping it gives the buffer back, on whichever thread; one that is kept
/// for long is better copied out ([`to_vec`](slice::to_vec)), for the pool is shared by all
/// connections of the loop. When the pool has run out, the bytes are in memory of their own.
pub struct PooledBuf {
    memory: Memory,
}

enum Memory {
    Pool { start: NonNull<u8>, len: u32, id: u16, runtime: u32, give_back: fn(u32, u16) },
    Own(Vec<u8>),
}

// SAFETY: the buffer is the holder's alone until it is given back, and giving back works on any
// thread.
unsafe impl Send for PooledBuf {}

// SAFETY: a shared reference only reads.
unsafe impl Sync for PooledBuf {}

impl PooledBuf {
    /// Takes hold of a pool's buffer.
    ///
    /// # Safety
    ///
    /// The first `len` bytes from `start` are filled, they are the caller's alone until the buffer
    /// is given back, and their memory is not freed before.
    pub(crate) unsafe fn from_pool<G: GiveBack>(
        start: NonNull<u8>,
        len: u32,
        id: u16,
        runtime: u32,
    ) -> Self {
        PooledBuf { memory: Memory::Pool { start, len, id, runtime, give_back: G::give_back } }
    }

    /// Bytes that are in no pool.
    pub(crate) fn from_vec(bytes: Vec<u8>) -> Self {
        PooledBuf { memory: Memory::Own(bytes) }
    }

    /// The bytes without a copy, for APIs that take [`Bytes`].
    ///
    /// The buffer goes back to the pool when the last clone is dropped.
    pub fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl Deref for PooledBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.memory {
            // SAFETY: promised by whoever made it; the borrow keeps the buffer from being given
            // back.
            Memory::Pool { start, len, .. } => unsafe {
                std::slice::from_raw_parts(start.as_ptr(), *len as usize)
            },
            Memory::Own(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for PooledBuf {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl super::IoBuf for PooledBuf {
    fn as_init(&self) -> &[u8] {
        self
    }
}

impl Drop for PooledBuf {
    fn drop(&mut self) {
        if let Memory::Pool { id, runtime, give_back, .. } = self.memory {
            give_back(runtime, id);
        }
    }
}

impl fmt::Debug for PooledBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PooledBuf").field(&&**self).finish()
    }
}
