//! One reader after another.

use std::io;

use super::vectored::room_of;
use super::{AsyncBufRead, AsyncRead};
use crate::buf::{BufResult, IoBufMut, IoVectoredBufMut};

/// A reader that goes on with a second one where the first one ends; made by
/// [`AsyncReadExt::chain`](super::AsyncReadExt::chain).
///
/// Dropping a read in the middle loses nothing, if that is so for the readers inside.
#[derive(Debug, Clone)]
pub struct Chain<A, B> {
    first: A,
    second: B,
    first_ended: bool,
}

impl<A, B> Chain<A, B> {
    pub(super) fn new(first: A, second: B) -> Self {
        Chain { first, second, first_ended: false }
    }

    /// The two readers.
    pub fn get_ref(&self) -> (&A, &B) {
        (&self.first, &self.second)
    }

    /// The two readers.
    pub fn get_mut(&mut self) -> (&mut A, &mut B) {
        (&mut self.first, &mut self.second)
    }

    /// Gives the two readers back.
    pub fn into_inner(self) -> (A, B) {
        (self.first, self.second)
    }
}

impl<A: AsyncRead, B: AsyncRead> AsyncRead for Chain<A, B> {
    async fn read<T: IoBufMut>(&mut self, mut buf: T) -> BufResult<usize, T> {
        if !self.first_ended {
            let room = buf.as_uninit().len();
            let BufResult(result, back) = self.first.read(buf).await;
            match result {
                // Zero bytes say nothing when there was no room for any.
                Ok(0) if room > 0 => self.first_ended = true,
                result => return BufResult(result, back),
            }
            buf = back;
        }
        self.second.read(buf).await
    }

    async fn readv<T: IoVectoredBufMut>(&mut self, mut bufs: T) -> BufResult<usize, T> {
        if !self.first_ended {
            let room = room_of(&mut bufs);
            let BufResult(result, back) = self.first.readv(bufs).await;
            match result {
                Ok(0) if room > 0 => self.first_ended = true,
                result => return BufResult(result, back),
            }
            bufs = back;
        }
        self.second.readv(bufs).await
    }
}

impl<A: AsyncBufRead, B: AsyncBufRead> AsyncBufRead for Chain<A, B> {
    async fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if !self.first_ended {
            // Asked twice, because the borrow checker does not let a borrow that is returned from
            // one branch end in the other. What is in memory is given again at once.
            if !self.first.fill_buf().await?.is_empty() {
                return self.first.fill_buf().await;
            }
            self.first_ended = true;
        }
        self.second.fill_buf().await
    }

    fn consume(&mut self, amount: usize) {
        if self.first_ended {
            self.second.consume(amount);
        } else {
            self.first.consume(amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::AsyncReadExt;
    use crate::io::testing::{Script, block_on};

    #[test]
    fn the_second_reader_follows_the_first() {
        let mut chain = Script::reading(b"abc").chunks([2]).chain(Script::reading(b"def"));
        let (n, all) = block_on(chain.read_to_end(Vec::new())).unwrap();
        assert_eq!((n, all), (6, b"abcdef".to_vec()));
    }

    #[test]
    fn a_read_without_room_does_not_end_the_first_reader() {
        let mut chain = Script::reading(b"ab").chain(Script::reading(b"c"));
        assert_eq!(block_on(chain.read(Vec::new())).unwrap().0, 0);
        assert_eq!(block_on(chain.readv([Vec::new()])).unwrap().0, 0);
        let (_, all) = block_on(chain.read_to_end(Vec::new())).unwrap();
        assert_eq!(all, b"abc");
    }

    #[test]
    fn an_error_of_the_first_reader_is_not_its_end() {
        let first = Script::reading(b"ab").error_at(0, io::ErrorKind::TimedOut);
        let mut chain = first.chain(Script::reading(b"c"));
        assert!(block_on(chain.read(vec![0; 1])).is_err());
        let (_, all) = block_on(chain.read_to_end(Vec::new())).unwrap();
        assert_eq!(all, b"abc");
    }

    #[test]
    fn several_buffers_and_bytes_in_memory_follow_too() {
        let mut chain = (&b"ab"[..]).chain(&b"c"[..]);
        let (n, bufs) = block_on(chain.readv([vec![0; 1], vec![0; 3]])).unwrap();
        assert_eq!((n, bufs), (2, [b"a".to_vec(), b"b\0\0".to_vec()]));
        let (n, bufs) = block_on(chain.readv([vec![0; 1], vec![0; 3]])).unwrap();
        assert_eq!((n, bufs), (1, [b"c".to_vec(), b"\0\0\0".to_vec()]));
        let mut chain = (&b"ab"[..]).chain(&b"c"[..]);
        assert_eq!(block_on(chain.fill_buf()).unwrap(), b"ab");
        chain.consume(2);
        assert_eq!(block_on(chain.fill_buf()).unwrap(), b"c");
        chain.consume(1);
        assert_eq!(block_on(chain.fill_buf()).unwrap(), b"");
    }
}
