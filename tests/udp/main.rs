//! UDP: datagrams whole, in order and with their sender, and what cancelling may not lose.

#[path = "../common/mod.rs"]
mod common;

mod cancelled;
mod conversion;
mod datagrams;
mod groups;
mod lossless;
mod peers;
mod support;
