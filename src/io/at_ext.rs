//! What is made of reads and writes at offsets.

use std::future::Future;

use super::{AsyncReadAt, AsyncReadExt, AsyncWriteAt, AsyncWriteExt, Positioned};
use crate::buf::{BufResult, IoBuf, IoBufMut};

/// Methods of every [`AsyncReadAt`].
pub trait AsyncReadAtExt: AsyncReadAt {
    /// Fills the whole room of `buf`, that is the whole capacity of a `Vec`, from `offset` bytes
    /// after the beginning.
    ///
    /// # Errors
    ///
    /// [`UnexpectedEof`](std::io::ErrorKind::UnexpectedEof) when the end comes before, or the
    /// source's error; the buffer comes back with the bytes that came. Interrupted reads are made
    /// again.
    ///
    /// # Cancellation
    ///
    /// Dropping the future has no effect on the source. The buffer is lost.
    ///
    /// ```
    /// use annulus::io::AsyncReadAtExt;
    ///
    /// annulus::run(async {
    ///     let file = b"0123456789".to_vec();
    ///     let (_, part) = file.read_exact_at(Box::new([0; 3]), 4).await.unwrap();
    ///     assert_eq!(&*part, b"456");
    /// })
    /// .unwrap();
    /// ```
    fn read_exact_at<B: IoBufMut>(
        &self,
        buf: B,
        offset: u64,
    ) -> impl Future<Output = BufResult<(), B>> {
        async move { Positioned::new(self, offset).read_exact(buf).await }
    }

    /// Reads from `offset` bytes after the beginning to the end, appends to `buf` and says how many
    /// bytes came.
    ///
    /// # Errors
    ///
    /// The source's; the buffer comes back with the bytes that came before. Interrupted reads are
    /// made again.
    ///
    /// # Cancellation
    ///
    /// As [`read_exact_at`](Self::read_exact_at).
    ///
    /// ```
    /// use annulus::io::AsyncReadAtExt;
    ///
    /// annulus::run(async {
    ///     let file = b"0123456789".to_vec();
    ///     let (n, rest) = file.read_to_end_at(Vec::new(), 7).await.unwrap();
    ///     assert_eq!((n, &rest[..]), (3, &b"789"[..]));
    /// })
    /// .unwrap();
    /// ```
    fn read_to_end_at(
        &self,
        buf: Vec<u8>,
        offset: u64,
    ) -> impl Future<Output = BufResult<usize, Vec<u8>>> {
        async move { Positioned::new(self, offset).read_to_end(buf).await }
    }
}

impl<R: AsyncReadAt + ?Sized> AsyncReadAtExt for R {}

/// Methods of every [`AsyncWriteAt`].
pub trait AsyncWriteAtExt: AsyncWriteAt {
    /// Writes all of `buf`, to `offset` bytes after the beginning.
    ///
    /// # Errors
    ///
    /// [`WriteZero`](std::io::ErrorKind::WriteZero) when the target takes no more bytes, or the
    /// target's error; some of the bytes may have been written before. Interrupted writes are made
    /// again.
    ///
    /// # Cancellation
    ///
    /// After the future was dropped in the middle it is not known how many bytes were written; the
    /// same write may be done again.
    ///
    /// ```
    /// use std::cell::RefCell;
    ///
    /// use annulus::io::AsyncWriteAtExt;
    ///
    /// annulus::run(async {
    ///     let file = RefCell::new(b"0123456789".to_vec());
    ///     file.write_all_at("abc", 4).await.unwrap();
    ///     assert_eq!(file.into_inner(), b"0123abc789");
    /// })
    /// .unwrap();
    /// ```
    fn write_all_at<B: IoBuf>(
        &self,
        buf: B,
        offset: u64,
    ) -> impl Future<Output = BufResult<(), B>> {
        async move { Positioned::new(self, offset).write_all(buf).await }
    }
}

impl<W: AsyncWriteAt + ?Sized> AsyncWriteAtExt for W {}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::io::{Error, ErrorKind};

    use super::*;
    use crate::io::testing::block_on;

    /// A file that does three bytes at a time and fails its second call as it is told.
    struct Slow {
        file: RefCell<Vec<u8>>,
        calls: Cell<usize>,
        second: ErrorKind,
    }

    impl Slow {
        fn new(bytes: &[u8], second: ErrorKind) -> Self {
            Slow { file: RefCell::new(bytes.to_vec()), calls: Cell::new(0), second }
        }

        fn call(&self) -> std::io::Result<()> {
            let call = self.calls.get();
            self.calls.set(call + 1);
            if call == 1 { Err(Error::from(self.second)) } else { Ok(()) }
        }
    }

    impl AsyncReadAt for Slow {
        async fn read_at<B: IoBufMut>(&self, buf: B, offset: u64) -> BufResult<usize, B> {
            match self.call() {
                Ok(()) => {
                    self.file.read_at(buf.slice(..3), offset).await.map_buf(|s| s.into_inner())
                }
                Err(error) => BufResult(Err(error), buf),
            }
        }
    }

    impl AsyncWriteAt for Slow {
        async fn write_at<B: IoBuf>(&self, buf: B, offset: u64) -> BufResult<usize, B> {
            match self.call() {
                Ok(()) => {
                    self.file.write_at(buf.slice(..3), offset).await.map_buf(|s| s.into_inner())
                }
                Err(error) => BufResult(Err(error), buf),
            }
        }
    }

    #[test]
    fn short_and_interrupted_calls_go_on_at_their_offset() {
        let file = Slow::new(b"0123456789", ErrorKind::Interrupted);
        let (_, buf) = block_on(file.read_exact_at(Box::new([0; 7]), 2)).unwrap();
        assert_eq!(&*buf, b"2345678");
        let file = Slow::new(b"0123456789", ErrorKind::Interrupted);
        assert_eq!(
            block_on(file.read_to_end_at(b"a".to_vec(), 5)).unwrap(),
            (5, b"a56789".to_vec())
        );
        let file = Slow::new(b"0123456789", ErrorKind::Interrupted);
        block_on(file.write_all_at("abcdefgh", 4)).unwrap();
        assert_eq!(file.file.into_inner(), b"0123abcdefgh");
    }

    #[test]
    fn a_truncated_file_gives_what_it_has() {
        let file = Slow::new(b"0123456789", ErrorKind::Interrupted);
        let BufResult(result, buf) =
            block_on(file.read_exact_at(Vec::with_capacity(9).slice(..9), 5));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(buf.into_inner(), b"56789");
    }

    #[test]
    fn errors_give_the_buffer_back() {
        let file = Slow::new(b"0123456789", ErrorKind::PermissionDenied);
        let BufResult(result, buf) = block_on(file.read_exact_at(Box::new([0; 5]), 5));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::PermissionDenied);
        assert_eq!(&*buf, b"567\0\0");
        let file = Slow::new(b"0123456789", ErrorKind::PermissionDenied);
        let BufResult(result, buf) = block_on(file.write_all_at("abcde", 9));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::PermissionDenied);
        assert_eq!((buf, &file.file.borrow()[..]), ("abcde", &b"012345678abc"[..]));
    }
}
