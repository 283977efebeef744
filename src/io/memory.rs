//! The traits for bytes in memory: always ready, never an error on reading.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, ready};
use std::io::{self, Cursor};

use bytes::{Buf, Bytes, BytesMut};

use super::{AsyncBufRead, AsyncRead, AsyncReadAt, AsyncWrite, AsyncWriteAt};
use crate::buf::{
    BufResult, IoBuf, IoBufMut, IoVectoredBuf, IoVectoredBufMut, fill_all_from, fill_from,
};

macro_rules! read_from_the_front {
    ($([$($generics:tt)*] $type:ty),* $(,)?) => {$(
        impl<$($generics)*> AsyncRead for $type {
            async fn read<B: IoBufMut>(&mut self, mut buf: B) -> BufResult<usize, B> {
                let n = fill_from(&mut buf, self.chunk());
                self.advance(n);
                BufResult(Ok(n), buf)
            }

            async fn readv<B: IoVectoredBufMut>(&mut self, mut bufs: B) -> BufResult<usize, B> {
                let n = fill_all_from(&mut bufs, self.chunk());
                self.advance(n);
                BufResult(Ok(n), bufs)
            }
        }

        impl<$($generics)*> AsyncBufRead for $type {
            fn fill_buf(&mut self) -> impl Future<Output = io::Result<&[u8]>> {
                ready(Ok(Buf::chunk(&*self)))
            }

            fn consume(&mut self, amount: usize) {
                self.advance(amount);
            }
        }
    )*};
}

read_from_the_front! {
    [] &[u8],
    [] Bytes,
    [] BytesMut,
    [] VecDeque<u8>,
    [T: AsRef<[u8]>] Cursor<T>,
}

macro_rules! write_with {
    ($($type:ty => $write:expr),* $(,)?) => {$(
        impl AsyncWrite for $type {
            async fn write<B: IoBuf>(&mut self, buf: B) -> BufResult<usize, B> {
                let write: fn(&mut Self, &[u8]) -> io::Result<usize> = $write;
                BufResult(write(self, buf.as_init()), buf)
            }

            async fn writev<B: IoVectoredBuf>(&mut self, bufs: B) -> BufResult<usize, B> {
                let write: fn(&mut Self, &[u8]) -> io::Result<usize> = $write;
                let result = write_each(bufs.iter_init(), |bytes| write(self, bytes));
                BufResult(result, bufs)
            }

            async fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }

            async fn shutdown(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
    )*};
}

write_with! {
    Vec<u8> => io::Write::write,
    VecDeque<u8> => io::Write::write,
    &mut [u8] => io::Write::write,
    Cursor<&mut [u8]> => io::Write::write,
    Cursor<Box<[u8]>> => io::Write::write,
    Cursor<Vec<u8>> => io::Write::write,
    Cursor<&mut Vec<u8>> => io::Write::write,
    BytesMut => |all, bytes| {
        all.extend_from_slice(bytes);
        Ok(bytes.len())
    },
}

impl AsyncReadAt for [u8] {
    async fn read_at<B: IoBufMut>(&self, mut buf: B, offset: u64) -> BufResult<usize, B> {
        let n = fill_from(&mut buf, from(self, offset));
        BufResult(Ok(n), buf)
    }

    async fn readv_at<B: IoVectoredBufMut>(&self, mut bufs: B, offset: u64) -> BufResult<usize, B> {
        let n = fill_all_from(&mut bufs, from(self, offset));
        BufResult(Ok(n), bufs)
    }
}

macro_rules! read_at_as_slice {
    ($($type:ty => $bytes:expr),* $(,)?) => {$(
        impl AsyncReadAt for $type {
            async fn read_at<B: IoBufMut>(&self, buf: B, offset: u64) -> BufResult<usize, B> {
                let bytes: fn(&Self) -> &[u8] = $bytes;
                bytes(self).read_at(buf, offset).await
            }

            async fn readv_at<B: IoVectoredBufMut>(
                &self,
                bufs: B,
                offset: u64,
            ) -> BufResult<usize, B> {
                let bytes: fn(&Self) -> &[u8] = $bytes;
                bytes(self).readv_at(bufs, offset).await
            }
        }
    )*};
}

read_at_as_slice! {
    Vec<u8> => |all| all,
    Bytes => |all| all,
}

/// A file in memory. Writing past its end fills the gap with zeros.
impl AsyncReadAt for RefCell<Vec<u8>> {
    async fn read_at<B: IoBufMut>(&self, mut buf: B, offset: u64) -> BufResult<usize, B> {
        let n = fill_from(&mut buf, from(&self.borrow(), offset));
        BufResult(Ok(n), buf)
    }
}

impl AsyncWriteAt for RefCell<Vec<u8>> {
    async fn write_at<B: IoBuf>(&self, buf: B, offset: u64) -> BufResult<usize, B> {
        let bytes = buf.as_init();
        let result = put(&mut self.borrow_mut(), bytes, offset);
        BufResult(result, buf)
    }
}

/// Writes one piece after another, until one does not go whole.
fn write_each<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
    mut write: impl FnMut(&[u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut written = 0;
    for bytes in pieces {
        match write(bytes) {
            Ok(n) if n == bytes.len() => written += n,
            Ok(n) => return Ok(written + n),
            Err(error) if written == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(written)
}

/// Writes `bytes` into `all` at `offset`, after as many zeros as it takes.
fn put(all: &mut Vec<u8>, bytes: &[u8], offset: u64) -> io::Result<usize> {
    if bytes.is_empty() {
        return Ok(0);
    }
    let begin = usize::try_from(offset).unwrap_or(usize::MAX);
    let end = begin.checked_add(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
    if end > all.len() {
        all.try_reserve(end - all.len())?;
        all.resize(end, 0);
    }
    all[begin..end].copy_from_slice(bytes);
    Ok(bytes.len())
}

/// The bytes of `all` from `offset` on.
fn from(all: &[u8], offset: u64) -> &[u8] {
    usize::try_from(offset).ok().and_then(|offset| all.get(offset..)).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::testing::{block_on, drop_at};

    #[test]
    fn bytes_are_read_from_the_front() {
        let mut source: &[u8] = b"abcde";
        let (n, buf) = block_on(source.read(vec![0; 3])).unwrap();
        assert_eq!((n, buf), (3, b"abc".to_vec()));
        let (n, bufs) = block_on(source.readv([vec![0; 1], vec![0; 5]])).unwrap();
        assert_eq!((n, bufs), (2, [b"d".to_vec(), b"e\0\0\0\0".to_vec()]));
        let (n, _) = block_on(source.read(vec![0; 3])).unwrap();
        assert_eq!(n, 0);
    }

    #[test]
    fn a_read_that_was_never_polled_takes_nothing() {
        let mut source = Bytes::from_static(b"abc");
        assert!(drop_at(0, source.read(vec![0; 2])).is_none());
        assert!(drop_at(0, AsyncWrite::write(&mut Vec::new(), "x")).is_none());
        assert_eq!(source, "abc");
    }

    #[test]
    fn a_cursor_past_its_end_is_at_the_end_of_the_stream() {
        let mut source = Cursor::new("abc");
        source.set_position(7);
        assert_eq!(block_on(source.read(vec![0; 3])).unwrap().0, 0);
        assert_eq!(block_on(source.fill_buf()).unwrap(), b"");
    }

    #[test]
    fn bytes_are_written_behind_those_that_are_there() {
        let mut target = b"ab".to_vec();
        block_on(AsyncWrite::write(&mut target, "cd")).unwrap();
        block_on(target.writev(["e", "", "fg"])).unwrap();
        assert_eq!(target, b"abcdefg");
    }

    #[test]
    fn a_slice_takes_only_what_it_has_room_for() {
        let mut room = [0; 5];
        let mut target = &mut room[..];
        assert_eq!(block_on(target.writev(["abc", "def"])).unwrap().0, 5);
        assert_eq!(block_on(AsyncWrite::write(&mut target, "x")).unwrap().0, 0);
        assert_eq!(&room, b"abcde");
    }

    #[test]
    fn pieces_stop_at_the_first_that_does_not_go_whole() {
        let mut answers = [Ok(2), Err(io::ErrorKind::Other.into()), Ok(1)].into_iter();
        let mut write = |_: &[u8]| answers.next().unwrap();
        let pieces = || [&b"ab"[..], b"cd", b"e"].into_iter();
        assert_eq!(write_each(pieces(), &mut write).unwrap(), 2);
        assert_eq!(write_each(pieces(), &mut write).unwrap(), 1);
        assert!(write_each(pieces(), |_| Err(io::ErrorKind::Other.into())).is_err());
    }

    #[test]
    fn a_file_in_memory_is_read_and_written_anywhere() {
        let file = RefCell::new(Vec::new());
        block_on(file.write_at("cd", 2)).unwrap();
        block_on(file.writev_at(["e", "f"], 4)).unwrap();
        assert_eq!(*file.borrow(), b"\0\0cdef");
        let (n, buf) = block_on(file.read_at(vec![0; 3], 3)).unwrap();
        assert_eq!((n, buf), (3, b"def".to_vec()));
        assert_eq!(block_on(file.read_at(vec![0; 3], 6)).unwrap().0, 0);
        assert_eq!(block_on(file.read_at(vec![0; 3], u64::MAX)).unwrap().0, 0);
        block_on(file.write_at("X", 3)).unwrap();
        assert!(block_on(file.write_at("X", u64::MAX)).is_err());
        assert!(block_on(file.write_at("X", u64::MAX / 2)).is_err());
        block_on(file.write_at("", u64::MAX)).unwrap();
        assert_eq!(*file.borrow(), b"\0\0cXef");
        let (n, bufs) = block_on(b"abc"[..].readv_at([vec![0; 1]], 1)).unwrap();
        assert_eq!((n, bufs), (1, [b"b".to_vec()]));
    }
}
