//! One enter: submit, run deferred work, wait.
//!
//! It follows `uring-sys-notes/enter.md`: what was submitted wins over what the wait says, a short
//! submit neither waits nor runs deferred work, and one enter hands out twenty completions or as
//! many as are waited for.
//!
//! A wait is where virtual time passes. Nothing else can happen on this thread meanwhile, so the
//! clock jumps from event to event until there is a completion or the time is up.

use std::io;
use std::os::fd::RawFd;

use super::Fault;
use super::files::{Kind, POLLIN};
use super::machine::Machine;
use super::memory::Memory;
use super::ops::{Op, Stage};
use crate::sys::abi::{self, GetEventsArg};

/// What an enter costs of virtual time, so that a loop that never waits sees time pass.
pub(super) const ENTER_NS: u64 = 1_000;
/// As `IO_LOCAL_TW_DEFAULT_MAX` of the kernel.
const WORK_MAX: u32 = 20;
const HOUR_NS: u64 = 3_600_000_000_000;

/// The arguments of an enter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Enter {
    pub(super) fd: RawFd,
    pub(super) to_submit: u32,
    pub(super) min_complete: u32,
    pub(super) flags: u32,
    pub(super) arg: u64,
    pub(super) size: usize,
}

impl Machine {
    /// An enter of one of the simulator's rings; `None` if the descriptor is none.
    pub(super) fn enter(&mut self, call: Enter) -> Option<io::Result<u32>> {
        let ring = self.ring_of(call.fd, call.flags & abi::ENTER_REGISTERED_RING != 0)?;
        self.look_if_run();
        self.has_run = true;
        self.now_ns += ENTER_NS;
        self.enters += 1;
        if self.enters > self.enters_max {
            self.enters_max = u64::MAX;
            self.violation(format!("the run has made {} enters and goes on", self.enters));
        }
        if self.chance(Fault::ClockJump) {
            mark!("clock jump");
            let jump_ns = self.rng.below(5) * HOUR_NS + HOUR_NS;
            self.note("clock jump", 0, jump_ns as i64);
            self.advance_to(self.now_ns + jump_ns);
        }
        self.do_due();
        let before = std::mem::replace(&mut self.current, self.rings[ring].host);
        let answer = self.do_enter(ring, call);
        self.current = before;
        self.check_ring(ring);
        Some(answer)
    }

    fn do_enter(&mut self, ring: usize, call: Enter) -> io::Result<u32> {
        if let Some(error) = self.refusal() {
            return Err(error);
        }
        self.check_queue(ring);
        let to_submit = match self.chance(Fault::ShortSubmit) && call.to_submit > 1 {
            true => {
                mark!("short submit");
                self.rng.between(1, u64::from(call.to_submit) - 1) as u32
            }
            false => call.to_submit,
        };
        let submitted = self.submit(ring, to_submit);
        if submitted < call.to_submit || call.flags & abi::ENTER_GETEVENTS == 0 {
            return Ok(submitted);
        }
        let cap = self.work_cap();
        if submitted > 0 {
            self.run_work(ring, cap);
        }
        let is_over = self.wait(ring, &call, cap);
        match is_over {
            _ if submitted > 0 => Ok(submitted),
            Some(error) if self.rings[ring].shared.untaken() == 0 => {
                Err(io::Error::from_raw_os_error(error))
            }
            _ => Ok(0),
        }
    }

    /// An errno of the whole call, before anything was done.
    fn refusal(&mut self) -> Option<io::Error> {
        let errno = if self.chance(Fault::EnterBusy) {
            mark!("enter busy");
            [libc::EAGAIN, libc::EBUSY, libc::ENOMEM][self.rng.below(3) as usize]
        } else {
            return None;
        };
        self.note("enter refused", 0, i64::from(errno));
        Some(io::Error::from_raw_os_error(errno))
    }

    fn work_cap(&mut self) -> u32 {
        match self.faults.get(Fault::WorkCap) {
            0 => WORK_MAX,
            most => self.rng.between(1, u64::from(most)) as u32,
        }
    }

    /// Runs deferred work and lets time pass until enough completions are there. Answers why it
    /// ended without.
    fn wait(&mut self, ring: usize, call: &Enter, cap: u32) -> Option<i32> {
        let until_ns = self.deadline_of(call);
        self.rings[ring].waits_until = None;
        loop {
            self.do_due();
            let wanted = call.min_complete.saturating_sub(self.rings[ring].shared.untaken());
            self.run_work(ring, cap.max(wanted));
            self.flush_overflow(ring);
            let room = self.queue_size(ring);
            if self.rings[ring].shared.untaken() >= call.min_complete.min(room) {
                return None;
            }
            if !self.rings[ring].work.is_empty() {
                continue;
            }
            if self.now_ns >= until_ns {
                return Some(libc::ETIME);
            }
            if self.chance(Fault::EnterInterrupted) {
                mark!("enter interrupted");
                return Some(libc::EINTR);
            }
            if self.chance(Fault::SpuriousWake) && self.kick_for_nothing(ring) {
                continue;
            }
            if self.jobs.has_ready(self.rings[ring].host) {
                return Some(libc::EINTR);
            }
            if !self.is_blocking {
                self.rings[ring].waits_until = Some(until_ns);
                return Some(libc::ETIME);
            }
            match self.events.next_ns().filter(|next_ns| *next_ns <= until_ns) {
                Some(next_ns) => self.now_ns = self.now_ns.max(next_ns),
                None if until_ns == u64::MAX && self.look_for_kicks() => {}
                None if until_ns == u64::MAX => {
                    self.deadlock(ring);
                    return Some(libc::EINTR);
                }
                None => self.now_ns = until_ns,
            }
        }
    }

    /// Wakes the loop as a kick of its counter would; whether one is polled.
    fn kick_for_nothing(&mut self, ring: usize) -> bool {
        let polls_counter = |op: &Op| {
            let file = op.file.and_then(|file| self.files.get(file));
            let is_counter = file.is_some_and(|file| matches!(file.kind, Kind::Event(_)));
            op.ring == ring && op.stage == Stage::Armed && op.is_multishot() && is_counter
        };
        let found = self.ops.iter().find(|(_, op)| polls_counter(op)).map(|(id, _)| id);
        if let Some(op) = found {
            mark!("wake for nothing");
            self.post_more(op, POLLIN as i32, 0);
        }
        found.is_some()
    }

    /// Until when an enter waits.
    fn deadline_of(&self, call: &Enter) -> u64 {
        if call.flags & abi::ENTER_EXT_ARG == 0 || call.arg == 0 {
            return u64::MAX;
        }
        let arg: GetEventsArg = Memory::new(call.arg, call.size).read_as();
        if arg.timespec == 0 {
            return u64::MAX;
        }
        let time = timespec_ns(arg.timespec);
        match call.flags & abi::ENTER_ABS_TIMER {
            0 => self.now_ns.saturating_add(time.unwrap_or(0)),
            _ => time.unwrap_or(u64::MAX),
        }
    }

    /// Attempts and completes what is deferred, at most so many.
    fn run_work(&mut self, ring: usize, cap: u32) {
        for _ in 0..cap {
            let queued = self.rings[ring].work.len();
            if queued == 0 {
                return;
            }
            let overtakes = queued > 1 && self.chance(Fault::Reorder);
            if overtakes {
                mark!("completion overtakes another");
            }
            let at = if overtakes { self.rng.below(queued as u64) as usize } else { 0 };
            if let Some(op) = self.rings[ring].work.remove(at) {
                self.do_work(op);
            }
        }
        if !self.rings[ring].work.is_empty() {
            mark!("work past the cap");
            if cap < WORK_MAX {
                mark!("work past a smaller cap");
            }
        }
    }

    /// Which ring a number or a registered index means.
    pub(super) fn ring_of(&self, fd: RawFd, is_index: bool) -> Option<usize> {
        if is_index {
            let is_ours = self.rings.get(fd as usize).is_some_and(|ring| !ring.is_closed);
            return is_ours.then_some(fd as usize);
        }
        self.rings.iter().rposition(|ring| ring.number == fd && !ring.is_closed)
    }
}

/// The nanoseconds of a `struct __kernel_timespec`; `None` for a negative time.
pub(super) fn timespec_ns(addr: u64) -> Option<u64> {
    let [seconds, nanoseconds] = Memory::new(addr, 16).read_as::<[i64; 2]>();
    if seconds < 0 || nanoseconds < 0 {
        return None;
    }
    Some((seconds as u64).saturating_mul(1_000_000_000).saturating_add(nanoseconds as u64))
}
