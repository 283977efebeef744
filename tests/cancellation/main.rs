//! Cancelling: what it may not lose, what it must say, and what it leaves behind.

#[path = "../common/mod.rs"]
mod common;

mod acceptors;
mod by_descriptor;
mod chains;
mod every_await;
mod exact;
mod forgotten;
mod limits;
mod lossless;
