//! Hostile surroundings: each has its own clear error, or is survived.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/fifo.rs"]
mod named_pipe;
#[path = "../common/temp.rs"]
mod temp;

mod descriptors;
mod forks;
mod injected;
mod locked_memory;
mod setup;
mod signals;
mod workers;
