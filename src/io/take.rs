//! The first bytes of a reader.

use std::io;

use super::vectored::{readv_by_copy, room_of};
use super::{AsyncBufRead, AsyncRead};
use crate::buf::{BufResult, IoBufMut, IoVectoredBufMut};

/// A reader that ends after so many bytes of another; made by
/// [`AsyncReadExt::take`](super::AsyncReadExt::take).
///
/// Dropping a read in the middle loses nothing, if that is so for the reader inside.
#[derive(Debug, Clone)]
pub struct Take<R> {
    reader: R,
    limit: u64,
}

impl<R> Take<R> {
    pub(super) fn new(reader: R, limit: u64) -> Self {
        Take { reader, limit }
    }

    /// How many more bytes there are at most.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Sets how many more bytes there are at most.
    pub fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// The reader inside.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// The reader inside. What is read from it directly does not count.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// Gives the reader back.
    pub fn into_inner(self) -> R {
        self.reader
    }

    fn limit_in_memory(&self) -> usize {
        usize::try_from(self.limit).unwrap_or(usize::MAX)
    }

    fn took(&mut self, n: usize) {
        let left = self.limit.checked_sub(n as u64);
        self.limit = left.expect("a reader says that it read more than there was room for");
    }
}

impl<R: AsyncRead> AsyncRead for Take<R> {
    async fn read<B: IoBufMut>(&mut self, buf: B) -> BufResult<usize, B> {
        if self.limit == 0 {
            return BufResult(Ok(0), buf);
        }
        let BufResult(result, part) = self.reader.read(buf.slice(..self.limit_in_memory())).await;
        BufResult(result.inspect(|n| self.took(*n)), part.into_inner())
    }

    async fn readv<B: IoVectoredBufMut>(&mut self, mut bufs: B) -> BufResult<usize, B> {
        if room_of(&mut bufs) > self.limit_in_memory() {
            return readv_by_copy(self, bufs).await;
        }
        let BufResult(result, bufs) = self.reader.readv(bufs).await;
        BufResult(result.inspect(|n| self.took(*n)), bufs)
    }
}

impl<R: AsyncBufRead> AsyncBufRead for Take<R> {
    async fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.limit == 0 {
            return Ok(&[]);
        }
        let most = self.limit_in_memory();
        let bytes = self.reader.fill_buf().await?;
        Ok(&bytes[..bytes.len().min(most)])
    }

    fn consume(&mut self, amount: usize) {
        let amount = amount.min(self.limit_in_memory());
        self.took(amount);
        self.reader.consume(amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::AsyncReadExt;
    use crate::io::testing::{Script, block_on};

    #[test]
    fn a_take_ends_at_its_limit_or_with_its_reader() {
        for limit in 0..9u64 {
            let mut reader = Script::reading(b"abcdef").chunks([2]);
            let mut take = (&mut reader).take(limit);
            let (n, all) = block_on(take.read_to_end(Vec::new())).unwrap();
            let end = limit.min(6) as usize;
            assert_eq!((n, &all[..]), (end, &b"abcdef"[..end]));
            assert_eq!(take.limit(), limit - end as u64);
            assert_eq!(reader.unread(), &b"abcdef"[end..]);
        }
    }

    #[test]
    fn a_take_of_several_buffers_ends_at_its_limit() {
        let mut take = Script::reading(b"abcdef").take(5);
        let (n, bufs) = block_on(take.readv([vec![0; 1], vec![0; 2]])).unwrap();
        assert_eq!((n, bufs), (3, [b"a".to_vec(), b"bc".to_vec()]));
        let (n, bufs) = block_on(take.readv([vec![0; 1], vec![0; 2]])).unwrap();
        assert_eq!((n, bufs), (2, [b"d".to_vec(), b"e\0".to_vec()]));
        assert_eq!(take.limit(), 0);
    }

    #[test]
    fn a_take_at_its_limit_does_not_touch_its_reader() {
        let mut take = Script::reading(b"ab").error_at(0, io::ErrorKind::Other).take(0);
        assert_eq!(block_on(take.read(vec![0; 4])).unwrap().0, 0);
        take.set_limit(1);
        assert!(block_on(take.read(vec![0; 4])).is_err());
        assert_eq!(take.limit(), 1);
    }

    #[test]
    fn a_take_of_bytes_in_memory_shows_no_more_than_its_limit() {
        let mut take = (&b"abcdef"[..]).take(4);
        assert_eq!(block_on(take.fill_buf()).unwrap(), b"abcd");
        take.consume(3);
        assert_eq!(block_on(take.fill_buf()).unwrap(), b"d");
        take.consume(1);
        assert_eq!(block_on(take.fill_buf()).unwrap(), b"");
        assert_eq!(take.into_inner(), b"ef");
    }
}
