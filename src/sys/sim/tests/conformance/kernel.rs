//! A ring on whichever kernel this thread has, driven entry by entry.

use std::os::fd::{AsRawFd, FromRawFd};
use std::time::Duration;

use io_uring::squeue::Entry;
use io_uring::{opcode, types};

use crate::sys::abi::{self, GetEventsArg, Params};
use crate::sys::queues::Queues;
use crate::sys::{Owned, door, ladder, sim};

/// What one completion says: whose it is, its result, its flags.
pub(super) type Item = (u64, i32, u32);

/// User data from here on belong to the stage and are not part of a script's outcome.
pub(super) const STAGE: u64 = 900;

/// A ring and the completions that it has given.
pub(super) struct Kernel {
    ring: Queues,
    pub(super) items: Vec<Item>,
    staged: Vec<Item>,
    /// Descriptors that accepts gave.
    accepted: Vec<Owned>,
    accepts: bool,
    /// How long the real kernel may take for a completion.
    patience_ms: u64,
}

impl Kernel {
    pub(super) fn new(accepts: bool, patience_ms: u64) -> Kernel {
        let flags = ladder::FASTEST | abi::SETUP_CQSIZE;
        let asked = Params { flags, cq_entries: 64, ..Params::default() };
        let (fd, made) = ladder::set_up(16, &asked).expect("a ring");
        // SAFETY: the descriptor is a fresh ring's, given away, and `made` describes it.
        let ring = unsafe { Queues::over(fd, made) };
        Kernel {
            ring: ring.expect("a mapped ring"),
            items: Vec::new(),
            staged: Vec::new(),
            accepted: Vec::new(),
            accepts,
            patience_ms,
        }
    }

    pub(super) fn number(&self) -> i32 {
        self.ring.as_raw_fd()
    }

    pub(super) fn push(&mut self, entry: &Entry) {
        // SAFETY: what scripts lend is leaked or outlives the ring.
        unsafe { self.ring.submission().push(entry) }.expect("room");
    }

    /// Submits, waits for so many completions at most for a while, and takes what is there.
    pub(super) fn enter(&mut self, min_complete: u32) {
        // Virtual time costs nothing; real time only passes where nothing comes.
        let patience_ms = if sim::is_installed() { 5_000 } else { self.patience_ms };
        let limit =
            if min_complete == 0 { Duration::ZERO } else { Duration::from_millis(patience_ms) };
        let timespec: [i64; 2] = [limit.as_secs() as i64, i64::from(limit.subsec_nanos())];
        let arg = GetEventsArg { timespec: timespec.as_ptr() as u64, ..Default::default() };
        let flags = abi::ENTER_GETEVENTS | abi::ENTER_EXT_ARG;
        let to_submit = self.ring.submission().len() as u32;
        let (size, record) = (size_of_val(&arg), &raw const arg);
        let fd = self.ring.as_raw_fd();
        // SAFETY: as in `push`; the argument and what it names outlive the call.
        let _timed_out =
            unsafe { door::enter(fd, to_submit, min_complete, flags, record.cast(), size) };
        self.take();
    }

    fn take(&mut self) {
        let mut taken: Vec<Item> = Vec::new();
        self.ring.reap(|user_data, res, flags| taken.push((user_data, res, flags)));
        for (whose, mut res, flags) in taken {
            // Whether more waits in the socket is the real kernel's alone to tell.
            let flags = flags & !4;
            if self.accepts && whose < 10 && res >= 0 {
                // SAFETY: an accept has given this descriptor, and each is taken once.
                self.accepted.push(unsafe { Owned::from_raw_fd(res) });
                res = 0;
            }
            let list = if whose < STAGE { &mut self.items } else { &mut self.staged };
            list.push((whose, res, flags));
        }
    }

    /// Submits an entry of the stage's and waits until it is done.
    pub(super) fn staged(&mut self, entry: Entry) -> i32 {
        let entry = entry.user_data(STAGE);
        self.push(&entry);
        for _ in 0..100 {
            self.enter(1);
            match self.staged.pop() {
                // A worker was interrupted before it did anything.
                Some((_, -4 | -512, _)) => self.push(&entry),
                Some((_, res, _)) => return res,
                None => {}
            }
        }
        panic!("an entry of the stage did not complete");
    }

    /// Takes completions until none comes any more.
    pub(super) fn settle(&mut self) {
        loop {
            let before = self.items.len();
            self.enter(1);
            if self.items.len() == before {
                return;
            }
        }
    }

    /// The outcome of the script, and the end of all that is in flight.
    pub(super) fn finish(mut self) -> Vec<Item> {
        let mut outcome = std::mem::take(&mut self.items);
        outcome.sort_by_key(|(whose, _, _)| *whose);
        let all = types::CancelBuilder::any().all();
        self.staged(opcode::AsyncCancel2::new(all).build());
        self.settle();
        outcome
    }
}
