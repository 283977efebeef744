//! Descriptors that were made elsewhere: the standard streams of the process, and whatever a
//! library hands out to be waited for.
//!
//! The public names stand in [`crate::io`].

mod async_fd;
mod stdio;

pub use self::async_fd::AsyncFd;
pub use self::stdio::{Stderr, Stdin, Stdout, stderr, stdin, stdout};
