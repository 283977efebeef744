//! Pins what `uring-sys-notes/` says of the kernel, on the kernel at hand.
//!
//! The tests speak to the kernel through the `io-uring` crate and `libc`, never through annulus:
//! a claim that fails here is a fact that the design leans on and that no longer holds.
//! Each test is named as its claim. Where the outcome is a race, the test asserts the set of legal
//! outcomes and that every op ends exactly once. A test whose feature the kernel lacks says so and
//! passes.

#![allow(unsafe_code, reason = "the kernel's ABI is the subject")]

mod files;
mod lifetimes;
mod limits;
mod link_timeouts;
mod links;
mod memory;
mod multishot;
mod net;
mod notes;
mod probing;
mod provided;
mod ring;
mod scratch;
mod sockets;
mod syscall;
mod wakeup;
mod zero_copy;

mod buffers;
mod cancel_many;
mod cancel_races;
mod cancellation;
mod completions;
mod direct;
mod enter;
mod rings;
