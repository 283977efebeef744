//! Descriptors that were made elsewhere.

#[path = "../common/mod.rs"]
mod common;

mod readiness;
mod stdio;
