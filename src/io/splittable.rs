//! Streams that can be read and written at the same time, and two halves made one stream.

use std::future::Future;
use std::io;

use super::{AsyncBufRead, AsyncRead, AsyncWrite};
use crate::buf::{BufResult, IoBuf, IoBufMut, IoVectoredBuf, IoVectoredBufMut};

/// A stream whose two directions can be lent apart, so that both are in use at the same time.
///
/// A read borrows its stream until it is done, so a stream that goes both ways must be split to be
/// written to meanwhile. The halves borrow; streams have an `into_split` of their own for halves
/// that go to different tasks.
///
/// ```
/// use annulus::io::{AsyncRead, AsyncWriteExt, Splittable, duplex};
///
/// annulus::run(async {
///     let (mut near, mut far) = duplex(16);
///     let (reader, writer) = Splittable::split(&mut near);
///     writer.write_all("ping").await.unwrap();
///     let (far_reader, far_writer) = Splittable::split(&mut far);
///     let (n, buf) = far_reader.read(vec![0; 16]).await.unwrap();
///     far_writer.write_all(buf[..n].to_vec()).await.unwrap();
///     let (n, buf) = reader.read(vec![0; 16]).await.unwrap();
///     assert_eq!(&buf[..n], b"ping");
/// })
/// .unwrap();
/// ```
pub trait Splittable {
    /// The direction to read from.
    type ReadHalf<'a>: AsyncRead
    where
        Self: 'a;
    /// The direction to write to.
    type WriteHalf<'a>: AsyncWrite
    where
        Self: 'a;

    /// Lends the two directions apart.
    fn split(&mut self) -> (Self::ReadHalf<'_>, Self::WriteHalf<'_>);
}

macro_rules! split_through {
    ([$($generics:tt)*] $type:ty) => {
        impl<$($generics)* T: Splittable + ?Sized> Splittable for $type {
            type ReadHalf<'a>
                = T::ReadHalf<'a>
            where
                Self: 'a;
            type WriteHalf<'a>
                = T::WriteHalf<'a>
            where
                Self: 'a;

            fn split(&mut self) -> (T::ReadHalf<'_>, T::WriteHalf<'_>) {
                (**self).split()
            }
        }
    };
}

split_through!(['b,] &'b mut T);
split_through!([] Box<T>);

/// Makes one stream of something to read from and something to write to.
///
/// ```
/// use annulus::io::{AsyncWriteExt, AsyncReadExt, join};
///
/// annulus::run(async {
///     let mut stream = join(&b"in"[..], Vec::new());
///     let (_, text) = stream.read_to_string(String::new()).await.unwrap();
///     stream.write_all("out").await.unwrap();
///     let (_, written) = stream.into_parts();
///     assert_eq!((text.as_str(), &written[..]), ("in", &b"out"[..]));
/// })
/// .unwrap();
/// ```
pub fn join<R, W>(reader: R, writer: W) -> Join<R, W> {
    Join { reader, writer }
}

/// A stream of two halves; made by [`join`].
#[derive(Debug, Clone, Default)]
pub struct Join<R, W> {
    reader: R,
    writer: W,
}

impl<R, W> Join<R, W> {
    /// The two halves.
    pub fn into_parts(self) -> (R, W) {
        (self.reader, self.writer)
    }

    /// What is read from.
    pub fn reader(&self) -> &R {
        &self.reader
    }

    /// What is written to.
    pub fn writer(&self) -> &W {
        &self.writer
    }
}

impl<R: AsyncRead, W: AsyncWrite> Splittable for Join<R, W> {
    type ReadHalf<'a>
        = &'a mut R
    where
        Self: 'a;
    type WriteHalf<'a>
        = &'a mut W
    where
        Self: 'a;

    fn split(&mut self) -> (&mut R, &mut W) {
        (&mut self.reader, &mut self.writer)
    }
}

impl<R: AsyncRead, W> AsyncRead for Join<R, W> {
    fn read<B: IoBufMut>(&mut self, buf: B) -> impl Future<Output = BufResult<usize, B>> {
        self.reader.read(buf)
    }

    fn readv<B: IoVectoredBufMut>(&mut self, bufs: B) -> impl Future<Output = BufResult<usize, B>> {
        self.reader.readv(bufs)
    }
}

impl<R: AsyncBufRead, W> AsyncBufRead for Join<R, W> {
    fn fill_buf(&mut self) -> impl Future<Output = io::Result<&[u8]>> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.reader.consume(amount);
    }
}

impl<R, W: AsyncWrite> AsyncWrite for Join<R, W> {
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
