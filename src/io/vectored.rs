//! Several buffers for streams that take one, and the rest of several buffers.

use bytes::BytesMut;

use super::{AsyncRead, AsyncReadAt, AsyncWrite, AsyncWriteAt};
use crate::buf::{BufResult, IoBuf, IoVectoredBuf, IoVectoredBufMut, Slice, fill_all_from};

/// The most bytes that are copied for one vectored read or write.
const COPY_MAX: usize = 64 * 1024;

pub(super) async fn readv_by_copy<R, B>(reader: &mut R, mut bufs: B) -> BufResult<usize, B>
where
    R: AsyncRead + ?Sized,
    B: IoVectoredBufMut,
{
    let copy = copy_for(&mut bufs);
    scatter(reader.read(copy).await, bufs)
}

pub(super) async fn readv_at_by_copy<R, B>(
    reader: &R,
    mut bufs: B,
    offset: u64,
) -> BufResult<usize, B>
where
    R: AsyncReadAt + ?Sized,
    B: IoVectoredBufMut,
{
    let copy = copy_for(&mut bufs);
    scatter(reader.read_at(copy, offset).await, bufs)
}

pub(super) async fn writev_by_copy<W, B>(writer: &mut W, bufs: B) -> BufResult<usize, B>
where
    W: AsyncWrite + ?Sized,
    B: IoVectoredBuf,
{
    let copy = gather(&bufs);
    let BufResult(result, _copy) = writer.write(copy).await;
    BufResult(result, bufs)
}

pub(super) async fn writev_at_by_copy<W, B>(writer: &W, bufs: B, offset: u64) -> BufResult<usize, B>
where
    W: AsyncWriteAt + ?Sized,
    B: IoVectoredBuf,
{
    let copy = gather(&bufs);
    let BufResult(result, _copy) = writer.write_at(copy, offset).await;
    BufResult(result, bufs)
}

/// How many bytes `bufs` have room for.
pub(super) fn room_of<B: IoVectoredBufMut>(bufs: &mut B) -> usize {
    let mut room = 0;
    bufs.for_each_uninit(&mut |part| room += part.len());
    room
}

/// Room for one read that is to be spread over `bufs`.
fn copy_for<B: IoVectoredBufMut>(bufs: &mut B) -> Slice<BytesMut> {
    let room = room_of(bufs).min(COPY_MAX);
    BytesMut::with_capacity(room).slice(..room)
}

fn scatter<B: IoVectoredBufMut>(
    read: BufResult<usize, Slice<BytesMut>>,
    mut bufs: B,
) -> BufResult<usize, B> {
    let BufResult(result, copy) = read;
    BufResult(result.map(|n| fill_all_from(&mut bufs, &copy[..n])), bufs)
}

fn gather<B: IoVectoredBuf>(bufs: &B) -> BytesMut {
    let mut copy = BytesMut::with_capacity(bufs.total_len().min(COPY_MAX));
    for bytes in bufs.iter_init() {
        let len = bytes.len().min(COPY_MAX - copy.len());
        copy.extend_from_slice(&bytes[..len]);
    }
    copy
}

/// Buffers without their first bytes, which have been written already.
#[derive(Debug)]
pub(super) struct Rest<B> {
    pub(super) bufs: B,
    pub(super) written: usize,
}

impl<B: IoVectoredBuf> IoVectoredBuf for Rest<B> {
    fn iter_init(&self) -> impl Iterator<Item = &[u8]> {
        let mut skip = self.written;
        self.bufs.iter_init().map(move |bytes| {
            let skipped = skip.min(bytes.len());
            skip -= skipped;
            &bytes[skipped..]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::testing::{Script, block_on};

    #[test]
    fn a_reader_of_one_buffer_fills_several_in_order() {
        let mut reader = Script::reading(b"abcdefg").chunks([5, 2]);
        let bufs = [vec![0; 2], vec![0; 2], vec![0; 9]];
        let (n, bufs) = block_on(reader.readv(bufs)).unwrap();
        assert_eq!(n, 5);
        assert_eq!(bufs[0], b"ab");
        assert_eq!(bufs[1], b"cd");
        assert_eq!(bufs[2], b"e\0\0\0\0\0\0\0\0");
    }

    #[test]
    fn a_vectored_read_asks_for_no_more_than_its_room() {
        let mut reader = Script::reading(b"abcdefg");
        let (n, bufs) = block_on(reader.readv([vec![0; 1], vec![0; 2]])).unwrap();
        assert_eq!((n, bufs), (3, [b"a".to_vec(), b"bc".to_vec()]));
        assert_eq!(reader.unread(), b"defg");
    }

    #[test]
    fn a_failed_vectored_read_gives_its_buffers_back() {
        let mut reader = Script::reading(b"ab").error_at(0, std::io::ErrorKind::TimedOut);
        let BufResult(result, bufs) = block_on(reader.readv([b"12".to_vec()]));
        assert_eq!(result.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
        assert_eq!(bufs, [b"12".to_vec()]);
    }

    #[test]
    fn a_writer_of_one_buffer_gathers_several() {
        let mut writer = Script::writing().chunks([4]);
        let (n, _) = block_on(writer.writev(["ab", "", "cdef"])).unwrap();
        assert_eq!(n, 4);
        assert_eq!(writer.written(), b"abcd");
    }

    #[test]
    fn a_long_vectored_write_copies_only_so_much() {
        let mut writer = Script::writing();
        let (n, _) = block_on(writer.writev([vec![1; COPY_MAX - 1], vec![2; 9]])).unwrap();
        assert_eq!(n, COPY_MAX);
        assert_eq!(writer.written()[COPY_MAX - 2..], [1, 2]);
    }

    #[test]
    fn the_rest_of_several_buffers_begins_where_the_write_ended() {
        for written in 0..=6 {
            let rest = Rest { bufs: ["ab", "", "cde", "f"], written };
            let left: Vec<u8> = rest.iter_init().flatten().copied().collect();
            assert_eq!(left, b"abcdef"[written..]);
            assert_eq!(rest.total_len(), 6 - written);
        }
    }
}
