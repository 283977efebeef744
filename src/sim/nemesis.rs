//! What the world itself lets go wrong: links that are cut, hosts that crash.

use std::time::Duration;

use super::world::{World, nanoseconds};
use crate::sys::sim::{self as kernel, HostId};

/// The mean time between two moments at which something may happen.
const PAUSE: Duration = Duration::from_millis(200);
/// The mean time for which a link is cut or a host is down.
const OUTAGE: Duration = Duration::from_secs(1);

/// What is broken now, and when something happens next.
#[derive(Debug, Default)]
pub(super) struct Nemesis {
    next_ns: u64,
    cut: Vec<(u64, HostId, HostId)>,
    /// By their place in the world's list.
    down: Vec<(u64, usize)>,
}

impl Nemesis {
    pub(super) fn begin(now_ns: u64) -> Nemesis {
        Nemesis { next_ns: now_ns, ..Nemesis::default() }
    }

    /// When it does something next.
    pub(super) fn next_ns(&self) -> u64 {
        let mended = self.cut.iter().map(|(at_ns, ..)| *at_ns);
        let restarted = self.down.iter().map(|(at_ns, _)| *at_ns);
        mended.chain(restarted).fold(self.next_ns, u64::min)
    }
}

impl World {
    /// Breaks and mends what is due.
    pub(super) fn let_nemesis_act(&mut self) {
        let now_ns = kernel::now_ns();
        self.mend(now_ns);
        if now_ns < self.nemesis.next_ns {
            return;
        }
        self.nemesis.next_ns = now_ns + self.spread(PAUSE);
        if self.rng.chance(self.faults.partitions()) && self.hosts.len() > 1 {
            let one = self.rng.below(self.hosts.len() as u64) as usize;
            let other =
                (one + 1 + self.rng.below(self.hosts.len() as u64 - 1) as usize) % self.hosts.len();
            let (one, other) = (self.hosts[one].id, self.hosts[other].id);
            kernel::partition(one, other);
            let until_ns = now_ns + self.spread(OUTAGE);
            self.nemesis.cut.push((until_ns, one, other));
        }
        if self.rng.chance(self.faults.crashes()) {
            let index = self.rng.below(self.hosts.len() as u64) as usize;
            if !self.hosts[index].is_client && self.hosts[index].is_up() {
                self.hosts[index].crash();
                let until_ns = now_ns + self.spread(OUTAGE);
                self.nemesis.down.push((until_ns, index));
            }
        }
    }

    /// Mends everything.
    pub(super) fn end_nemesis(&mut self) {
        self.mend(u64::MAX);
        self.nemesis.next_ns = u64::MAX;
    }

    fn mend(&mut self, now_ns: u64) {
        let cut = self.nemesis.cut.iter().map(|(at_ns, ..)| at_ns);
        let mut due = cut.chain(self.nemesis.down.iter().map(|(at_ns, _)| at_ns));
        if !due.any(|at_ns| *at_ns <= now_ns) {
            return;
        }
        let cut = std::mem::take(&mut self.nemesis.cut);
        let (mended, cut) = cut.into_iter().partition(|(at_ns, ..)| *at_ns <= now_ns);
        self.nemesis.cut = cut;
        for (_, one, other) in mended {
            // A link may have been cut more than once.
            let is_cut = |(_, a, b): &(u64, HostId, HostId)| {
                (*a, *b) == (one, other) || (*b, *a) == (one, other)
            };
            if !self.nemesis.cut.iter().any(is_cut) {
                kernel::heal(one, other);
            }
        }
        let down = std::mem::take(&mut self.nemesis.down);
        let (back, down): (Vec<_>, Vec<_>) =
            down.into_iter().partition(|(at_ns, _)| *at_ns <= now_ns);
        self.nemesis.down = down;
        for (_, index) in back {
            if !self.hosts[index].is_up() {
                self.hosts[index].restart();
            }
        }
    }

    /// A time around `mean`, from nothing to twice as much.
    fn spread(&mut self, mean: Duration) -> u64 {
        1 + self.rng.below(2 * nanoseconds(mean))
    }
}
