//! TCP: connections, listeners, halves, options, and what cancelling and closing may not lose.

#[path = "../common/mod.rs"]
mod common;

mod accept;
mod close;
mod connect;
mod conversion;
mod descriptors;
mod errors;
mod every_poll;
mod fairness;
mod halves;
mod lossless;
mod options;
mod shutdown;
mod support;
mod timeouts;
mod vectored;
mod zero_copy;
