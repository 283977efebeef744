//! What a loop does while it runs.

#[path = "../common/mod.rs"]
mod common;

mod batches;
mod echo;
mod first_light;
mod pooled;
mod settings;
mod tasks;
mod yielding;
