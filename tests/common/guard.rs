//! An allocator under which freed memory is never touched unseen, neither by the program nor by the
//! kernel.
//!
//! Sanitizers instrument the program and are blind to what the kernel writes. Here the hardware
//! looks: each allocation has pages of its own behind which one page is missing, and freeing it
//! takes the pages away for good. Whoever writes there afterwards, or past the end, is told: the
//! program by SIGSEGV, the kernel's op by a completion with `EFAULT`, which no test expects.
//!
//! Addresses are taken in order from one reserved range and never used twice. The system bounds how
//! many pieces an address space has, so only so many allocations are guarded at a time; the others
//! are the system allocator's. It is built in by `--cfg guard_pages`: see `ci/guard.sh`.

#![allow(unsafe_code, reason = "a global allocator, and the pages it hands out")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The largest page that Linux has on x86-64 and aarch64, so that the kernel's are multiples.
const PAGE: usize = if cfg!(target_arch = "x86_64") { 4096 } else { 65536 };

/// Reserved address space: enough for two hundred million small allocations in one process.
const ARENA_BYTES: usize = 1 << 41;

/// Allocations guarded at a time. Each makes two pieces of address space, of 65 530 that a process
/// may have by default (`vm.max_map_count`).
const GUARDED_MAX: usize = 24_000;

const _: () = assert!(GUARDED_MAX * 2 < 65_530 && PAGE.is_power_of_two());

/// The process's allocator.
pub(crate) struct Guard;

#[global_allocator]
static ALLOCATOR: Guard = Guard;

/// Where the arena begins; zero before the first allocation.
static ARENA: AtomicUsize = AtomicUsize::new(0);
/// In the place of an arena when none is to be had.
const NO_ARENA: usize = 1;

/// Bytes of the arena that have been handed out.
static USED: AtomicUsize = AtomicUsize::new(0);
static GUARDED: AtomicUsize = AtomicUsize::new(0);

/// Whether this memory is guarded.
pub(crate) fn is_guarded<T>(memory: *const T) -> bool {
    let arena = ARENA.load(Relaxed);
    arena > NO_ARENA && (memory as usize).wrapping_sub(arena) < ARENA_BYTES
}

// SAFETY: what `guarded` gives is fresh memory of the layout's size and alignment that is nobody
// else's; the rest is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Guard {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match guarded(layout) {
            Some(memory) => memory,
            // SAFETY: promised by the caller.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match guarded(layout) {
            // Its pages were never used before.
            Some(memory) => memory,
            // SAFETY: promised by the caller.
            None => unsafe { System.alloc_zeroed(layout) },
        }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if is_guarded(memory) {
            let start = memory as usize & !(PAGE - 1);
            map(start, layout.size().next_multiple_of(PAGE), libc::MAP_FIXED);
            GUARDED.fetch_sub(1, Relaxed);
        } else {
            // SAFETY: promised by the caller; it came from there.
            unsafe { System.dealloc(memory, layout) }
        }
    }
}

/// Memory that ends where a missing page begins, or nothing when there is none left.
fn guarded(layout: Layout) -> Option<*mut u8> {
    if layout.align() > PAGE || GUARDED.fetch_add(1, Relaxed) >= GUARDED_MAX {
        GUARDED.fetch_sub(1, Relaxed);
        return None;
    }
    let memory = pages(layout);
    if memory.is_none() {
        GUARDED.fetch_sub(1, Relaxed);
    }
    memory
}

fn pages(layout: Layout) -> Option<*mut u8> {
    let room = layout.size().next_multiple_of(PAGE);
    let arena = arena()?;
    let at = USED.fetch_add(room + PAGE, Relaxed);
    if at + room + PAGE > ARENA_BYTES {
        return None;
    }
    let start = (arena + at) as *mut u8;
    // SAFETY: these pages of the arena are handed out here for the first time.
    let answer = unsafe { libc::mprotect(start.cast(), room, libc::PROT_READ | libc::PROT_WRITE) };
    // As near to the missing page as the alignment allows.
    let offset = room - layout.size().next_multiple_of(layout.align());
    (answer == 0).then(|| start.wrapping_add(offset))
}

fn arena() -> Option<usize> {
    if ARENA.load(Relaxed) == 0 {
        let made = map(0, ARENA_BYTES, 0).unwrap_or(NO_ARENA);
        if ARENA.compare_exchange(0, made, Relaxed, Relaxed).is_err() && made != NO_ARENA {
            // Another thread was first.
            // SAFETY: the mapping was made above and nobody has seen it.
            let _cannot_fail = unsafe { libc::munmap(made as *mut _, ARENA_BYTES) };
        }
    }
    Some(ARENA.load(Relaxed)).filter(|arena| *arena != NO_ARENA)
}

/// Maps pages that nobody may touch, in place of what is there when `flags` say so.
fn map(start: usize, len: usize, flags: i32) -> Option<usize> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | flags;
    let (start, none) = (start as *mut libc::c_void, libc::PROT_NONE);
    // SAFETY: the pages are new ones, or those of an allocation that is being freed.
    let answer = unsafe { libc::mmap(start, len, none, flags, -1, 0) };
    (answer != libc::MAP_FAILED).then_some(answer as usize)
}
