//! A stream over something with offsets.

use std::io;

use super::{AsyncRead, AsyncReadAt, AsyncWrite, AsyncWriteAt};
use crate::buf::{BufResult, IoBuf, IoBufMut, IoVectoredBuf, IoVectoredBufMut};

/// A position in something with offsets, such as a file: read and write it as a stream.
///
/// Several positions in one file may be in use at the same time: `Positioned::new(&file, 0)`.
///
/// A read or write that is dropped in the middle, or fails, leaves the position where it was. So
/// a dropped read loses nothing, and a dropped write can be done again: the same bytes go to the
/// same place.
///
/// ```
/// use annulus::io::{AsyncReadExt, Positioned};
///
/// annulus::run(async {
///     let file = b"0123456789".to_vec();
///     let mut stream = Positioned::new(&file, 7);
///     let (_, rest) = stream.read_to_end(Vec::new()).await.unwrap();
///     assert_eq!(rest, b"789");
///     assert_eq!(stream.position(), 10);
/// })
/// .unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct Positioned<T> {
    inner: T,
    position: u64,
}

impl<T> Positioned<T> {
    /// A stream that begins `position` bytes after the beginning of `inner`.
    pub fn new(inner: T, position: u64) -> Self {
        Positioned { inner, position }
    }

    /// Where the next read or write begins, in bytes.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Sets where the next read or write begins, in bytes.
    pub fn set_position(&mut self, position: u64) {
        self.position = position;
    }

    /// What is read and written.
    pub fn get_ref(&self) -> &T {
        &self.inner
    }

    /// Gives back what is read and written.
    pub fn into_inner(self) -> T {
        self.inner
    }

    fn advance<B>(&mut self, done: BufResult<usize, B>) -> BufResult<usize, B> {
        if let Ok(n) = done.0 {
            self.position += n as u64;
        }
        done
    }
}

impl<T: AsyncReadAt> AsyncRead for Positioned<T> {
    async fn read<B: IoBufMut>(&mut self, buf: B) -> BufResult<usize, B> {
        let read = self.inner.read_at(buf, self.position).await;
        self.advance(read)
    }

    async fn readv<B: IoVectoredBufMut>(&mut self, bufs: B) -> BufResult<usize, B> {
        let read = self.inner.readv_at(bufs, self.position).await;
        self.advance(read)
    }
}

/// Nothing is held back, so flushing does nothing: it does not sync a file to its disk.
impl<T: AsyncWriteAt> AsyncWrite for Positioned<T> {
    async fn write<B: IoBuf>(&mut self, buf: B) -> BufResult<usize, B> {
        let written = self.inner.write_at(buf, self.position).await;
        self.advance(written)
    }

    async fn writev<B: IoVectoredBuf>(&mut self, bufs: B) -> BufResult<usize, B> {
        let written = self.inner.writev_at(bufs, self.position).await;
        self.advance(written)
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    async fn shutdown(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::io::testing::block_on;

    #[test]
    fn reads_and_writes_follow_one_another() {
        let file = RefCell::new(Vec::new());
        let mut writer = Positioned::new(&file, 1);
        block_on(writer.write("ab")).unwrap();
        block_on(writer.writev(["cd", "e"])).unwrap();
        assert_eq!(writer.position(), 6);
        assert_eq!(*file.borrow(), b"\0abcde");
        let mut reader = Positioned::new(&file, 2);
        assert_eq!(block_on(reader.read(vec![0; 2])).unwrap(), (2, b"bc".to_vec()));
        assert_eq!(block_on(reader.readv([vec![0; 1]])).unwrap(), (1, [b"d".to_vec()]));
        reader.set_position(9);
        assert_eq!(block_on(reader.read(vec![0; 2])).unwrap().0, 0);
        assert_eq!(reader.position(), 9);
    }
}
