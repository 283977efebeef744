//! The memory that a simulated ring shares with its user: the two queues.
//!
//! Both sides are on one thread, so it is memory of the heap, without the mappings and barriers that a
//! real ring needs: a ring costs no system call, and Miri can follow what goes through it.

use std::cell::Cell;
use std::io;

use io_uring::squeue::Entry;

use crate::sys::abi::{self, Params, SETUP_CLAMP, SETUP_CQSIZE};

const ENTRIES_MAX: u32 = 32_768;

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

#[derive(Debug, Clone, Copy, Default)]
struct Cqe {
    user_data: u64,
    res: i32,
    flags: u32,
}

const _: () = assert!(size_of::<Sqe>() == 64 && size_of::<Entry>() == 64);

/// The two queues. Heads and tails run on and wrap around; their low bits are places.
#[derive(Debug)]
pub(super) struct Block {
    sqes: Box<[Cell<Sqe>]>,
    cqes: Box<[Cell<Cqe>]>,
    sq_head: Cell<u32>,
    sq_tail: Cell<u32>,
    sq_flags: Cell<u32>,
    cq_head: Cell<u32>,
    cq_tail: Cell<u32>,
}

impl Block {
    /// Makes the queues that `params` ask for and writes the answer into them.
    pub(super) fn new(entries: u32, params: &mut Params) -> io::Result<Block> {
        let clamps = params.flags & SETUP_CLAMP != 0;
        let entries = size(entries, ENTRIES_MAX, clamps)?;
        let cq_entries = match params.flags & SETUP_CQSIZE {
            0 => entries * 2,
            _ => size(params.cq_entries, ENTRIES_MAX * 2, clamps)?,
        };
        if cq_entries < entries {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        params.sq_entries = entries;
        params.cq_entries = cq_entries;
        Ok(Block {
            sqes: places(entries),
            cqes: places(cq_entries),
            sq_head: Cell::new(0),
            sq_tail: Cell::new(0),
            sq_flags: Cell::new(0),
            cq_head: Cell::new(0),
            cq_tail: Cell::new(0),
        })
    }

    /// Entries that were pushed and not taken.
    pub(super) fn pushed(&self) -> u32 {
        self.sq_tail.get().wrapping_sub(self.sq_head.get())
    }

    pub(super) fn entries(&self) -> u32 {
        self.sqes.len() as u32
    }

    /// The user puts an entry into the queue; whether there was room.
    pub(super) fn push(&self, entry: &Entry) -> bool {
        if self.pushed() == self.entries() {
            return false;
        }
        let entry: *const Entry = entry;
        // SAFETY: both are the kernel's `struct io_uring_sqe`, plain numbers of 64 bytes, and an
        // entry is all written.
        let sqe = unsafe { entry.cast::<Sqe>().read() };
        let tail = self.sq_tail.get();
        self.sqes[(tail & (self.entries() - 1)) as usize].set(sqe);
        self.sq_tail.set(tail.wrapping_add(1));
        true
    }

    /// The kernel takes the next entry.
    pub(super) fn take(&self) -> Option<Sqe> {
        if self.pushed() == 0 {
            return None;
        }
        let head = self.sq_head.get();
        self.sq_head.set(head.wrapping_add(1));
        Some(self.sqes[(head & (self.entries() - 1)) as usize].get())
    }

    /// Completions that the user has not taken.
    pub(super) fn untaken(&self) -> u32 {
        self.cq_tail.get().wrapping_sub(self.cq_head.get())
    }

    pub(super) fn cq_entries(&self) -> u32 {
        self.cqes.len() as u32
    }

    /// The kernel posts a completion; it has seen that there is room.
    pub(super) fn post(&self, user_data: u64, res: i32, flags: u32) {
        let tail = self.cq_tail.get();
        let place = (tail & (self.cq_entries() - 1)) as usize;
        self.cqes[place].set(Cqe { user_data, res, flags });
        self.cq_tail.set(tail.wrapping_add(1));
    }

    /// The user takes the oldest completion.
    pub(super) fn take_completion(&self) -> Option<(u64, i32, u32)> {
        if self.untaken() == 0 {
            return None;
        }
        let head = self.cq_head.get();
        self.cq_head.set(head.wrapping_add(1));
        let Cqe { user_data, res, flags } =
            self.cqes[(head & (self.cq_entries() - 1)) as usize].get();
        Some((user_data, res, flags))
    }

    /// Raises or clears a flag of the submission queue.
    pub(super) fn set_flag(&self, flag: u32, on: bool) {
        let flags = self.sq_flags.get() & !flag;
        self.sq_flags.set(if on { flags | flag } else { flags });
    }

    pub(super) fn set_overflowed(&self, on: bool) {
        self.set_flag(abi::SQ_CQ_OVERFLOW, on);
    }

    pub(super) fn has_overflowed(&self) -> bool {
        self.sq_flags.get() & abi::SQ_CQ_OVERFLOW != 0
    }
}

fn places<T: Default>(count: u32) -> Box<[Cell<T>]> {
    (0..count).map(|_| Cell::default()).collect()
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
    use io_uring::opcode;

    use super::*;

    #[test]
    fn entries_and_completions_go_round_the_queues_in_order() {
        let mut params = Params { flags: SETUP_CQSIZE, cq_entries: 4, ..Params::default() };
        let block = Block::new(2, &mut params).unwrap();
        assert_eq!((params.sq_entries, params.cq_entries), (2, 4));
        for round in 0..5 {
            let nop = |user_data| opcode::Nop::new().build().user_data(user_data);
            assert!(block.push(&nop(round)) && block.push(&nop(round + 10)));
            assert!(!block.push(&nop(99)), "the queue is full");
            assert_eq!(block.pushed(), 2);
            while let Some(sqe) = block.take() {
                block.post(sqe.user_data, sqe.user_data as i32 * 10, 7);
            }
            assert_eq!(block.take_completion(), Some((round, round as i32 * 10, 7)));
            assert_eq!(block.untaken(), 1);
            assert_eq!(block.take_completion().map(|taken| taken.0), Some(round + 10));
            assert_eq!(block.take_completion(), None);
        }
        block.set_overflowed(true);
        assert!(block.has_overflowed());
    }

    #[test]
    fn sizes_are_rounded_up_and_cut_only_where_that_was_asked() {
        assert_eq!(size(5, 64, false).unwrap(), 8);
        assert_eq!(size(65, 64, true).unwrap(), 64);
        assert!(size(65, 64, false).is_err());
        assert!(size(0, 64, true).is_err());
    }
}
