//! What must hold at every step, and what is said when it does not.

use std::collections::BTreeMap;

use super::codes;
use super::machine::Machine;
use super::memory::Memory;
use super::ops::{Op, OpId, Payload};

/// The memory that ops in flight have been lent: by its start and the op, its end and whether the
/// kernel writes to it.
#[derive(Debug, Default)]
pub(super) struct Lent {
    ranges: BTreeMap<(u64, u64), (u64, bool)>,
}

impl Lent {
    /// Enters a range; answers an op that it may not share its bytes with.
    fn enter(&mut self, memory: Memory, serial: u64, writes: bool) -> Option<u64> {
        let (start, end) = (memory.addr, memory.addr + memory.len as u64);
        if start == end || start == 0 {
            return None;
        }
        let overlapping =
            |(&(_, other), &(other_end, other_writes)): (&(u64, u64), &(u64, bool))| {
                (other_end > start && (writes || other_writes)).then_some(other)
            };
        let before = self.ranges.range(..(end, 0)).next_back().and_then(overlapping);
        self.ranges.insert((start, serial), (end, writes));
        before
    }

    fn leave(&mut self, memory: Memory, serial: u64) {
        self.ranges.remove(&(memory.addr, serial));
    }

    pub(super) fn len(&self) -> usize {
        self.ranges.len()
    }
}

/// What an op lends, and whether the kernel writes there.
fn lends(op: &Op) -> Option<bool> {
    match op.sqe.opcode {
        codes::READ | codes::RECV if !op.has_flag(codes::BUFFER_SELECT) => Some(true),
        codes::READV | codes::RECVMSG | codes::READ_FIXED | codes::GETXATTR => Some(true),
        codes::WRITE | codes::SEND | codes::SEND_ZC => Some(false),
        codes::WRITEV | codes::SENDMSG | codes::SENDMSG_ZC => Some(false),
        codes::WRITE_FIXED | codes::SETXATTR => Some(false),
        _ => None,
    }
}

impl Machine {
    /// Notes what an op has been lent.
    pub(super) fn lend(&mut self, op: &Op) {
        let Some(writes) = lends(op) else { return };
        let mut clash = None;
        match &op.payload {
            Payload::Pieces(pieces) => {
                for piece in pieces {
                    clash = self.lent.enter(*piece, op.serial, writes).or(clash);
                }
            }
            _ => clash = self.lent.enter(op.memory(), op.serial, writes),
        }
        if let Some(other) = clash.filter(|other| *other != op.serial) {
            self.suspect("memory is lent to two ops, one of which writes to it", other);
        }
    }

    /// The op gives its memory back.
    pub(super) fn take_back(&mut self, op: &Op) {
        if lends(op).is_none() {
            return;
        }
        match &op.payload {
            Payload::Pieces(pieces) => {
                pieces.iter().for_each(|piece| self.lent.leave(*piece, op.serial));
            }
            _ => self.lent.leave(op.memory(), op.serial),
        }
    }

    /// A rule of the ring's user was broken, unless this run is one that breaks them.
    pub(super) fn suspect(&mut self, what: &str, serial: u64) {
        if !self.is_lenient {
            self.violation(format!("{what} (op or file #{serial})"));
        }
    }

    /// Notes a violation, or panics with all that is needed to see it again.
    pub(super) fn violation(&mut self, what: String) {
        self.note("violation", 0, self.violations.len() as i64);
        let first = self.violations.is_empty();
        self.violations.push(what.clone());
        if self.panics && first && !std::thread::panicking() {
            let report = self.report(&what);
            panic!("{report}");
        }
    }

    /// The seed, the knobs, the last events.
    pub(super) fn report(&self, what: &str) -> String {
        format!(
            "simulation: {what}\nseed: {}\nfaults: {}\nops in flight:\n{}\nlast events:\n{}",
            self.seed,
            self.faults,
            self.describe_ops().join("\n"),
            self.trace.last(200).join("\n"),
        )
    }

    /// The ops in flight, in words.
    pub(super) fn describe_ops(&self) -> Vec<String> {
        let mut found: Vec<(u64, String)> = self.ops.iter().map(describe).collect();
        found.sort_unstable();
        found.into_iter().map(|(_, words)| words).collect()
    }

    /// Nothing will ever happen any more, and the loop waits for it.
    pub(super) fn deadlock(&mut self, ring: usize) {
        let host = self.hosts[self.rings[ring].host.index()].name.clone();
        self.violation(format!(
            "deadlock: the loop of {host} waits for ever, and nothing that could end its wait is \
             under way"
        ));
    }

    /// The submission queue as the user left it.
    pub(super) fn check_queue(&mut self, ring: usize) {
        let shared = &self.rings[ring].shared;
        let (pushed, entries) = (shared.pushed(), shared.entries());
        if pushed > entries {
            self.violation(format!("{pushed} entries were pushed to a queue of {entries}"));
        }
    }

    /// The completion queue as the simulator leaves it.
    pub(super) fn check_ring(&mut self, ring: usize) {
        let shared = &self.rings[ring].shared;
        let (untaken, entries) = (shared.untaken(), shared.cq_entries());
        if untaken > entries {
            self.violation(format!("{untaken} completions stand in a queue of {entries}"));
        }
    }
}

fn describe((_, op): (OpId, &Op)) -> (u64, String) {
    let (name, serial, stage) = (codes::name(op.sqe.opcode), op.serial, op.stage);
    (serial, format!("  {name} #{serial} on ring {}, {stage:?}", op.ring))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_written_to_has_one_owner() {
        let mut lent = Lent::default();
        let range = |start, len| Memory::new(start, len);
        assert_eq!(lent.enter(range(100, 10), 1, true), None);
        assert_eq!(lent.enter(range(110, 10), 2, true), None);
        assert_eq!(lent.enter(range(105, 2), 3, false), Some(1));
        lent.leave(range(105, 2), 3);
        lent.leave(range(100, 10), 1);
        assert_eq!(lent.enter(range(100, 10), 4, false), None);
        assert_eq!(lent.enter(range(100, 10), 5, false), None, "two may read the same bytes");
        assert_eq!(lent.enter(range(90, 11), 6, true), Some(5));
        assert_eq!(lent.len(), 4);
    }
}
