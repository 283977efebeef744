//! Descriptors that were made elsewhere.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/fifo.rs"]
mod named_pipe;
#[path = "../common/temp.rs"]
mod temp;

mod pipes;
mod readiness;
mod stdio;
