//! A ring in its fastest set-up, and buffers that the kernel chooses from.

use std::io;
use std::ops::{Deref, DerefMut};
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use io_uring::IoUring;
use io_uring::types::BufRingEntry;

/// The group of the only buffer ring.
pub const GROUP: u16 = 0;

/// A ring for one thread: work of the kernel is done when the thread asks for completions. What an
/// older kernel does not know is left out.
///
/// Its descriptor is registered with the thread, so that entering it needs no look-up. A thread has
/// room for sixteen, and a registered ring lives on though it is closed, so it is unregistered when
/// it is dropped.
pub struct Ring {
    ring: IoUring,
    /// The name that the thread knows the ring by.
    registered: u32,
}

/// A ring with room for so many entries and completions.
pub fn new_ring(entries: u32, completions: u32) -> io::Result<Ring> {
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
    let registered = register(&ring, REGISTER_RING_FDS, u32::MAX)?;
    Ok(Ring { ring, registered })
}

/// Numbers of the kernel's interface.
const REGISTER_RING_FDS: libc::c_ulong = 20;
const UNREGISTER_RING_FDS: libc::c_ulong = 21;
const ENTER_GETEVENTS: libc::c_ulong = 1;
const ENTER_EXT_ARG: libc::c_ulong = 1 << 3;
const ENTER_REGISTERED_RING: libc::c_ulong = 1 << 4;

/// `struct io_uring_rsrc_update`.
#[repr(C)]
struct Update {
    offset: u32,
    reserved: u32,
    data: u64,
}

/// `struct io_uring_getevents_arg`.
#[repr(C)]
struct WaitArgument {
    signals: u64,
    signals_size: u32,
    min_wait_us: u32,
    timeout: u64,
}

/// Registers the ring with its thread, or takes that back; the name it has.
fn register(ring: &IoUring, operation: libc::c_ulong, name: u32) -> io::Result<u32> {
    let mut update = Update { offset: name, reserved: 0, data: ring.as_raw_fd() as u64 };
    if operation == UNREGISTER_RING_FDS {
        update.data = 0;
    }
    // SAFETY: `update` is valid for the call, which writes the name into it.
    let outcome = unsafe {
        libc::syscall(
            libc::SYS_io_uring_register,
            ring.as_raw_fd(),
            operation,
            &raw mut update,
            1 as libc::c_ulong,
        )
    };
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(update.offset) }
}

impl Ring {
    /// Submits what was pushed and waits for a completion.
    pub fn submit_and_wait(&mut self) -> io::Result<()> {
        self.enter(1, ENTER_GETEVENTS, std::ptr::null(), 0)
    }

    /// The same, until `count` completions are there.
    pub fn submit_and_wait_for_all(&mut self, count: u32) -> io::Result<()> {
        self.enter(count, ENTER_GETEVENTS, std::ptr::null(), 0)
    }

    /// The same, but for no longer than `limit`; an error of `ETIME` when that has passed.
    pub fn submit_and_wait_for(&mut self, limit: Duration) -> io::Result<()> {
        let timeout = libc::timespec {
            tv_sec: limit.as_secs() as libc::time_t,
            tv_nsec: limit.subsec_nanos().into(),
        };
        let timeout = &raw const timeout as u64;
        let argument = WaitArgument { signals: 0, signals_size: 0, min_wait_us: 0, timeout };
        let size = size_of::<WaitArgument>();
        self.enter(1, ENTER_GETEVENTS | ENTER_EXT_ARG, &raw const argument, size)
    }

    fn enter(
        &mut self,
        want: u32,
        flags: libc::c_ulong,
        argument: *const WaitArgument,
        size: usize,
    ) -> io::Result<()> {
        let pushed = self.ring.submission().len();
        // SAFETY: the entries are valid, as was promised when they were pushed; the argument is
        // null or valid for the call.
        let outcome = unsafe {
            libc::syscall(
                libc::SYS_io_uring_enter,
                self.registered,
                pushed,
                want,
                flags | ENTER_REGISTERED_RING,
                argument,
                size,
            )
        };
        if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

impl Deref for Ring {
    type Target = IoUring;

    fn deref(&self) -> &IoUring {
        &self.ring
    }
}

impl DerefMut for Ring {
    fn deref_mut(&mut self) -> &mut IoUring {
        &mut self.ring
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // A thread that ends unregisters what it had, so a failure leaks no longer than that.
        let _ = register(&self.ring, UNREGISTER_RING_FDS, self.registered);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_can_have_one_ring_after_another() {
        for round in 0..40 {
            let ring = new_ring(8, 16);
            assert!(ring.is_ok(), "round {round}: {:?}", ring.err());
        }
    }

    #[test]
    fn a_ring_submits_and_waits_no_longer_than_asked() {
        let mut ring = new_ring(8, 16).expect("a ring");
        let late = ring.submit_and_wait_for(Duration::from_millis(1)).expect_err("nothing comes");
        assert_eq!(late.raw_os_error(), Some(libc::ETIME));
        let nop = io_uring::opcode::Nop::new().build().user_data(7);
        // SAFETY: a NOP names no memory.
        unsafe { ring.submission().push(&nop) }.expect("room");
        ring.submit_and_wait().expect("a completion");
        let completion = ring.completion().next().expect("a completion");
        assert_eq!(completion.user_data(), 7);
    }

    #[test]
    fn buffers_come_back_in_any_order() {
        let ring = new_ring(8, 16).expect("a ring");
        let mut buffers = BufferRing::register(&ring, 4, 64).expect("buffers");
        for id in [2, 0, 3, 1, 0] {
            buffers.provide(id);
        }
        buffers.publish();
        assert_eq!(buffers.tail, 9);
        assert_eq!(buffers.bytes(3, 64), [0; 64]);
    }
}
