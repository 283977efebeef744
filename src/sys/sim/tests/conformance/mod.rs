//! Small scripts of entries that run on both kernels.
//!
//! Each script puts one op into one situation: it is ready, or gets ready, is cancelled, timed,
//! chained, its peer goes. What the real kernel answers must be among what the simulated one answers
//! over many seeds. A miss is a mistake of the simulator: programs that are tested on it would be
//! tested against a kernel that does not exist.

mod datagrams;
mod kernel;
mod situations;
mod subjects;
mod transcript;

use std::collections::BTreeSet;

use self::kernel::Item;
use self::situations::{SITUATIONS, Situation};
use self::subjects::{SUBJECTS, Subject};
use super::super::{Fault, Faults, install, set_enters_max, set_lenient, uninstall};

/// Seeds of the simulated kernel for each script.
const SEEDS: u64 = 120;
/// Runs on the real kernel for each script.
const REPEATS: usize = 3;

/// How long the real kernel may take for a completion, at first and when something was missing.
const HASTE_MS: u64 = 4;
const PATIENCE_MS: u64 = 300;

/// The faults that change what is answered to a program that makes no mistake.
fn faults(seed: u64) -> Faults {
    let answers = [
        Fault::Latency,
        Fault::Reorder,
        Fault::Deferred,
        Fault::Worker,
        Fault::Uncancellable,
        Fault::CancelLost,
        Fault::AcceptWins,
        Fault::ShortRead,
        Fault::Interrupted,
    ];
    let swarm = Faults::swarm(seed);
    let mut faults = Faults::none();
    if seed > 0 {
        for fault in answers {
            faults = faults.with(fault, swarm.get(fault));
        }
    }
    faults
}

fn simulated(subject: Subject, situation: Situation) -> BTreeSet<Vec<Item>> {
    let mut allowed = BTreeSet::new();
    for seed in 0..SEEDS {
        install(seed, faults(seed));
        set_lenient(true);
        set_enters_max(100_000);
        allowed.insert(situations::play(subject, situation, 0));
        uninstall();
    }
    allowed
}

#[test]
#[cfg_attr(address_sanitizer, ignore = "its scripts lend memory for good")]
fn the_real_kernel_answers_as_the_simulated_one_may() {
    let mut misses = Vec::new();
    let mut scripts = 0;
    for subject in SUBJECTS {
        for situation in SITUATIONS {
            if !subject.fits(situation) {
                continue;
            }
            scripts += 1;
            let allowed = simulated(subject, situation);
            for _ in 0..REPEATS {
                let mut real = situations::play(subject, situation, HASTE_MS);
                if !allowed.contains(&real) {
                    // Perhaps it only took its time, as on a machine that does other things.
                    real = situations::play(subject, situation, PATIENCE_MS);
                }
                if !allowed.contains(&real) {
                    misses.push(format!("{subject:?} {situation:?}\n  {real:?}\n  of {allowed:?}"));
                    break;
                }
            }
        }
    }
    assert!(scripts >= 260, "{scripts} scripts");
    assert!(misses.is_empty(), "{} of {scripts} scripts:\n{}", misses.len(), misses.join("\n"));
}
