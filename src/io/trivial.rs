//! Streams of nothing and of the same byte.

use std::future::{Future, ready};
use std::io;

use super::{AsyncBufRead, AsyncRead, AsyncReadAt, AsyncWrite, AsyncWriteAt};
use crate::buf::{BufResult, IoBuf, IoBufMut, IoVectoredBuf, IoVectoredBufMut, fill_with};

/// A stream that is at its end.
///
/// ```
/// use annulus::io::{AsyncReadExt, empty};
///
/// annulus::run(async {
///     assert_eq!(empty().read_to_end(Vec::new()).await.unwrap().0, 0);
/// })
/// .unwrap();
/// ```
pub fn empty() -> Empty {
    Empty(())
}

/// A stream that is at its end; made by [`empty`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Empty(());

impl AsyncRead for Empty {
    async fn read<B: IoBufMut>(&mut self, buf: B) -> BufResult<usize, B> {
        BufResult(Ok(0), buf)
    }

    async fn readv<B: IoVectoredBufMut>(&mut self, bufs: B) -> BufResult<usize, B> {
        BufResult(Ok(0), bufs)
    }
}

impl AsyncBufRead for Empty {
    fn fill_buf(&mut self) -> impl Future<Output = io::Result<&[u8]>> {
        ready(Ok(&[][..]))
    }

    fn consume(&mut self, _amount: usize) {}
}

impl AsyncReadAt for Empty {
    async fn read_at<B: IoBufMut>(&self, buf: B, _offset: u64) -> BufResult<usize, B> {
        BufResult(Ok(0), buf)
    }
}

/// A stream that takes everything and keeps nothing.
///
/// ```
/// use annulus::io::{AsyncWriteExt, sink};
///
/// annulus::run(async {
///     sink().write_all("nothing").await.unwrap();
/// })
/// .unwrap();
/// ```
pub fn sink() -> Sink {
    Sink(())
}

/// A stream that takes everything and keeps nothing; made by [`sink`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Sink(());

impl AsyncWrite for Sink {
    async fn write<B: IoBuf>(&mut self, buf: B) -> BufResult<usize, B> {
        BufResult(Ok(buf.init_len()), buf)
    }

    async fn writev<B: IoVectoredBuf>(&mut self, bufs: B) -> BufResult<usize, B> {
        BufResult(Ok(bufs.total_len()), bufs)
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    async fn shutdown(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncWriteAt for Sink {
    async fn write_at<B: IoBuf>(&self, buf: B, _offset: u64) -> BufResult<usize, B> {
        BufResult(Ok(buf.init_len()), buf)
    }
}

/// A stream of one byte, without end.
///
/// ```
/// use annulus::io::{AsyncReadExt, repeat};
///
/// annulus::run(async {
///     let (_, zeros) = repeat(0).read_exact(Vec::with_capacity(100)).await.unwrap();
///     assert!(zeros.len() >= 100 && zeros.iter().all(|byte| *byte == 0));
/// })
/// .unwrap();
/// ```
pub fn repeat(byte: u8) -> Repeat {
    Repeat { byte }
}

/// A stream of one byte, without end; made by [`repeat`].
#[derive(Debug, Clone, Copy)]
pub struct Repeat {
    byte: u8,
}

impl AsyncRead for Repeat {
    async fn read<B: IoBufMut>(&mut self, mut buf: B) -> BufResult<usize, B> {
        BufResult(Ok(fill_with(&mut buf, self.byte)), buf)
    }
}

impl AsyncReadAt for Repeat {
    async fn read_at<B: IoBufMut>(&self, mut buf: B, _offset: u64) -> BufResult<usize, B> {
        BufResult(Ok(fill_with(&mut buf, self.byte)), buf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::testing::block_on;
    use crate::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn nothing_comes_out_of_nothing() {
        assert_eq!(block_on(empty().read(vec![1; 3])).unwrap(), (0, vec![1; 3]));
        assert_eq!(block_on(empty().readv([vec![1; 3]])).unwrap(), (0, [vec![1; 3]]));
        assert_eq!(block_on(empty().fill_buf()).unwrap(), b"");
        assert_eq!(block_on(empty().read_at(vec![1; 3], 7)).unwrap(), (0, vec![1; 3]));
    }

    #[test]
    fn everything_goes_into_a_sink() {
        block_on(sink().write_vectored_all(["abc", "de"])).unwrap();
        assert_eq!(block_on(sink().writev(["abc", "de"])).unwrap().0, 5);
        assert_eq!(block_on(sink().write_at("abc", 7)).unwrap().0, 3);
    }

    #[test]
    fn the_same_byte_fills_all_the_room() {
        let (_, buf) = block_on(repeat(7).read_exact(Box::new([0; 300]))).unwrap();
        assert_eq!(*buf, [7; 300]);
        assert_eq!(block_on(repeat(7).read_at(vec![0; 3], 9)).unwrap(), (3, vec![7; 3]));
        let (n, bufs) = block_on(repeat(7).readv([vec![0; 1], vec![0; 2]])).unwrap();
        assert_eq!((n, bufs), (3, [vec![7; 1], vec![7; 2]]));
    }
}
