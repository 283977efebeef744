//! What goes wrong, and how much of it: knobs that are off or have a strength.
//!
//! A run draws its knobs from its seed, each on or off and then a strength, so that runs differ in
//! kind and not only in detail: a fault that hides another is off in half of all runs.

use std::fmt;

use super::rng::Rng;

/// One knob. What its strength means is said by its row in [`KNOBS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Fault {
    Latency,
    Reorder,
    Deferred,
    Worker,
    Uncancellable,
    CancelLost,
    AcceptWins,
    WorkCap,
    ShortRead,
    ShortWrite,
    Interrupted,
    OpError,
    EnterInterrupted,
    EnterBusy,
    ShortSubmit,
    NoDescriptors,
    NoBuffers,
    MultishotEnds,
    LateNotification,
    Garbage,
    Reset,
    ClockJump,
    SmallWindow,
    SmallBacklog,
    TinyCompletionQueue,
    DiskError,
    SpuriousWake,
    OldKernel,
    LostDatagram,
    DoubledDatagram,
    LateDatagram,
}

/// Each knob's name, its strongest setting, and what the strength counts.
const KNOBS: [(&str, u32, &str); Fault::COUNT] = [
    ("latency", 2_000, "mean µs that a completion takes"),
    ("reorder", 500, "‰ of completions that overtake others"),
    ("deferred", 600, "‰ of ops that could complete at once and do not"),
    ("worker", 300, "‰ of ops that go by a kernel worker"),
    ("uncancellable", 500, "‰ of cancels that come while the op runs"),
    ("cancel-lost", 500, "‰ of cancels that lose against what is there"),
    ("accept-wins", 500, "‰ of cancelled accepts that wait on for a connection"),
    ("work-cap", 20, "completions an enter hands out at most"),
    ("short-read", 500, "‰ of reads that give fewer bytes"),
    ("short-write", 500, "‰ of writes that take fewer bytes"),
    ("interrupted", 60, "‰ of ops that a worker ends as interrupted"),
    ("op-error", 30, "‰ of ops that fail with an errno of their own"),
    ("enter-interrupted", 100, "‰ of enters that a signal ends"),
    ("enter-busy", 100, "‰ of enters for which the kernel has no room"),
    ("short-submit", 200, "‰ of enters that take only some entries"),
    ("no-descriptors", 100, "‰ of new descriptors that are refused"),
    ("no-buffers", 200, "‰ of receives that find no provided buffer"),
    ("multishot-ends", 200, "‰ of items after which a multishot op ends"),
    ("late-notification", 5_000, "mean µs until a zero-copy send lets go"),
    ("garbage", 1, "lent buffers are scribbled over while they are lent"),
    ("reset", 20, "‰ of writes at whose bytes the connection is reset"),
    ("clock-jump", 5, "‰ of enters before which hours pass"),
    ("small-window", 4_096, "bytes that a connection or a datagram socket holds at most"),
    ("small-backlog", 4, "connections that wait to be accepted at most"),
    ("tiny-completion-queue", 16, "completions before the queue overflows"),
    ("disk-error", 50, "‰ of writes and syncs that fail, now or later"),
    ("spurious-wake", 100, "‰ of waits and polls that end for nothing"),
    ("old-kernel", 3, "how much of the newer kernels is missing"),
    ("lost-datagrams", 300, "‰ of datagrams that are lost"),
    ("doubled-datagrams", 200, "‰ of datagrams that come twice"),
    ("late-datagrams", 300, "‰ of datagrams that come behind those sent after them"),
];

impl Fault {
    pub(crate) const COUNT: usize = Fault::LateDatagram as usize + 1;
}

/// The knobs of a run: zero is off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Faults {
    strengths: [u32; Fault::COUNT],
}

impl Faults {
    /// The names of the knobs, by index.
    pub(crate) const NAMES: [&'static str; Fault::COUNT] = {
        let mut names = [""; Fault::COUNT];
        let mut index = 0;
        while index < names.len() {
            names[index] = KNOBS[index].0;
            index += 1;
        }
        names
    };

    /// Nothing goes wrong.
    pub(crate) fn none() -> Faults {
        Faults { strengths: [0; Fault::COUNT] }
    }

    /// Each knob on or off, then a strength, by the seed.
    pub(crate) fn swarm(seed: u64) -> Faults {
        let mut rng = Rng::new(seed ^ 0xfa17_5eed);
        let mut faults = Faults::none();
        for (strength, (_, strongest, _)) in faults.strengths.iter_mut().zip(KNOBS) {
            let drawn = rng.between(1, u64::from(strongest)) as u32;
            *strength = if rng.chance(500) { drawn } else { 0 };
        }
        faults
    }

    /// The same with one knob set; the strength is cut to the knob's strongest.
    pub(crate) fn with(mut self, fault: Fault, strength: u32) -> Faults {
        self.strengths[fault as usize] = strength.min(KNOBS[fault as usize].1);
        self
    }

    /// The strength of a knob; zero when it is off.
    #[inline]
    pub(crate) fn get(&self, fault: Fault) -> u32 {
        self.strengths[fault as usize]
    }

    /// Whether the knob with this index is on.
    pub(crate) fn is_on(&self, index: usize) -> bool {
        self.strengths[index] != 0
    }

    /// Turns the knob with this index off.
    pub(crate) fn off(&mut self, index: usize) {
        self.strengths[index] = 0;
    }

    /// Sets the knob of this name, for who read it in a report; whether there is one.
    pub(crate) fn set(&mut self, name: &str, strength: u32) -> bool {
        let index = Faults::NAMES.iter().position(|known| *known == name);
        if let Some(index) = index {
            self.strengths[index] = strength.min(KNOBS[index].1);
        }
        index.is_some()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = self.strengths.iter().zip(Faults::NAMES).filter(|(strength, _)| **strength != 0);
        let words: Vec<String> = on.map(|(strength, name)| format!("{name}={strength}")).collect();
        if words.is_empty() { f.write_str("none") } else { f.write_str(&words.join(" ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swarm_turns_about_half_of_the_knobs_on_and_each_somewhere() {
        let mut seen = [0; Fault::COUNT];
        for seed in 0..200 {
            let faults = Faults::swarm(seed);
            (0..Fault::COUNT).for_each(|index| seen[index] += usize::from(faults.is_on(index)));
        }
        assert!(seen.iter().all(|count| (50..150).contains(count)), "{seen:?}");
        assert_eq!(Faults::swarm(5), Faults::swarm(5));
    }

    #[test]
    fn a_line_of_knobs_can_be_set_again() {
        let faults = Faults::none().with(Fault::ShortRead, 100).with(Fault::Garbage, 9);
        assert_eq!(faults.to_string(), "short-read=100 garbage=1");
        let mut again = Faults::none();
        for word in faults.to_string().split(' ') {
            let (name, strength) = word.split_once('=').unwrap();
            assert!(again.set(name, strength.parse().unwrap()));
        }
        assert_eq!(again, faults);
        assert!(!again.set("no such knob", 1));
        again.off(Fault::Garbage as usize);
        again.off(Fault::ShortRead as usize);
        assert_eq!(again.to_string(), "none");
    }
}
