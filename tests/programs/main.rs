//! Random programs of tasks, groups, channels, semaphores, timeouts, cancels and operations, from a
//! seed, against a simple model: the same outcome, and nothing is left behind.
//!
//! `ANNULUS_SEED=<seed> cargo test --test programs one` runs one again.

#[path = "../common/mod.rs"]
mod common;

mod model;
mod program;
mod shared;
mod words;
mod world;

use annulus::runtime::Metrics;
use annulus::{Handle, Runtime};
use common::bound::bound_loop;
use common::metrics::{here, settle};
use common::soak::rounds;
use program::Program;

/// Seeds in all, and the tests that share them: each has a loop of its own.
const SEEDS: usize = 10_000;
const PARTS: usize = 4;

/// What is there between two programs.
fn standing(metrics: &Metrics) -> [u64; 6] {
    [
        metrics.tasks_alive,
        metrics.timers_standing,
        metrics.ops_in_flight,
        metrics.ops_backlog,
        metrics.descriptors_open,
        metrics.buffers_held,
    ]
}

/// Runs a program and asserts that it leaves nothing.
async fn program(seed: u64) {
    let before = standing(&here());
    let mut program = Box::new(Program::new(seed));
    program.run(40).await;
    drop(program);
    settle().await;
    // The connection's own end is closed through the ring.
    while here().descriptors_open > before[4] {
        annulus::op::nop().await.expect("a turn");
    }
    settle().await;
    let after = here();
    assert_eq!(standing(&after), before, "left behind by {seed}: {after:?}");
    let fired = after.timers_fired + after.timers_cancelled;
    assert_eq!(after.timers_registered, fired, "{after:?}");
    let dump = Handle::current().dump().expect("a loop");
    assert_eq!((dump.tasks.len(), dump.others.len()), (1, 0), "{dump}");
}

/// Names the seed of a program that fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("ANNULUS_SEED={}", self.0);
        }
    }
}

fn part(part: usize) {
    let runtime = Runtime::new().expect("a loop");
    let _bound = bound_loop(&runtime);
    let first = if common::soak::is_on() { fastrand::u64(..u64::MAX / 2) } else { 0 };
    let count = rounds(SEEDS, SEEDS * 20) / PARTS;
    runtime.block_on(async {
        for index in 0..count {
            let seed = Seed(first + (part * count + index) as u64);
            program(seed.0).await;
        }
    });
}

#[test]
fn programs_of_the_first_part_agree_with_the_model_and_leave_nothing() {
    part(0);
}

#[test]
fn programs_of_the_second_part_agree_with_the_model_and_leave_nothing() {
    part(1);
}

#[test]
fn programs_of_the_third_part_agree_with_the_model_and_leave_nothing() {
    part(2);
}

#[test]
fn programs_of_the_fourth_part_agree_with_the_model_and_leave_nothing() {
    part(3);
}

#[test]
fn one_program_of_a_seed_that_is_new_each_time() {
    let given = std::env::var("ANNULUS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = Seed(given.unwrap_or_else(|| fastrand::u64(..)));
    common::bound::run(program(seed.0));
}
