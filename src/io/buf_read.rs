//! The trait of readers that hold bytes ready to be looked at.

use std::future::Future;
use std::io;

use super::AsyncRead;

/// A reader with bytes in memory, to be looked at before they are taken.
///
/// [`BufReader`](super::BufReader) makes one of any reader;
/// [`AsyncBufReadExt`](super::AsyncBufReadExt) has the methods made of these.
///
/// ```
/// use annulus::io::{AsyncBufRead, BufReader};
///
/// annulus::run(async {
///     let mut reader = BufReader::new(&b"GET /"[..]);
///     if reader.fill_buf().await.unwrap().starts_with(b"GET ") {
///         reader.consume(4);
///     }
///     assert_eq!(reader.buffer(), b"/");
/// })
/// .unwrap();
/// ```
pub trait AsyncBufRead: AsyncRead {
    /// The bytes in memory; reads some when there are none. Empty at the end of the stream.
    ///
    /// They stay until they are [consumed](Self::consume).
    ///
    /// # Errors
    ///
    /// The source's. Nothing was read then.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing.
    fn fill_buf(&mut self) -> impl Future<Output = io::Result<&[u8]>>;

    /// Takes the first `amount` of the bytes that [`fill_buf`](Self::fill_buf) last gave.
    ///
    /// # Panics
    ///
    /// It may when there are fewer.
    fn consume(&mut self, amount: usize);
}
