//! A completion runtime for Linux servers, on io_uring.
#![allow(dead_code)]

mod blocking;
pub mod buf;
mod driver;
mod local;
mod scheduler;
pub mod sync;
mod sys;
pub mod task;
pub mod time;

pub use buf::{BufError, BufResult};
pub use sys::{Features, Opcode, SetupCause, SetupError};
