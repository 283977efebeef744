//! Descriptors that were made elsewhere: the standard streams of the process, and whatever a
//! library hands out to be waited for.
//!
//! And what moves bytes between descriptors of any kind within the kernel.
//!
//! The public names stand in [`crate::io`].

mod async_fd;
mod splice;
mod stdio;

pub use self::async_fd::AsyncFd;
pub use self::splice::{splice, tee};
pub use self::stdio::{Stderr, Stdin, Stdout, stderr, stdin, stdout};
pub use crate::driver::Spliceable;
