//! The traits for references and boxes of what implements them.

use std::future::Future;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use super::{AsyncBufRead, AsyncRead, AsyncReadAt, AsyncWrite, AsyncWriteAt};
use crate::buf::{BufResult, IoBuf, IoBufMut, IoVectoredBuf, IoVectoredBufMut};

macro_rules! exclusive {
    ($($type:ty),*) => {$(
        impl<T: AsyncRead + ?Sized> AsyncRead for $type {
            fn read<B: IoBufMut>(&mut self, buf: B) -> impl Future<Output = BufResult<usize, B>> {
                (**self).read(buf)
            }

            fn readv<B: IoVectoredBufMut>(
                &mut self,
                bufs: B,
            ) -> impl Future<Output = BufResult<usize, B>> {
                (**self).readv(bufs)
            }
        }

        impl<T: AsyncBufRead + ?Sized> AsyncBufRead for $type {
            fn fill_buf(&mut self) -> impl Future<Output = io::Result<&[u8]>> {
                (**self).fill_buf()
            }

            fn consume(&mut self, amount: usize) {
                (**self).consume(amount);
            }
        }

        impl<T: AsyncWrite + ?Sized> AsyncWrite for $type {
            fn write<B: IoBuf>(&mut self, buf: B) -> impl Future<Output = BufResult<usize, B>> {
                (**self).write(buf)
            }

            fn writev<B: IoVectoredBuf>(
                &mut self,
                bufs: B,
            ) -> impl Future<Output = BufResult<usize, B>> {
                (**self).writev(bufs)
            }

            fn flush(&mut self) -> impl Future<Output = io::Result<()>> {
                (**self).flush()
            }

            fn shutdown(&mut self) -> impl Future<Output = io::Result<()>> {
                (**self).shutdown()
            }
        }
    )*};
}

exclusive!(&mut T, Box<T>);

macro_rules! shared {
    ($($type:ty),*) => {$(
        impl<T: AsyncReadAt + ?Sized> AsyncReadAt for $type {
            fn read_at<B: IoBufMut>(
                &self,
                buf: B,
                offset: u64,
            ) -> impl Future<Output = BufResult<usize, B>> {
                (**self).read_at(buf, offset)
            }

            fn readv_at<B: IoVectoredBufMut>(
                &self,
                bufs: B,
                offset: u64,
            ) -> impl Future<Output = BufResult<usize, B>> {
                (**self).readv_at(bufs, offset)
            }
        }

        impl<T: AsyncWriteAt + ?Sized> AsyncWriteAt for $type {
            fn write_at<B: IoBuf>(
                &self,
                buf: B,
                offset: u64,
            ) -> impl Future<Output = BufResult<usize, B>> {
                (**self).write_at(buf, offset)
            }

            fn writev_at<B: IoVectoredBuf>(
                &self,
                bufs: B,
                offset: u64,
            ) -> impl Future<Output = BufResult<usize, B>> {
                (**self).writev_at(bufs, offset)
            }
        }
    )*};
}

shared!(&T, &mut T, Box<T>, Rc<T>, Arc<T>);
