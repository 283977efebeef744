//! How the world goes on: one host's loop has its turn, or the clock moves.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::failure;
use super::world::World;
use crate::sys::sim as kernel;

/// More steps than this without the clock having moved by itself, and the programs run in circles.
const STEPS_MAX: u64 = 20_000_000;

/// Whether things go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// They never did.
    Plain,
    Faults {
        until_ns: u64,
    },
    /// They did, and do not any more.
    Calm,
}

impl World {
    /// Goes on for `time` on the world's clock.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run), but for the time limit.
    pub fn run_for(&mut self, time: Duration) {
        let until_ns = self.after_ns(time);
        kernel::has_run();
        while kernel::now_ns() < until_ns {
            self.round(until_ns);
        }
    }

    /// Goes on until `condition` holds, which is asked after each step.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    pub fn run_until(&mut self, mut condition: impl FnMut(&World) -> bool) {
        let mut limit_ns = self.limit_ns();
        while !condition(self) {
            kernel::has_run();
            limit_ns = self.checked_round(limit_ns);
        }
    }

    /// One round within the time limit, which begins anew when the faults end.
    pub(super) fn checked_round(&mut self, limit_ns: u64) -> u64 {
        let before = self.phase;
        let moved = self.round(u64::MAX);
        if self.phase != before {
            return self.limit_ns();
        }
        if !moved {
            self.fail("the world stands still: nothing that a program waits for will ever happen");
        }
        let is_calm = !matches!(self.phase, Phase::Faults { .. });
        if is_calm && kernel::now_ns() > limit_ns {
            self.fail("the programs do not come to an end within the time limit");
        }
        limit_ns
    }

    pub(super) fn limit_ns(&self) -> u64 {
        self.after_ns(self.time_limit)
    }

    /// One host's turn, or else the clock goes on, to `until_ns` at most. Whether either was so.
    pub(super) fn round(&mut self, until_ns: u64) -> bool {
        let now_ns = kernel::now_ns();
        if let Phase::Faults { until_ns } = self.phase {
            if now_ns >= until_ns {
                self.calm_down();
            } else {
                self.let_nemesis_act();
            }
        }
        if let Some(index) = self.choose(now_ns) {
            self.step(index);
            return true;
        }
        if let Some(host) = self.hosts.iter().find(|host| host.has_lost_wake()) {
            let name = host.name.clone();
            self.fail(&format!("a wake was lost: a message waits for {name}, whose loop sleeps"));
        }
        let mut next_ns = until_ns;
        let deadlines = self.hosts.iter().filter_map(super::host::Host::deadline_ns);
        let happens_ns = deadlines.chain(kernel::next_event_ns()).min();
        next_ns = next_ns.min(happens_ns.unwrap_or(u64::MAX));
        if let Phase::Faults { until_ns } = self.phase {
            next_ns = next_ns.min(until_ns).min(self.nemesis.next_ns());
        }
        if next_ns == u64::MAX {
            // Somebody else, such as another thread, may have closed something or kicked a loop.
            kernel::has_run();
            kernel::look_for_kicks();
            return self.hosts.iter().any(|host| host.is_ready(now_ns));
        }
        kernel::advance_to(next_ns.max(now_ns));
        true
    }

    /// One of the hosts that have something to do, by the seed.
    fn choose(&mut self, now_ns: u64) -> Option<usize> {
        let mut chosen = None;
        let mut ready = 0;
        for index in 0..self.hosts.len() {
            if self.hosts[index].is_ready(now_ns) {
                ready += 1;
                if ready == 1 || self.rng.below(ready) == 0 {
                    chosen = Some(index);
                }
            }
        }
        chosen
    }

    fn step(&mut self, index: usize) {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            self.fail("the programs run in circles");
        }
        let host = &mut self.hosts[index];
        let stepped = catch_unwind(AssertUnwindSafe(|| host.step()));
        match stepped {
            Ok(Ok(())) => {}
            Ok(Err(how)) => self.fail(&how),
            Err(payload) => self.fail(&failure::message(&*payload)),
        }
    }

    /// Ends the faults: from here on everything must come to its end.
    pub(super) fn calm_down(&mut self) {
        kernel::set_faults(kernel::Faults::none());
        self.phase = Phase::Calm;
        self.end_nemesis();
    }
}
