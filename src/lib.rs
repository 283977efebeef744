//! A completion runtime for Linux servers, on io_uring.
#![allow(dead_code)]

mod blocking;
pub mod buf;
mod driver;
pub mod fs;
pub mod io;
mod local;
mod macros;
pub mod net;
pub mod op;
mod remote;
pub mod runtime;
mod scheduler;
pub mod sync;
mod sys;
pub mod task;
pub mod time;

pub use blocking::{
    BlockingHandle, BlockingMetrics, TrySpawnError, blocking_ready, spawn_blocking,
};
pub use buf::{BufError, BufResult};
pub use runtime::{Builder, Handle, Runtime, run};
pub use sys::{Features, Opcode, SetupCause, SetupError};
pub use task::{spawn, yield_now};

#[doc(hidden)]
pub use macros::support as __macros;
