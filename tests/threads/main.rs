//! Other threads: what they may do to a loop while it runs, while it ends, and when it is gone.

#[path = "../common/mod.rs"]
mod common;

mod drops;
mod foreign;
mod spawns;
mod turns;
mod wakes;
