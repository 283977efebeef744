//! A ring of buffers that the kernel chooses from when data is there.
//!
//! Two mappings: the ring itself, shared with the kernel, and the memory of its buffers, which is
//! backed by pages only once they are used. A buffer belongs to the kernel from [`provide`] until
//! a completion names it, and to whoever read that completion until it is provided again. See
//! `uring-sys-notes/provided-buffers.md`.
//!
//! [`provide`]: BufRing::provide

#![expect(unsafe_code, reason = "mappings shared with the kernel")]

use std::io;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use super::ring::Ring;
use super::{abi, door};

/// `struct io_uring_buf_reg`: the argument of `REGISTER_PBUF_RING`. Since 5.19.
#[repr(C)]
#[derive(Debug, Default)]
struct Registration {
    ring_addr: u64,
    ring_entries: u32,
    group: u16,
    flags: u16,
    reserved: [u64; 3],
}

/// `struct io_uring_buf`; the tail of the ring lies in the last field of the first.
#[repr(C)]
struct Entry {
    addr: u64,
    len: u32,
    id: u16,
    tail: AtomicU16,
}

const _: () = assert!(size_of::<Registration>() == 40 && size_of::<Entry>() == 16);

/// Pages of memory, given back when dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    len: usize,
    /// Whether it is memory of the heap, for a simulated ring.
    #[cfg(feature = "sim")]
    is_heap: bool,
}

// SAFETY: a mapping is owned memory without thread affinity.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Anonymous pages, filled with zeros when they are first used.
    pub(crate) fn new(len: usize) -> io::Result<Mapping> {
        #[cfg(feature = "sim")]
        if len <= HEAP_MAX && super::sim::is_installed() {
            return Ok(Mapping::on_heap(len));
        }
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new anonymous mapping touches no memory that is in use.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), len, protection, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mapped at zero"))?;
        Ok(Mapping {
            start,
            len,
            #[cfg(feature = "sim")]
            is_heap: false,
        })
    }

    /// As [`new`](Self::new), without a system call, and where sanitizers see it.
    #[cfg(feature = "sim")]
    fn on_heap(len: usize) -> Mapping {
        use std::alloc::{alloc_zeroed, handle_alloc_error};
        let layout = heap_layout(len);
        // SAFETY: the layout is not of size zero.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) });
        Mapping { start: start.unwrap_or_else(|| handle_alloc_error(layout)), len, is_heap: true }
    }

    /// The first byte.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }
}

/// Up to so many bytes are memory of the heap; of more, most may never be used, and pages that are not
/// cost nothing.
#[cfg(feature = "sim")]
const HEAP_MAX: usize = 256 * 1024;

/// Memory of the heap that begins on a page, as a ring asks for.
#[cfg(feature = "sim")]
fn heap_layout(len: usize) -> std::alloc::Layout {
    std::alloc::Layout::from_size_align(len.max(1), 4096).expect("a length that fits")
}

impl Drop for Mapping {
    fn drop(&mut self) {
        #[cfg(feature = "sim")]
        if self.is_heap {
            // SAFETY: it was allocated with this layout, and whoever lent it has had it back.
            unsafe { std::alloc::dealloc(self.start.as_ptr(), heap_layout(self.len)) };
            return;
        }
        // SAFETY: the pages are this mapping's own, and whoever lent them has had them back.
        let _cannot_fail = unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// Buffers of one size for the kernel to choose from.
#[derive(Debug)]
pub(crate) struct BufRing {
    entries: Mapping,
    memory: Mapping,
    count: u16,
    size: u32,
    tail: u16,
    group: u16,
}

impl BufRing {
    /// Registers `count` buffers (a power of two) of `size` bytes as buffer group `group`.
    ///
    /// # Errors
    ///
    /// `EINVAL` before 5.19, `ENOMEM` also for the limit of locked memory.
    pub(crate) fn register(ring: &Ring, group: u16, count: u16, size: u32) -> io::Result<Self> {
        let count = count.next_power_of_two();
        let entries = Mapping::new(usize::from(count) * size_of::<Entry>())?;
        let memory = Mapping::new(usize::from(count) * size as usize)?;
        let mut registration = Registration {
            ring_addr: entries.start().as_ptr() as u64,
            ring_entries: u32::from(count),
            group,
            ..Registration::default()
        };
        let arg: *mut Registration = &mut registration;
        let fd = std::os::fd::AsFd::as_fd(ring).as_raw_fd();
        // SAFETY: `arg` is one record of the kind this opcode takes; the mapping it names stays
        // until the group is unregistered, or for ever if that fails.
        unsafe { door::register(fd, abi::REGISTER_PBUF_RING, arg.cast(), 1) }?;
        let mut buffers = BufRing { entries, memory, count, size, tail: 0, group };
        (0..count).for_each(|id| buffers.provide(id));
        Ok(buffers)
    }

    /// Gives a buffer (back) to the kernel.
    pub(crate) fn provide(&mut self, id: u16) {
        let place = usize::from(self.tail & (self.count - 1));
        let addr = self.buffer(id).as_ptr() as u64;
        let first = self.entries.start().cast::<Entry>();
        // SAFETY: the place is below the ring's count.
        let entry = unsafe { first.add(place) }.as_ptr();
        // SAFETY: the entry is in the mapping, and the kernel does not read it before the tail
        // says so.
        unsafe { (*entry).addr = addr };
        // SAFETY: as above.
        unsafe { (*entry).len = self.size };
        // SAFETY: as above.
        unsafe { (*entry).id = id };
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: the tail is an aligned word of the mapping that the kernel only reads.
        let tail = unsafe { &(*first.as_ptr()).tail };
        tail.store(self.tail, Ordering::Release);
    }

    /// The first byte of a buffer.
    pub(crate) fn buffer(&self, id: u16) -> NonNull<u8> {
        assert!(id < self.count, "the kernel named buffer {id} of {}", self.count);
        let offset = usize::from(id) * self.size as usize;
        // SAFETY: the offset is inside the mapping.
        unsafe { self.memory.start().add(offset) }
    }

    /// How many buffers there are.
    pub(crate) fn count(&self) -> u16 {
        self.count
    }

    /// Takes the group from the ring and gives the memory of the buffers out.
    pub(crate) fn unregister(self, ring: &Ring) -> Mapping {
        let mut registration = Registration { group: self.group, ..Registration::default() };
        let arg: *mut Registration = &mut registration;
        let fd = std::os::fd::AsFd::as_fd(ring).as_raw_fd();
        // SAFETY: `arg` is one record of the kind this opcode takes.
        let answer = unsafe { door::register(fd, abi::UNREGISTER_PBUF_RING, arg.cast(), 1) };
        if answer.is_err() {
            // The kernel may still look at the entries: they are never freed.
            let _leaked = std::mem::ManuallyDrop::new(self.entries);
        }
        self.memory
    }
}
