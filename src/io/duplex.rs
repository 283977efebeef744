//! Streams in memory between two tasks of one loop.
//!
//! What it is for: tests of protocols without sockets, and joining parts that speak streams.
//!
//! A direction is a queue of bytes with a limit, owned by its two ends together. A write moves as
//! many bytes as there is room for, or waits; a read takes as many as there are, or waits. Both
//! happen in one step at the poll that gives the result, so a future dropped before has done
//! nothing. Wakers are called, and dropped, only after the queue has been let go of.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;

use super::vectored::room_of;
use super::{AsyncRead, AsyncWrite, Splittable};
use crate::buf::{
    BufResult, IoBuf, IoBufMut, IoVectoredBuf, IoVectoredBufMut, fill_all_from, fill_from,
};

/// Makes two ends of a stream that goes both ways; what is written to one is read from the other.
///
/// Each direction holds at most `max` bytes; a write waits until there is room. The ends stay on
/// one loop.
///
/// When an end is dropped, the other reads what is left and then the end of the stream, and its
/// writes fail with [`BrokenPipe`](io::ErrorKind::BrokenPipe).
///
/// # Panics
///
/// When `max` is zero, since nothing could ever be written.
///
/// ```
/// use annulus::io::{AsyncReadExt, AsyncWriteExt, duplex};
///
/// annulus::run(async {
///     let (mut near, mut far) = duplex(64);
///     annulus::spawn(async move {
///         far.write_all("from afar").await.unwrap();
///     });
///     let (_, text) = near.read_to_string(String::new()).await.unwrap();
///     assert_eq!(text, "from afar");
/// })
/// .unwrap();
/// ```
pub fn duplex(max: usize) -> (DuplexStream, DuplexStream) {
    let (near_reader, far_writer) = simplex(max);
    let (far_reader, near_writer) = simplex(max);
    let near = DuplexStream { reader: near_reader, writer: near_writer };
    let far = DuplexStream { reader: far_reader, writer: far_writer };
    (near, far)
}

/// Makes the two ends of a stream that goes one way; otherwise as [`duplex`].
///
/// # Panics
///
/// As [`duplex`].
///
/// ```
/// use annulus::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, simplex};
///
/// annulus::run(async {
///     let (mut reader, mut writer) = simplex(64);
///     writer.write_all("one way").await.unwrap();
///     writer.shutdown().await.unwrap();
///     assert_eq!(reader.read_to_end(Vec::new()).await.unwrap().1, b"one way");
/// })
/// .unwrap();
/// ```
pub fn simplex(max: usize) -> (SimplexReader, SimplexWriter) {
    assert!(max > 0, "a stream in memory needs room for at least one byte");
    let queue = Rc::new(RefCell::new(Queue { max, ..Queue::default() }));
    (SimplexReader { queue: Rc::clone(&queue) }, SimplexWriter { queue })
}

/// One end of a stream in memory that goes both ways; made by [`duplex`].
///
/// Dropping a read or a write in the middle loses nothing: it has done nothing then.
#[derive(Debug)]
pub struct DuplexStream {
    reader: SimplexReader,
    writer: SimplexWriter,
}

impl DuplexStream {
    /// Lends the two directions apart, for use at the same time.
    pub fn split(&mut self) -> (&mut SimplexReader, &mut SimplexWriter) {
        (&mut self.reader, &mut self.writer)
    }

    /// Takes the two directions apart, for two tasks. Each ends when its half is dropped.
    pub fn into_split(self) -> (SimplexReader, SimplexWriter) {
        (self.reader, self.writer)
    }
}

impl Splittable for DuplexStream {
    type ReadHalf<'a> = &'a mut SimplexReader;
    type WriteHalf<'a> = &'a mut SimplexWriter;

    fn split(&mut self) -> (&mut SimplexReader, &mut SimplexWriter) {
        self.split()
    }
}

impl AsyncRead for DuplexStream {
    fn read<B: IoBufMut>(&mut self, buf: B) -> impl Future<Output = BufResult<usize, B>> {
        self.reader.read(buf)
    }

    fn readv<B: IoVectoredBufMut>(&mut self, bufs: B) -> impl Future<Output = BufResult<usize, B>> {
        self.reader.readv(bufs)
    }
}

impl AsyncWrite for DuplexStream {
    fn write<B: IoBuf>(&mut self, buf: B) -> impl Future<Output = BufResult<usize, B>> {
        self.writer.write(buf)
    }

    fn writev<B: IoVectoredBuf>(&mut self, bufs: B) -> impl Future<Output = BufResult<usize, B>> {
        self.writer.writev(bufs)
    }

    fn flush(&mut self) -> impl Future<Output = io::Result<()>> {
        self.writer.flush()
    }

    fn shutdown(&mut self) -> impl Future<Output = io::Result<()>> {
        self.writer.shutdown()
    }
}

/// The end of a stream in memory to read from; made by [`simplex`] and
/// [`DuplexStream::into_split`].
///
/// Dropping a read in the middle loses nothing.
#[derive(Debug)]
pub struct SimplexReader {
    queue: Rc<RefCell<Queue>>,
}

impl SimplexReader {
    async fn take(&mut self, most: usize) -> BytesMut {
        poll_fn(|cx| step(&self.queue, cx, |queue, waker| queue.take(most, waker))).await
    }
}

impl AsyncRead for SimplexReader {
    async fn read<B: IoBufMut>(&mut self, mut buf: B) -> BufResult<usize, B> {
        let bytes = self.take(buf.as_uninit().len()).await;
        let n = fill_from(&mut buf, &bytes);
        BufResult(Ok(n), buf)
    }

    async fn readv<B: IoVectoredBufMut>(&mut self, mut bufs: B) -> BufResult<usize, B> {
        let bytes = self.take(room_of(&mut bufs)).await;
        let n = fill_all_from(&mut bufs, &bytes);
        BufResult(Ok(n), bufs)
    }
}

impl Drop for SimplexReader {
    fn drop(&mut self) {
        let mut queue = self.queue.borrow_mut();
        queue.reader_gone = true;
        let abandoned = std::mem::take(&mut queue.bytes);
        let wakers = (queue.reader.take(), queue.writer.take());
        drop(queue);
        drop(abandoned);
        wake(wakers.1);
    }
}

/// The end of a stream in memory to write to; made by [`simplex`] and
/// [`DuplexStream::into_split`].
///
/// Dropping a write in the middle has written nothing. Dropping the end is as
/// [shutting it down](AsyncWrite::shutdown).
#[derive(Debug)]
pub struct SimplexWriter {
    queue: Rc<RefCell<Queue>>,
}

impl SimplexWriter {
    fn end(&self) {
        let mut queue = self.queue.borrow_mut();
        queue.ended = true;
        let wakers = (queue.reader.take(), queue.writer.take());
        drop(queue);
        wake(wakers.0);
    }
}

impl AsyncWrite for SimplexWriter {
    async fn write<B: IoBuf>(&mut self, buf: B) -> BufResult<usize, B> {
        let bytes = buf.as_init();
        let result =
            poll_fn(|cx| step(&self.queue, cx, |queue, waker| queue.put(bytes, waker))).await;
        BufResult(result, buf)
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    async fn shutdown(&mut self) -> io::Result<()> {
        self.end();
        Ok(())
    }
}

impl Drop for SimplexWriter {
    fn drop(&mut self) {
        self.end();
    }
}

/// One direction: what was written and not yet read.
#[derive(Debug, Default)]
struct Queue {
    bytes: BytesMut,
    max: usize,
    /// No more bytes come.
    ended: bool,
    /// Nobody takes any.
    reader_gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// What a step gives, the waker to wake, and the waker to drop.
type Step<T> = (Poll<T>, Option<Waker>, Option<Waker>);

impl Queue {
    fn take(&mut self, most: usize, waker: Waker) -> Step<BytesMut> {
        if self.bytes.is_empty() && !self.ended && most > 0 {
            return (Poll::Pending, None, self.reader.replace(waker));
        }
        let len = self.bytes.len().min(most);
        let taken = self.bytes.split_to(len);
        let writer = if len > 0 { self.writer.take() } else { None };
        (Poll::Ready(taken), writer, Some(waker))
    }

    fn put(&mut self, bytes: &[u8], waker: Waker) -> Step<io::Result<usize>> {
        if bytes.is_empty() {
            return (Poll::Ready(Ok(0)), None, Some(waker));
        }
        if self.ended || self.reader_gone {
            let message = if self.ended {
                "the stream was shut down before"
            } else {
                "the other end of the stream was dropped"
            };
            let error = io::Error::new(io::ErrorKind::BrokenPipe, message);
            return (Poll::Ready(Err(error)), None, Some(waker));
        }
        let len = bytes.len().min(self.max - self.bytes.len());
        if len == 0 {
            return (Poll::Pending, None, self.writer.replace(waker));
        }
        self.bytes.extend_from_slice(&bytes[..len]);
        (Poll::Ready(Ok(len)), self.reader.take(), Some(waker))
    }
}

/// Does one step on the queue, and after it what others may react to.
fn step<T>(
    queue: &RefCell<Queue>,
    cx: &mut Context<'_>,
    act: impl FnOnce(&mut Queue, Waker) -> Step<T>,
) -> Poll<T> {
    let waker = cx.waker().clone();
    let (poll, woken, _dropped) = act(&mut queue.borrow_mut(), waker);
    wake(woken);
    poll
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests;
