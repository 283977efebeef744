//! A writer with a buffer before it.

use std::fmt;
use std::future::Future;
use std::io;

use super::buf_reader::CAPACITY;
use super::error::{is_interrupted, write_zero};
use super::{AsyncBufRead, AsyncRead, AsyncWrite};
use crate::buf::{BufResult, IoBuf, IoBufMut, IoVectoredBuf, IoVectoredBufMut};

/// A writer that collects small writes and passes them on together.
///
/// Writes of at least as many bytes as the buffer has room for go past the buffer. What is read
/// through it comes straight from the stream inside. `BufReader::new(BufWriter::new(stream))`
/// buffers both directions.
///
/// **Flush it before you drop it**, with [`flush`](AsyncWrite::flush) or
/// [`shutdown`](AsyncWrite::shutdown): a drop cannot wait, so the bytes that are held are lost.
///
/// # Cancellation
///
/// Bytes that are held are lent to the stream inside while they are passed on. When a `write` or
/// `flush` is dropped just then, it is not known how many of them went out, and nothing that comes
/// after them makes sense any more: from then on every write and flush is an error that says so.
/// A write that had room in the buffer is done at once and never dropped in the middle.
///
/// ```
/// use annulus::io::{AsyncWrite, AsyncWriteExt, BufWriter};
///
/// annulus::run(async {
///     let mut writer = BufWriter::new(Vec::new());
///     writer.write_all("hello, ").await.unwrap();
///     writer.write_all("ring").await.unwrap();
///     assert_eq!(writer.buffer(), b"hello, ring");
///     writer.flush().await.unwrap();
///     assert_eq!(writer.get_ref(), b"hello, ring");
/// })
/// .unwrap();
/// ```
pub struct BufWriter<W> {
    writer: W,
    /// Without capacity before the first write and while it is lent.
    held: Vec<u8>,
    capacity: usize,
    /// Whether `held` was lent to a write that has not come back: it is in flight, or was dropped.
    lent: bool,
}

impl<W> BufWriter<W> {
    /// Puts a buffer of 8 KiB before `writer`. It is made by the first write.
    pub fn new(writer: W) -> Self {
        BufWriter::with_capacity(CAPACITY, writer)
    }

    /// Puts a buffer of `capacity` bytes before `writer`.
    pub fn with_capacity(capacity: usize, writer: W) -> Self {
        BufWriter { writer, held: Vec::new(), capacity, lent: false }
    }

    /// The bytes that are held and were not passed on yet.
    pub fn buffer(&self) -> &[u8] {
        &self.held
    }

    /// How many bytes the buffer holds at most.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The writer inside.
    pub fn get_ref(&self) -> &W {
        &self.writer
    }

    /// The writer inside. What is written to it directly comes before what the buffer holds.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.writer
    }

    /// Gives the writer back. The bytes of [`buffer`](Self::buffer) are lost.
    pub fn into_inner(self) -> W {
        self.writer
    }

    /// Gives the writer back and the bytes that were held and not passed on.
    pub fn into_parts(self) -> (W, Vec<u8>) {
        (self.writer, self.held)
    }

    fn check(&self) -> io::Result<()> {
        if self.lent {
            return Err(io::Error::other(
                "a write of buffered bytes was dropped in the middle: \
                 how many of them went out is not known",
            ));
        }
        Ok(())
    }

    fn hold<'a>(&mut self, pieces: impl Iterator<Item = &'a [u8]>) {
        if self.held.capacity() == 0 {
            self.held.reserve_exact(self.capacity);
        }
        pieces.for_each(|bytes| self.held.extend_from_slice(bytes));
    }
}

impl<W: AsyncWrite> BufWriter<W> {
    /// Passes on what is held if `len` more bytes have no room beside it.
    async fn make_room(&mut self, len: usize) -> io::Result<()> {
        self.check()?;
        if len > self.capacity - self.held.len() { self.pass_on().await } else { Ok(()) }
    }

    async fn pass_on(&mut self) -> io::Result<()> {
        self.check()?;
        let mut written = 0;
        while written < self.held.len() {
            let held = std::mem::take(&mut self.held);
            self.lent = true;
            let BufResult(result, part) = self.writer.write(held.slice(written..)).await;
            self.lent = false;
            self.held = part.into_inner();
            let failed = match result {
                Ok(0) => write_zero(written, self.held.len()),
                Ok(n) => {
                    written += n;
                    continue;
                }
                Err(error) if is_interrupted(&error) => continue,
                Err(error) => error,
            };
            self.held.drain(..written);
            return Err(failed);
        }
        self.held.clear();
        Ok(())
    }
}

impl<W: AsyncWrite> AsyncWrite for BufWriter<W> {
    async fn write<B: IoBuf>(&mut self, buf: B) -> BufResult<usize, B> {
        let len = buf.init_len();
        if let Err(error) = self.make_room(len).await {
            return BufResult(Err(error), buf);
        }
        if len >= self.capacity {
            return self.writer.write(buf).await;
        }
        self.hold(std::iter::once(buf.as_init()));
        BufResult(Ok(len), buf)
    }

    async fn writev<B: IoVectoredBuf>(&mut self, bufs: B) -> BufResult<usize, B> {
        let len = bufs.total_len();
        if let Err(error) = self.make_room(len).await {
            return BufResult(Err(error), bufs);
        }
        if len >= self.capacity {
            return self.writer.writev(bufs).await;
        }
        self.hold(bufs.iter_init());
        BufResult(Ok(len), bufs)
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.pass_on().await?;
        self.writer.flush().await
    }

    async fn shutdown(&mut self) -> io::Result<()> {
        self.pass_on().await?;
        self.writer.shutdown().await
    }
}

impl<R: AsyncRead> AsyncRead for BufWriter<R> {
    fn read<B: IoBufMut>(&mut self, buf: B) -> impl Future<Output = BufResult<usize, B>> {
        self.writer.read(buf)
    }

    fn readv<B: IoVectoredBufMut>(&mut self, bufs: B) -> impl Future<Output = BufResult<usize, B>> {
        self.writer.readv(bufs)
    }
}

impl<R: AsyncBufRead> AsyncBufRead for BufWriter<R> {
    fn fill_buf(&mut self) -> impl Future<Output = io::Result<&[u8]>> {
        self.writer.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.writer.consume(amount);
    }
}

impl<W: fmt::Debug> fmt::Debug for BufWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufWriter")
            .field("writer", &self.writer)
            .field("buffered", &self.held.len())
            .field("capacity", &self.capacity)
            .field("lent", &self.lent)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::io::testing::{Script, block_on, drop_at, random};
    use crate::io::{AsyncReadExt, AsyncWriteExt, BufReader};

    #[test]
    fn small_writes_go_out_together() {
        let mut writer = BufWriter::with_capacity(4, Script::writing());
        for piece in ["a", "b", "c", "d"] {
            block_on(writer.write_all(piece)).unwrap();
        }
        assert_eq!((writer.buffer(), writer.get_ref().calls()), (&b"abcd"[..], 0));
        block_on(writer.write_all("e")).unwrap();
        assert_eq!((writer.buffer(), writer.get_ref().written()), (&b"e"[..], &b"abcd"[..]));
        block_on(writer.shutdown()).unwrap();
        assert_eq!(writer.get_ref().written(), b"abcde");
        assert_eq!((writer.get_ref().calls(), writer.get_ref().shutdowns), (2, 1));
    }

    #[test]
    fn large_writes_go_past_the_buffer_after_what_it_holds() {
        let mut writer = BufWriter::with_capacity(4, Script::writing());
        block_on(writer.write("ab")).unwrap();
        block_on(writer.write("cdefg")).unwrap();
        block_on(writer.writev(["hi", "jk"])).unwrap();
        assert_eq!((writer.buffer(), writer.get_ref().written()), (&b""[..], &b"abcdefghijk"[..]));
        block_on(writer.writev(["l", "m"])).unwrap();
        assert_eq!((writer.buffer(), writer.get_ref().calls()), (&b"lm"[..], 3));
    }

    #[test]
    fn a_flush_goes_on_over_short_and_interrupted_writes() {
        let script = Script::writing().chunks([1, 2]).error_at(1, ErrorKind::Interrupted);
        let mut writer = BufWriter::new(script);
        block_on(writer.write_all("abcdef")).unwrap();
        block_on(writer.flush()).unwrap();
        assert_eq!((writer.get_ref().written(), writer.get_ref().flushes), (&b"abcdef"[..], 1));
    }

    #[test]
    fn a_failed_flush_keeps_what_did_not_go_out() {
        let script = Script::writing().chunks([2, 1, 0]).error_at(1, ErrorKind::TimedOut);
        let mut writer = BufWriter::with_capacity(8, script);
        block_on(writer.write_all("abcdef")).unwrap();
        assert_eq!(block_on(writer.flush()).unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(writer.buffer(), b"cdef");
        assert_eq!(block_on(writer.flush()).unwrap_err().kind(), ErrorKind::WriteZero);
        assert_eq!(writer.buffer(), b"cdef");
        block_on(writer.write_all("gh")).unwrap();
        assert_eq!(block_on(writer.flush()).unwrap_err().kind(), ErrorKind::WriteZero);
        assert_eq!((writer.get_ref().written(), writer.buffer()), (&b"abcde"[..], &b"fgh"[..]));
        assert_eq!(writer.into_parts().1, b"fgh");
    }

    #[test]
    fn a_failed_write_takes_nothing_of_its_buffer() {
        let script = Script::writing().error_at(0, ErrorKind::TimedOut);
        let mut writer = BufWriter::with_capacity(4, script);
        block_on(writer.write_all("abc")).unwrap();
        assert!(block_on(writer.write_all("def")).is_err());
        block_on(writer.write_all("def")).unwrap();
        block_on(writer.flush()).unwrap();
        assert_eq!(writer.get_ref().written(), b"abcdef");
    }

    #[test]
    fn after_a_flush_dropped_in_the_middle_nothing_is_written_any_more() {
        let mut writer = BufWriter::with_capacity(8, Script::writing().pauses(1));
        block_on(writer.write_all("abc")).unwrap();
        assert!(drop_at(0, writer.flush()).is_none());
        assert_eq!(writer.buffer(), b"abc");
        assert!(drop_at(1, writer.flush()).is_none());
        for result in [block_on(writer.flush()), block_on(writer.shutdown())] {
            assert!(result.unwrap_err().to_string().contains("dropped in the middle"));
        }
        assert!(block_on(writer.write("d")).is_err());
        assert!(block_on(writer.writev(["d"])).is_err());
        assert!(block_on(writer.write("0123456789")).is_err());
        assert_eq!(writer.get_ref().written(), b"");
    }

    #[test]
    fn writes_of_any_length_arrive_whole_and_in_order() {
        for seed in 0..30 {
            let mut random = random(seed);
            let chunks: Vec<usize> = (0..7).map(|_| random.usize(1..30)).collect();
            let script = Script::writing().chunks(chunks).error_at(3, ErrorKind::Interrupted);
            let mut writer = BufWriter::with_capacity(random.usize(..30), script);
            let mut sent = Vec::new();
            for _ in 0..100 {
                if random.u8(..8) == 0 {
                    block_on(writer.flush()).unwrap();
                }
                let piece: Vec<u8> = (0..random.usize(..40)).map(|_| random.u8(..)).collect();
                sent.extend_from_slice(&piece);
                if random.bool() {
                    block_on(writer.write_vectored_all([Vec::new(), piece])).unwrap();
                } else {
                    block_on(writer.write_all(piece)).unwrap();
                }
            }
            block_on(writer.flush()).unwrap();
            assert!(writer.get_ref().written() == sent, "seed {seed}");
        }
    }

    #[test]
    fn both_directions_can_be_buffered() {
        let stream = crate::io::join(&b"in"[..], Vec::new());
        let mut stream = BufReader::new(BufWriter::new(stream));
        block_on(stream.write_all("out")).unwrap();
        block_on(stream.flush()).unwrap();
        assert_eq!(block_on(stream.read_to_end(Vec::new())).unwrap().1, b"in");
        assert_eq!(stream.get_ref().get_ref().writer(), b"out");
    }
}
