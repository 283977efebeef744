//! Owned-buffer read and write traits, and what is built on them.
//!
//! A completion-based read takes its buffer by value and gives it back with the result
//! ([`BufResult`](crate::BufResult)); these traits are what std's `Read` and `Write` become then:
//!
//! - [`AsyncRead`], [`AsyncWrite`]: streams, one read and one write at a time;
//! - [`AsyncReadAt`], [`AsyncWriteAt`]: files and the like, any number at once;
//! - [`AsyncBufRead`]: streams that hold bytes ready to be looked at;
//! - [`Splittable`]: streams whose two directions can be used at the same time.
//!
//! # Cancellation
//!
//! Every future here may be dropped at any await point. Each one's documentation says what that
//! costs. The rule behind all of them: a *read* loses nothing, since a reader keeps what arrives
//! for a read that nobody awaits any more; what was already in the buffer of a compound operation
//! (`read_exact`, `read_to_end`) goes with that buffer; and after a *write* was dropped it is not
//! known how much of it went out.

mod buf_read;
mod deref;
mod memory;
mod read;
mod read_at;
mod splittable;
mod vectored;
mod write;
mod write_at;

pub use self::buf_read::AsyncBufRead;
pub use self::read::AsyncRead;
pub use self::read_at::AsyncReadAt;
pub use self::splittable::{Join, Splittable, join};
pub use self::write::AsyncWrite;
pub use self::write_at::AsyncWriteAt;

#[cfg(test)]
mod testing;
