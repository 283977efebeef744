//! Hostile surroundings: each has its own clear error, or is survived.

#[path = "../common/mod.rs"]
mod common;

mod descriptors;
mod locked_memory;
mod setup;
