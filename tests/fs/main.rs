//! Files and directories, compared with what std does.

#[allow(dead_code, reason = "a part of it is used where the loops of a test may be simulated")]
#[path = "../common/bound.rs"]
mod bound;
#[path = "../common/fallocate.rs"]
mod fallocate;
#[cfg(guard_pages)]
#[path = "../common/guard.rs"]
mod guard;
#[path = "../common/fifo.rs"]
mod named_pipe;
#[path = "../common/poll.rs"]
mod poll;
#[allow(dead_code, reason = "the bound asks only whether the run is a long one")]
#[path = "../common/soak.rs"]
mod soak;
#[path = "../common/temp.rs"]
mod temp;

mod abandoned;
mod atomic;
mod both_worlds;
mod concurrent;
mod direct;
mod errors;
mod every_poll;
mod exact;
mod fifo;
mod fixed;
mod handles;
mod locks;
mod metadata;
mod names;
mod off_ring;
mod options;
mod room;
mod roundtrip;
mod vectored;
mod xattr;
