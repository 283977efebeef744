//! What the contenders of `annulus-bench` have in common, so that they differ in their runtime only.
//!
//! A contender is a program. The harness starts it for one job at a time:
//!
//! ```text
//! contender list                                       what it can do
//! contender echo form=stream core=0 buffer=4096        does it
//! ```
//!
//! It answers on its standard output, a line each, as words of `key=value`:
//!
//! ```text
//! work echo kind=server forms=recv,owned,stream        for `list`
//! ready port=40001 counters=0x55d2c0de1000             a server listens
//! result operations=1000000 wall_ns=53000000           a job that ends by itself is done
//! failed the reason, to the end of the line
//! ```
//!
//! A server runs until it is killed. It has no thread that listens to the harness: a second thread
//! would make every descriptor look-up of the first one dearer. The harness reads the counters, at
//! the address that `ready` names, from outside.
//!
//! A new kind of work is a [`Work`] in the contenders' tables and a workload in the harness.

mod counters;
pub mod files;
pub mod http;
mod job;
mod listener;
pub mod net;
#[cfg(feature = "ring")]
pub mod ring;
mod stopwatch;
pub mod tasks;

pub use listener::{Cores, pin, raise_descriptor_limit};

pub use counters::{CountingAllocator, note_syscall};
pub use job::{Job, Outcome, Results, Work, contender};
pub use stopwatch::{Cost, Stopwatch};
