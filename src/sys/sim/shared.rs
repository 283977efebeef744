//! The memory that a ring shares with its user: the two queues, laid out as the kernel does.
//!
//! It is a memfd with the queues at offset zero and the entries at the kernel's own offset, most of
//! it a hole. So the queues of the io-uring crate map it as they map a real ring, and know no
//! difference.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::sys::abi::{
    self, CqOffsets, Params, SETUP_CLAMP, SETUP_CQSIZE, SETUP_NO_SQARRAY, SqOffsets,
};

/// `IORING_OFF_SQES`.
const SQES_AT: usize = 0x1000_0000;
const ENTRIES_MAX: u32 = 32_768;

const SQ: SqOffsets = SqOffsets {
    head: 0,
    tail: 4,
    ring_mask: 16,
    ring_entries: 20,
    flags: 24,
    dropped: 28,
    array: 0,
    reserved: 0,
    user_addr: 0,
};
const CQ: CqOffsets = CqOffsets {
    head: 64,
    tail: 68,
    ring_mask: 80,
    ring_entries: 84,
    overflow: 88,
    cqes: 128,
    flags: 92,
    reserved: 0,
    user_addr: 0,
};

/// `struct io_uring_sqe`, by the names that most opcodes use.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sqe {
    pub(super) opcode: u8,
    pub(super) flags: u8,
    pub(super) ioprio: u16,
    pub(super) fd: i32,
    /// Also `addr2`.
    pub(super) off: u64,
    pub(super) addr: u64,
    pub(super) len: u32,
    pub(super) op_flags: u32,
    pub(super) user_data: u64,
    /// Also the buffer group.
    pub(super) buf_index: u16,
    pub(super) personality: u16,
    pub(super) file_index: i32,
    pub(super) addr3: u64,
    pub(super) pad: u64,
}

#[repr(C)]
#[derive(Debug, Clone, Copy)]
struct Cqe {
    user_data: u64,
    res: i32,
    flags: u32,
}

const _: () = assert!(size_of::<Sqe>() == 64 && size_of::<Cqe>() == 16);

/// Part of the memfd, mapped for as long as the simulated ring lives.
#[derive(Debug)]
struct Mapped {
    start: NonNull<u8>,
    len: usize,
}

impl Mapped {
    fn new(fd: &OwnedFd, at: usize, len: usize) -> io::Result<Mapped> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let (fd, at) = (fd.as_raw_fd(), at as libc::off_t);
        // SAFETY: a new mapping of a file touches no memory that is in use.
        let start =
            unsafe { libc::mmap(std::ptr::null_mut(), len, protection, libc::MAP_SHARED, fd, at) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mapped at zero"))?;
        Ok(Mapped { start, len })
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the pages are this mapping's own; the user has mapped them elsewhere.
        let _cannot_fail = unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// The kernel's side of the queues.
#[derive(Debug)]
pub(super) struct Shared {
    queues: Mapped,
    sqes: Mapped,
    entries: u32,
    cq_entries: u32,
    /// Where the array of indexes is, if there is one.
    array: Option<usize>,
}

impl Shared {
    /// Makes the memory for what `params` ask and writes the answer into them.
    pub(super) fn new(entries: u32, params: &mut Params) -> io::Result<(OwnedFd, Shared)> {
        let clamps = params.flags & SETUP_CLAMP != 0;
        let entries = size(entries, ENTRIES_MAX, clamps)?;
        let cq_entries = match params.flags & SETUP_CQSIZE {
            0 => entries * 2,
            _ => size(params.cq_entries, ENTRIES_MAX * 2, clamps)?,
        };
        if cq_entries < entries {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        let cqes_end = CQ.cqes as usize + cq_entries as usize * size_of::<Cqe>();
        let has_array = params.flags & SETUP_NO_SQARRAY == 0;
        let len = cqes_end + if has_array { entries as usize * 4 } else { 0 };
        let sqes_len = entries as usize * size_of::<Sqe>();
        // SAFETY: the name is a C string and the call has no other preconditions.
        let fd = unsafe { libc::memfd_create(c"simulated ring".as_ptr(), libc::MFD_CLOEXEC) };
        if fd == -1 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call succeeded, so this is a fresh descriptor that nobody else owns.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: the call takes integers and has no preconditions.
        let sized = unsafe { libc::ftruncate(fd.as_raw_fd(), (SQES_AT + sqes_len) as libc::off_t) };
        if sized == -1 {
            return Err(io::Error::last_os_error());
        }
        let queues = Mapped::new(&fd, 0, len)?;
        let sqes = Mapped::new(&fd, SQES_AT, sqes_len)?;
        let array = has_array.then_some(cqes_end);
        let shared = Shared { queues, sqes, entries, cq_entries, array };
        for (at, value) in [
            (SQ.ring_mask, entries - 1),
            (SQ.ring_entries, entries),
            (CQ.ring_mask, cq_entries - 1),
            (CQ.ring_entries, cq_entries),
        ] {
            shared.word(at).store(value, Ordering::Relaxed);
        }
        params.sq_entries = entries;
        params.cq_entries = cq_entries;
        params.sq_off = SqOffsets { array: array.unwrap_or(0) as u32, ..SQ };
        params.cq_off = CQ;
        Ok((fd, shared))
    }

    fn word(&self, at: u32) -> &AtomicU32 {
        // SAFETY: every offset that is asked for lies within the mapping.
        let place = unsafe { self.queues.start.add(at as usize) };
        // SAFETY: the word is aligned, lives as long as the mapping, and is shared as an atomic.
        unsafe { place.cast::<AtomicU32>().as_ref() }
    }

    /// Entries that were pushed and not taken; more than fit means that the queue was overwritten.
    pub(super) fn pushed(&self) -> u32 {
        let tail = self.word(SQ.tail).load(Ordering::Acquire);
        tail.wrapping_sub(self.word(SQ.head).load(Ordering::Relaxed))
    }

    pub(super) fn entries(&self) -> u32 {
        self.entries
    }

    /// Takes the next entry.
    pub(super) fn take(&self) -> Option<Sqe> {
        let head = self.word(SQ.head).load(Ordering::Relaxed);
        if self.word(SQ.tail).load(Ordering::Acquire) == head {
            return None;
        }
        let place = head & (self.entries - 1);
        let index = match self.array {
            None => place,
            Some(array) => self.word(array as u32 + place * 4).load(Ordering::Relaxed),
        };
        assert!(index < self.entries, "the queue names entry {index} of {}", self.entries);
        // SAFETY: the index is below the number of entries.
        let sqe = unsafe { self.sqes.start.cast::<Sqe>().add(index as usize) };
        // SAFETY: the user has published the entry and does not touch it before the head moves.
        let sqe = unsafe { sqe.read() };
        self.word(SQ.head).store(head.wrapping_add(1), Ordering::Release);
        Some(sqe)
    }

    /// Completions that the user has not taken; more than fit means that its head is wrong.
    pub(super) fn untaken(&self) -> u32 {
        let head = self.word(CQ.head).load(Ordering::Acquire);
        self.word(CQ.tail).load(Ordering::Relaxed).wrapping_sub(head)
    }

    pub(super) fn cq_entries(&self) -> u32 {
        self.cq_entries
    }

    /// Posts a completion; the caller has seen that there is room.
    pub(super) fn post(&self, user_data: u64, res: i32, flags: u32) {
        let tail = self.word(CQ.tail).load(Ordering::Relaxed);
        let at = CQ.cqes as usize + (tail & (self.cq_entries - 1)) as usize * size_of::<Cqe>();
        // SAFETY: the place lies within the mapping, which ends behind the last completion.
        let cqe = unsafe { self.queues.start.add(at) }.cast::<Cqe>();
        // SAFETY: the place is aligned and free: the user's head has passed it.
        unsafe { cqe.write(Cqe { user_data, res, flags }) };
        self.word(CQ.tail).store(tail.wrapping_add(1), Ordering::Release);
    }

    /// Raises or clears a flag of the submission queue.
    pub(super) fn set_flag(&self, flag: u32, on: bool) {
        let word = self.word(SQ.flags);
        let flags = word.load(Ordering::Relaxed) & !flag;
        word.store(if on { flags | flag } else { flags }, Ordering::Release);
    }

    pub(super) fn set_overflowed(&self, on: bool) {
        self.set_flag(abi::SQ_CQ_OVERFLOW, on);
    }
}

/// The number of entries that the kernel makes of what was asked.
fn size(asked: u32, most: u32, clamps: bool) -> io::Result<u32> {
    match asked {
        0 => Err(io::Error::from_raw_os_error(libc::EINVAL)),
        asked if asked > most && !clamps => Err(io::Error::from_raw_os_error(libc::EINVAL)),
        asked => Ok(asked.min(most).next_power_of_two()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::IntoRawFd;

    use io_uring::{IoUring, opcode};

    use super::*;
    use crate::sys::door;

    #[test]
    fn the_crates_queues_run_on_the_simulators_memory() {
        for flags in [SETUP_NO_SQARRAY, 0] {
            let mut params = Params { flags, ..Params::default() };
            params.features = abi::FEAT_SINGLE_MMAP;
            let (fd, shared) = Shared::new(4, &mut params).unwrap();
            let parameters = door::parameters(params);
            // SAFETY: the descriptor is given away, and the parameters describe its memory.
            let mut ring: IoUring =
                unsafe { IoUring::from_fd(fd.into_raw_fd(), parameters) }.unwrap();
            for user_data in 0..3 {
                let nop = opcode::Nop::new().build().user_data(user_data);
                // SAFETY: a NOP lends nothing.
                unsafe { ring.submission().push(&nop) }.unwrap();
            }
            assert_eq!(shared.pushed(), 3);
            while let Some(sqe) = shared.take() {
                shared.post(sqe.user_data, sqe.user_data as i32 * 10, 0);
            }
            let completed: Vec<_> =
                ring.completion().map(|cqe| (cqe.user_data(), cqe.result())).collect();
            assert_eq!(completed, [(0, 0), (1, 10), (2, 20)]);
            assert_eq!((shared.pushed(), shared.untaken()), (0, 0));
            shared.set_overflowed(true);
            assert!(ring.submission().cq_overflow());
        }
    }

    #[test]
    fn sizes_are_rounded_up_and_cut_only_where_that_was_asked() {
        assert_eq!(size(5, 64, false).unwrap(), 8);
        assert_eq!(size(65, 64, true).unwrap(), 64);
        assert!(size(65, 64, false).is_err());
        assert!(size(0, 64, true).is_err());
    }
}
