//! The streams of the `io` room: connections and their halves as readers and writers.

use std::future::{Future, ready};
use std::io;
use std::net::Shutdown;

use super::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, TcpStream, WriteHalf};
use crate::buf::{BufResult, IoBuf, IoBufMut, IoVectoredBuf, IoVectoredBufMut};
use crate::io::{AsyncRead, AsyncWrite, Splittable};

macro_rules! read {
    ($($type:ty),*) => {$(
        impl AsyncRead for $type {
            fn read<B: IoBufMut>(&mut self, buf: B) -> impl Future<Output = BufResult<usize, B>> {
                TcpStream::read(self.as_ref(), buf)
            }

            fn readv<B: IoVectoredBufMut>(
                &mut self,
                bufs: B,
            ) -> impl Future<Output = BufResult<usize, B>> {
                TcpStream::readv(self.as_ref(), bufs)
            }
        }
    )*};
}

macro_rules! write {
    ($($type:ty),*) => {$(
        /// Nothing is held back, so a flush has nothing to do.
        impl AsyncWrite for $type {
            fn write<B: IoBuf>(&mut self, buf: B) -> impl Future<Output = BufResult<usize, B>> {
                TcpStream::write(self.as_ref(), buf)
            }

            fn writev<B: IoVectoredBuf>(
                &mut self,
                bufs: B,
            ) -> impl Future<Output = BufResult<usize, B>> {
                TcpStream::writev(self.as_ref(), bufs)
            }

            fn flush(&mut self) -> impl Future<Output = io::Result<()>> {
                ready(Ok(()))
            }

            fn shutdown(&mut self) -> impl Future<Output = io::Result<()>> {
                TcpStream::shutdown(self.as_ref(), Shutdown::Write)
            }
        }
    )*};
}

read!(TcpStream, &TcpStream, ReadHalf<'_>, OwnedReadHalf);
write!(TcpStream, &TcpStream, WriteHalf<'_>, OwnedWriteHalf);

impl Splittable for TcpStream {
    type ReadHalf<'a> = ReadHalf<'a>;
    type WriteHalf<'a> = WriteHalf<'a>;

    fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        TcpStream::split(self)
    }
}

impl AsRef<TcpStream> for TcpStream {
    fn as_ref(&self) -> &TcpStream {
        self
    }
}
