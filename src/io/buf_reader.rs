//! A reader with a buffer before it.

use std::fmt;
use std::future::Future;
use std::io;

use super::vectored::room_of;
use super::{AsyncBufRead, AsyncRead, AsyncWrite};
use crate::buf::{
    BufResult, IoBuf, IoBufMut, IoVectoredBuf, IoVectoredBufMut, fill_all_from, fill_from,
};

/// How many bytes the buffers of readers and writers hold unless told.
pub(super) const CAPACITY: usize = 8 * 1024;

/// A reader that reads much at once and gives it out in parts.
///
/// Reads with at least as much room as its buffer has go past the buffer, unless it holds bytes.
/// What is written through it goes straight to the stream inside.
///
/// # Cancellation
///
/// Dropping any read in the middle loses nothing. The buffer is lent to the reader inside only
/// while it holds no bytes; when that read is dropped, the reader keeps what arrives for it, and a
/// new buffer is made for the next one.
///
/// ```
/// use annulus::io::{AsyncBufReadExt, BufReader};
///
/// annulus::run(async {
///     let mut lines = BufReader::new(&b"one\ntwo\n"[..]).lines();
///     assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("one"));
///     assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("two"));
///     assert_eq!(lines.next_line().await.unwrap(), None);
/// })
/// .unwrap();
/// ```
pub struct BufReader<R> {
    reader: R,
    /// Without capacity before the first read and while it is lent.
    buf: Vec<u8>,
    /// The part of `buf` that is still to be given out.
    begin: usize,
    end: usize,
    capacity: usize,
}

impl<R> BufReader<R> {
    /// Puts a buffer of 8 KiB before `reader`. It is made by the first read.
    pub fn new(reader: R) -> Self {
        BufReader::with_capacity(CAPACITY, reader)
    }

    /// Puts a buffer of `capacity` bytes before `reader`, of at least one.
    pub fn with_capacity(capacity: usize, reader: R) -> Self {
        BufReader { reader, buf: Vec::new(), begin: 0, end: 0, capacity: capacity.max(1) }
    }

    /// The bytes that were read and not given out yet.
    pub fn buffer(&self) -> &[u8] {
        &self.buf[self.begin..self.end]
    }

    /// How many bytes the buffer holds at most.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The reader inside.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// The reader inside. What is read from it directly comes after what the buffer holds.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// Gives the reader back. The bytes of [`buffer`](Self::buffer) are lost.
    pub fn into_inner(self) -> R {
        self.reader
    }

    /// Gives the reader back and the bytes that were read and not given out yet.
    pub fn into_parts(mut self) -> (R, Vec<u8>) {
        self.buf.truncate(self.end);
        self.buf.drain(..self.begin);
        (self.reader, self.buf)
    }

    fn took(&mut self, n: usize) {
        assert!(n <= self.end - self.begin, "more bytes were consumed than the buffer holds");
        self.begin += n;
    }
}

impl<R: AsyncRead> AsyncRead for BufReader<R> {
    async fn read<B: IoBufMut>(&mut self, mut buf: B) -> BufResult<usize, B> {
        let room = buf.as_uninit().len();
        if self.buffer().is_empty() && room > 0 {
            if room >= self.capacity {
                return self.reader.read(buf).await;
            }
            if let Err(error) = self.fill_buf().await {
                return BufResult(Err(error), buf);
            }
        }
        let n = fill_from(&mut buf, self.buffer());
        self.took(n);
        BufResult(Ok(n), buf)
    }

    async fn readv<B: IoVectoredBufMut>(&mut self, mut bufs: B) -> BufResult<usize, B> {
        let room = room_of(&mut bufs);
        if self.buffer().is_empty() && room > 0 {
            if room >= self.capacity {
                return self.reader.readv(bufs).await;
            }
            if let Err(error) = self.fill_buf().await {
                return BufResult(Err(error), bufs);
            }
        }
        let n = fill_all_from(&mut bufs, self.buffer());
        self.took(n);
        BufResult(Ok(n), bufs)
    }
}

impl<R: AsyncRead> AsyncBufRead for BufReader<R> {
    async fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.buffer().is_empty() {
            let mut buf = std::mem::take(&mut self.buf);
            (self.begin, self.end) = (0, 0);
            buf.clear();
            buf.reserve_exact(self.capacity);
            let BufResult(result, part) = self.reader.read(buf.slice(..self.capacity)).await;
            self.buf = part.into_inner();
            self.end = result?;
        }
        Ok(self.buffer())
    }

    fn consume(&mut self, amount: usize) {
        self.took(amount);
    }
}

impl<W: AsyncWrite> AsyncWrite for BufReader<W> {
    fn write<B: IoBuf>(&mut self, buf: B) -> impl Future<Output = BufResult<usize, B>> {
        self.reader.write(buf)
    }

    fn writev<B: IoVectoredBuf>(&mut self, bufs: B) -> impl Future<Output = BufResult<usize, B>> {
        self.reader.writev(bufs)
    }

    fn flush(&mut self) -> impl Future<Output = io::Result<()>> {
        self.reader.flush()
    }

    fn shutdown(&mut self) -> impl Future<Output = io::Result<()>> {
        self.reader.shutdown()
    }
}

impl<R: fmt::Debug> fmt::Debug for BufReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufReader")
            .field("reader", &self.reader)
            .field("buffered", &self.buffer().len())
            .field("capacity", &self.capacity)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::io::AsyncReadExt;
    use crate::io::testing::{Script, block_on, drop_at, random};

    #[test]
    fn one_read_of_the_stream_serves_many_small_ones() {
        let mut reader = BufReader::with_capacity(4, Script::reading(b"abcdefg"));
        for expected in ["a", "b", "c", "d", "e"] {
            let (n, buf) = block_on(reader.read(vec![0; 1])).unwrap();
            assert_eq!((n, &buf[..]), (1, expected.as_bytes()));
        }
        assert_eq!(reader.get_ref().calls(), 2);
        assert_eq!(reader.buffer(), b"fg");
        assert_eq!(reader.into_parts().1, b"fg");
    }

    #[test]
    fn large_reads_go_past_an_empty_buffer_only() {
        let mut reader = BufReader::with_capacity(4, Script::reading(b"abcdefghij"));
        assert_eq!(block_on(reader.fill_buf()).unwrap(), b"abcd");
        reader.consume(3);
        let (n, _) = block_on(reader.read(vec![0; 5])).unwrap();
        assert_eq!((n, reader.get_ref().calls()), (1, 1));
        let (n, bufs) = block_on(reader.readv([vec![0; 2], vec![0; 3]])).unwrap();
        assert_eq!((n, bufs.concat()), (5, b"efghi".to_vec()));
        assert_eq!((reader.buffer(), reader.get_ref().unread()), (&b""[..], &b"j"[..]));
        let (n, bufs) = block_on(reader.readv([vec![0; 1], vec![0; 1]])).unwrap();
        assert_eq!((n, bufs.concat()), (1, b"j\0".to_vec()));
    }

    #[test]
    fn the_buffer_is_filled_no_further_than_its_capacity() {
        let mut reader = BufReader::with_capacity(3, Script::reading(&[7; 100]));
        while !block_on(reader.fill_buf()).unwrap().is_empty() {
            assert!(reader.buffer().len() <= 3);
            reader.consume(reader.buffer().len());
        }
        assert_eq!(reader.get_ref().calls(), 35);
    }

    #[test]
    fn a_read_without_room_needs_no_read_of_the_stream() {
        let mut reader = BufReader::new(Script::reading(b"abc"));
        assert_eq!(block_on(reader.read(Vec::new())).unwrap().0, 0);
        assert_eq!(block_on(reader.readv([Vec::new()])).unwrap().0, 0);
        assert_eq!(reader.get_ref().calls(), 0);
    }

    #[test]
    fn an_error_is_passed_on_and_loses_nothing() {
        let script = Script::reading(b"abcd").chunks([2]).error_at(1, ErrorKind::TimedOut);
        let mut reader = BufReader::with_capacity(8, script);
        assert_eq!(block_on(reader.read(vec![0; 2])).unwrap().0, 2);
        let BufResult(result, _) = block_on(reader.read(vec![0; 2]));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::TimedOut);
        let (_, rest) = block_on(reader.read_to_end(Vec::new())).unwrap();
        assert_eq!(rest, b"cd");
    }

    #[test]
    #[should_panic(expected = "more bytes were consumed than the buffer holds")]
    fn what_is_not_there_cannot_be_consumed() {
        let mut reader = BufReader::new(&b"ab"[..]);
        let _ = block_on(reader.fill_buf());
        reader.consume(3);
    }

    #[test]
    fn reads_dropped_anywhere_lose_nothing() {
        let bytes: Vec<u8> = (0..3000u32).map(|n| (n * n) as u8).collect();
        for seed in 0..20 {
            let mut random = random(seed);
            let chunks: Vec<usize> = (0..9).map(|_| random.usize(1..200)).collect();
            let script = Script::reading(&bytes).chunks(chunks).pauses(random.usize(..3));
            let mut reader = BufReader::with_capacity(random.usize(1..100), script);
            let mut got = Vec::new();
            while got.len() < bytes.len() {
                let polls = random.usize(..4);
                let room = vec![0; random.usize(1..150)];
                let read = match random.u8(..3) {
                    0 => drop_at(polls, reader.read(room)),
                    1 => drop_at(polls, reader.readv([room, vec![0; 3]]))
                        .map(|read| read.map_buf(|bufs| bufs.concat())),
                    _ => {
                        let bytes =
                            drop_at(polls, async { reader.fill_buf().await.map(<[u8]>::to_vec) });
                        bytes.map(|bytes| {
                            let bytes = bytes.unwrap();
                            reader.consume(bytes.len());
                            BufResult(Ok(bytes.len()), bytes)
                        })
                    }
                };
                if let Some(read) = read {
                    let (n, buf) = read.unwrap();
                    got.extend_from_slice(&buf[..n]);
                }
            }
            assert!(got == bytes, "seed {seed}");
        }
    }
}
