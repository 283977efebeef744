//! What a server counts about itself, at one address that the harness reads from outside.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

/// The counters in the order in which the harness reads them, eight bytes each.
#[repr(C, align(64))]
struct Counters {
    allocations: AtomicU64,
    allocated_bytes: AtomicU64,
    syscalls: AtomicU64,
}

static COUNTERS: Counters = Counters {
    allocations: AtomicU64::new(0),
    allocated_bytes: AtomicU64::new(0),
    syscalls: AtomicU64::new(0),
};

/// Where the counters are.
pub(crate) fn address() -> usize {
    &raw const COUNTERS as usize
}

/// Allocations so far, and their bytes.
pub(crate) fn allocated() -> (u64, u64) {
    (COUNTERS.allocations.load(Ordering::Relaxed), COUNTERS.allocated_bytes.load(Ordering::Relaxed))
}

/// Adds without a locked instruction, which would cost more than a small allocation. Counts of
/// threads that allocate at the same moment may be lost; the servers have one thread that does.
fn add(counter: &AtomicU64, amount: u64) {
    counter.store(counter.load(Ordering::Relaxed) + amount, Ordering::Relaxed);
}

/// Counts a system call that the contender made itself: the hand-written loops know theirs.
pub fn note_syscall() {
    add(&COUNTERS.syscalls, 1);
}

/// The system's allocator, counted. Every contender has it, so it favours none.
#[derive(Debug, Clone, Copy, Default)]
pub struct CountingAllocator;

// SAFETY: everything is left to the system's allocator; counting touches no memory of it.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise about `layout`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise about `layout`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller's promise about `pointer`, `layout` and `size`.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise about `pointer` and `layout`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn count(bytes: usize) {
    add(&COUNTERS.allocations, 1);
    add(&COUNTERS.allocated_bytes, bytes as u64);
}
