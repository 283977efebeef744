//! A provided buffer ring for tests.

use std::alloc::{Layout, alloc_zeroed};
use std::io;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::types::BufRingEntry;

use crate::memory::Lent;
use crate::ring::TestRing;

const PAGE: usize = 4_096;

/// A buffer group: its ring, and one lent buffer for each id.
pub(crate) struct BufferGroup {
    entries: *mut BufRingEntry,
    mask: u16,
    tail: u16,
    pub(crate) buffers: Vec<Lent>,
}

impl BufferGroup {
    /// Registers group `id` of `count` buffers of `size` bytes, none of them given yet.
    pub(crate) fn empty(ring: &mut TestRing, id: u16, count: u16, size: usize) -> io::Result<Self> {
        let entries = leaked_entries(count);
        let submitter = ring.ring().submitter();
        // SAFETY: the entries are leaked, so they outlive the registration.
        unsafe { submitter.register_buf_ring_with_flags(entries.addr() as u64, count, id, 0) }?;
        let buffers = (0..count).map(|_| Lent::zeroed(size)).collect();
        Ok(Self { entries, mask: count.wrapping_sub(1), tail: 0, buffers })
    }

    /// The same with all its buffers given.
    pub(crate) fn full(ring: &mut TestRing, id: u16, count: u16, size: usize) -> Self {
        let mut group = Self::empty(ring, id, count, size).expect("REGISTER_PBUF_RING");
        for buffer in 0..count {
            group.give(buffer);
        }
        group
    }

    /// Gives buffer `id` to the kernel.
    pub(crate) fn give(&mut self, id: u16) {
        let buffer = self.buffers[usize::from(id)];
        let place = self.entries.wrapping_add(usize::from(self.tail & self.mask));
        // SAFETY: the place is inside the leaked ring; the kernel reads it only below the tail.
        let entry = unsafe { &mut *place };
        entry.set_addr(buffer.as_ptr().addr() as u64);
        entry.set_len(buffer.len());
        entry.set_bid(id);
        self.tail = self.tail.wrapping_add(1);
        self.publish();
    }

    fn publish(&self) {
        // SAFETY: the entries are the page-aligned base of the ring.
        let tail = unsafe { BufRingEntry::tail(self.entries) };
        // SAFETY: the tail is an aligned u16 of the leaked ring; this thread alone writes it.
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }
}

/// Room for `count` entries on pages of its own.
fn leaked_entries(count: u16) -> *mut BufRingEntry {
    let bytes = usize::from(count.max(1)) * size_of::<BufRingEntry>();
    let layout = Layout::from_size_align(bytes.next_multiple_of(PAGE), PAGE).expect("a layout");
    // SAFETY: the layout is not of size zero.
    let entries = unsafe { alloc_zeroed(layout) };
    assert!(!entries.is_null());
    entries.cast()
}
