//! A loop whose clock stands still (feature `test-util`).

#[path = "../common/mod.rs"]
mod common;

mod blocking;
mod clock;
mod operations;
