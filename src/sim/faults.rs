//! What goes wrong in a world: the simulated kernel's knobs, and the world's own.

use std::fmt;
use std::str::FromStr;

use super::rng::Rng;
use crate::sys::sim as kernel;

/// The world's own knobs: name, strongest setting.
const OWN: [(&str, u32); 2] = [("partition", 500), ("crash", 300)];
const PARTITION: usize = 0;
const CRASH: usize = 1;

/// What goes wrong in a [`World`](super::World), and how much of it.
///
/// A set of knobs, each off or with a strength. Printed, it is a line of `name=strength` for those
/// that are on, which can be parsed again:
///
/// ```
/// use annulus::sim::Faults;
///
/// let faults: Faults = "short-read=200 partition=50".parse()?;
/// assert_eq!(faults.to_string(), "short-read=200 partition=50");
/// assert_eq!(Faults::none().to_string(), "none");
/// // Half of the knobs on, by the seed; but this server has no answer to a full descriptor table.
/// let some = Faults::swarm(7).without("no-descriptors");
/// # let _ = some;
/// # Ok::<(), String>(())
/// ```
///
/// | knob | what its strength counts |
/// |---|---|
/// | `latency` | mean microseconds that an operation takes |
/// | `reorder` | ‰ of completions that overtake others |
/// | `deferred` | ‰ of operations that could complete at once and do not |
/// | `worker` | ‰ of operations that go by a kernel worker |
/// | `uncancellable`, `cancel-lost`, `accept-wins` | ‰ of cancels that come too late, in three ways |
/// | `work-cap` | completions that one system call hands out at most |
/// | `short-read`, `short-write` | ‰ of them that move fewer bytes |
/// | `interrupted`, `op-error` | ‰ of operations that fail for nothing the program has done |
/// | `enter-interrupted`, `enter-busy`, `short-submit` | ‰ of the loop's system calls |
/// | `no-descriptors` | ‰ of new descriptors that are refused (`EMFILE`) |
/// | `no-buffers`, `multishot-ends` | ‰ of receives and of items of a stream |
/// | `late-notification` | mean microseconds until a zero-copy send lets go of its buffer |
/// | `garbage` | buffers in flight are scribbled over |
/// | `reset` | ‰ of writes at whose bytes the connection breaks |
/// | `clock-jump` | ‰ of system calls before which hours pass |
/// | `small-window`, `small-backlog`, `tiny-completion-queue` | the room there is |
/// | `lost-datagrams`, `doubled-datagrams` | ‰ of datagrams that do not come, or come twice |
/// | `late-datagrams` | ‰ of datagrams that come behind those which were sent after them |
/// | `disk-error` | ‰ of writes and syncs of files that fail, now or later |
/// | `spurious-wake` | ‰ of waits that end for nothing |
/// | `old-kernel` | how much of the newer kernels is missing |
/// | `partition` | ‰ of moments at which two hosts lose sight of each other for a while |
/// | `crash` | ‰ of moments at which a host crashes, and restarts after a while |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    pub(super) kernel: kernel::Faults,
    own: [u32; OWN.len()],
}

impl Faults {
    /// Nothing goes wrong.
    pub fn none() -> Faults {
        Faults { kernel: kernel::Faults::none(), own: [0; OWN.len()] }
    }

    /// Each knob on or off, and then a strength, by the seed: so that runs differ in kind.
    pub fn swarm(seed: u64) -> Faults {
        let mut rng = Rng::new(seed ^ 0x5aa2);
        let own = OWN.map(|(_, strongest)| {
            let strength = 1 + rng.below(u64::from(strongest)) as u32;
            if rng.chance(500) { strength } else { 0 }
        });
        Faults { kernel: kernel::Faults::swarm(seed), own }
    }

    /// What a network does, by the seed, and no system call fails for its own reasons: latency,
    /// reordering, short reads and writes, resets, partitions, datagrams that are lost, doubled or
    /// late.
    pub fn network(seed: u64) -> Faults {
        const KEPT: [&str; 13] = [
            "latency",
            "reorder",
            "deferred",
            "short-read",
            "short-write",
            "reset",
            "small-window",
            "small-backlog",
            "spurious-wake",
            "partition",
            "lost-datagrams",
            "doubled-datagrams",
            "late-datagrams",
        ];
        let mut faults = Faults::swarm(seed);
        let others = Faults::names().filter(|name| !KEPT.contains(name));
        others.for_each(|name| faults.turn_off(name));
        faults
    }

    /// The same with this knob at `strength`, zero being off.
    ///
    /// # Panics
    ///
    /// When there is no such knob.
    #[must_use = "the faults are not changed in place"]
    pub fn with(mut self, name: &str, strength: u32) -> Faults {
        assert!(self.set(name, strength), "there is no fault of the name \"{name}\"");
        self
    }

    /// The same with this knob off.
    ///
    /// # Panics
    ///
    /// When there is no such knob.
    #[must_use = "the faults are not changed in place"]
    pub fn without(self, name: &str) -> Faults {
        self.with(name, 0)
    }

    /// The names of all knobs.
    pub fn names() -> impl Iterator<Item = &'static str> {
        kernel::Faults::NAMES.into_iter().chain(OWN.map(|(name, _)| name))
    }

    /// The names of the knobs that are on.
    pub(super) fn on(&self) -> Vec<&'static str> {
        let of_kernel = (0..kernel::Faults::NAMES.len()).filter(|index| self.kernel.is_on(*index));
        let of_kernel = of_kernel.map(|index| kernel::Faults::NAMES[index]);
        let own = OWN.iter().zip(self.own).filter(|(_, strength)| *strength > 0);
        of_kernel.chain(own.map(|((name, _), _)| *name)).collect()
    }

    pub(super) fn turn_off(&mut self, name: &str) {
        self.set(name, 0);
    }

    fn set(&mut self, name: &str, strength: u32) -> bool {
        match OWN.iter().position(|(own, _)| *own == name) {
            Some(index) => {
                self.own[index] = strength.min(OWN[index].1);
                true
            }
            None => self.kernel.set(name, strength),
        }
    }

    pub(super) fn partitions(&self) -> u32 {
        self.own[PARTITION]
    }

    pub(super) fn crashes(&self) -> u32 {
        self.own[CRASH]
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kernel = self.kernel.to_string();
        let own = OWN.iter().zip(self.own).filter(|(_, strength)| *strength > 0);
        let own = own.map(|((name, _), strength)| format!("{name}={strength}"));
        let words: Vec<String> =
            std::iter::once(kernel).filter(|line| line != "none").chain(own).collect();
        if words.is_empty() { f.write_str("none") } else { f.write_str(&words.join(" ")) }
    }
}

impl FromStr for Faults {
    type Err = String;

    fn from_str(line: &str) -> Result<Faults, String> {
        let mut faults = Faults::none();
        for word in line.split_whitespace().filter(|word| *word != "none") {
            let (name, strength) = word.split_once('=').unwrap_or((word, "1"));
            let strength = strength.parse().map_err(|_| format!("\"{word}\" is not a strength"))?;
            if !faults.set(name, strength) {
                return Err(format!("there is no fault of the name \"{name}\""));
            }
        }
        Ok(faults)
    }
}
