//! A ring in its fastest set-up, and buffers that the kernel chooses from.

use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::IoUring;
use io_uring::types::BufRingEntry;

/// The group of the only buffer ring.
pub const GROUP: u16 = 0;

/// A ring for one thread: work of the kernel is done when the thread asks for completions. What an
/// older kernel does not know is left out.
pub fn new_ring(entries: u32, completions: u32) -> io::Result<IoUring> {
    let mut builder = IoUring::builder();
    builder
        .setup_cqsize(completions)
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_submit_all()
        .setup_no_sqarray();
    let ring = match builder.build(entries) {
        Ok(ring) => ring,
        // Before 6.6 there is no set-up without the array.
        Err(_) => IoUring::builder()
            .setup_cqsize(completions)
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_submit_all()
            .build(entries)?,
    };
    ring.submitter().register_ring_fd()?;
    Ok(ring)
}

/// Buffers of one size, provided to the kernel by a shared ring.
#[derive(Debug)]
pub struct BufferRing {
    /// The shared ring, page-aligned, and behind it the buffers.
    base: NonNull<u8>,
    length: usize,
    count: u16,
    size: usize,
    tail: u16,
}

impl BufferRing {
    /// Registers `count` buffers, a power of two, of `size` bytes each, with `ring`.
    pub fn register(ring: &IoUring, count: u16, size: usize) -> io::Result<Self> {
        assert!(count.is_power_of_two(), "{count} buffers");
        let length = Self::ring_bytes(count) + size * usize::from(count);
        // SAFETY: a new private mapping, which nobody else has.
        let mapped = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if mapped == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(mapped.cast()).expect("a mapping is not at zero");
        let mut buffers = BufferRing { base, length, count, size, tail: 0 };
        // SAFETY: the mapping outlives the ring's use of it: `BufferRing` is dropped after its ring
        // by both of its users, which end with the process.
        unsafe {
            ring.submitter().register_buf_ring_with_flags(mapped as u64, count, GROUP, 0)?;
        }
        for id in 0..count {
            buffers.provide(id);
        }
        buffers.publish();
        Ok(buffers)
    }

    /// The shared ring's own bytes, to whole pages.
    fn ring_bytes(count: u16) -> usize {
        (usize::from(count) * size_of::<BufRingEntry>()).next_multiple_of(4096)
    }

    fn at(&self, id: u16) -> *mut u8 {
        assert!(id < self.count, "buffer {id} of {}", self.count);
        // SAFETY: `id` is one of the buffers behind the ring, so the place is inside the mapping.
        unsafe {
            self.base.as_ptr().add(Self::ring_bytes(self.count) + usize::from(id) * self.size)
        }
    }

    /// The first `length` bytes of a buffer that the kernel has filled and given.
    pub fn bytes(&self, id: u16, length: usize) -> &[u8] {
        assert!(length <= self.size);
        // SAFETY: the place is inside the mapping, which is zeroed at first, and the kernel writes
        // to no buffer that it has given away.
        unsafe { std::slice::from_raw_parts(self.at(id), length) }
    }

    /// Gives a buffer back, at the next [`publish`](Self::publish).
    pub fn provide(&mut self, id: u16) {
        let slot = usize::from(self.tail & (self.count - 1));
        // SAFETY: the slot is inside the mapping, and the kernel does not read beyond the
        // published tail.
        let entry = unsafe { &mut *self.base.as_ptr().cast::<BufRingEntry>().add(slot) };
        entry.set_addr(self.at(id) as u64);
        entry.set_len(self.size as u32);
        entry.set_bid(id);
        self.tail = self.tail.wrapping_add(1);
    }

    /// Tells the kernel of all buffers that were given back.
    pub fn publish(&mut self) {
        // SAFETY: the base is that of a registered ring, whose first entry holds the tail.
        let tail = unsafe { BufRingEntry::tail(self.base.as_ptr().cast()) };
        // SAFETY: the tail is aligned, inside the mapping, and written by this thread only.
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }
}

impl Drop for BufferRing {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and of this length.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.length) };
    }
}
