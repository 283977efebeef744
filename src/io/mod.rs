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
//! Built on them:
//!
//! - whole transfers: the `…Ext` traits, [`copy`], [`copy_bidirectional`] and [`sendfile`];
//! - few large calls instead of many small ones: [`BufReader`], [`BufWriter`];
//! - text and delimited pieces: [`Lines`], [`Split`];
//! - one stream made of others: [`Take`], [`Chain`], [`Join`], and [`Positioned`] of a file;
//! - streams in memory: [`duplex`], [`simplex`], [`empty`], [`sink`], [`repeat`], and the traits
//!   for `&[u8]`, `Vec<u8>`, `VecDeque<u8>`, `Bytes`, `BytesMut` and std's `Cursor`.
//!
//! And for descriptors that were made elsewhere: [`AsyncFd`], [`stdin`], [`stdout`], [`stderr`]; for
//! pipes, [`splice`] and [`tee`].
//!
//! # Cancellation
//!
//! Every future here may be dropped at any await point. Each one's documentation says what that
//! costs. The rule behind all of them: a *read* loses nothing, since a reader keeps what arrives
//! for a read that nobody awaits any more; what was already in the buffer of a compound operation
//! (`read_exact`, `read_to_end`) goes with that buffer; and after a *write* was dropped it is not
//! known how much of it went out.

mod at_ext;
mod buf_read;
mod buf_read_ext;
mod buf_reader;
mod buf_writer;
mod chain;
mod copy;
mod deref;
mod duplex;
mod error;
mod lines;
mod memory;
mod positioned;
mod read;
mod read_at;
mod read_ext;
mod sendfile;
mod splittable;
mod take;
mod trivial;
mod vectored;
mod write;
mod write_at;
mod write_ext;

pub use self::at_ext::{AsyncReadAtExt, AsyncWriteAtExt};
pub use self::buf_read::AsyncBufRead;
pub use self::buf_read_ext::AsyncBufReadExt;
pub use self::buf_reader::BufReader;
pub use self::buf_writer::BufWriter;
pub use self::chain::Chain;
pub use self::copy::{copy, copy_bidirectional, copy_with_buf};
pub use self::duplex::{DuplexStream, SimplexReader, SimplexWriter, duplex, simplex};
pub use self::lines::{Lines, Split};
pub use self::positioned::Positioned;
pub use self::read::AsyncRead;
pub use self::read_at::AsyncReadAt;
pub use self::read_ext::AsyncReadExt;
pub use self::sendfile::sendfile;
pub use self::splittable::{Join, Splittable, join};
pub use self::take::Take;
pub use self::trivial::{Empty, Repeat, Sink, empty, repeat, sink};
pub use self::write::AsyncWrite;
pub use self::write_at::AsyncWriteAt;
pub use self::write_ext::AsyncWriteExt;

pub use crate::foreign::{
    AsyncFd, Spliceable, Stderr, Stdin, Stdout, splice, stderr, stdin, stdout, tee,
};

#[cfg(test)]
mod testing;
