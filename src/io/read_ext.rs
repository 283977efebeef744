//! What is made of reads.

use std::future::Future;

use super::error::{is_interrupted, not_utf8, unexpected_end};
use super::{AsyncRead, Chain, Take};
use crate::buf::{BufResult, IoBuf, IoBufMut};

/// The least room that [`AsyncReadExt::read_to_end`] makes when its buffer is full.
const GROWTH: usize = 8 * 1024;

/// The room for the one read that tells whether a full buffer already holds everything.
const PROBE: usize = 32;

/// Methods of every [`AsyncRead`].
pub trait AsyncReadExt: AsyncRead {
    /// Fills the whole room of `buf`, that is the whole capacity of a `Vec`.
    ///
    /// Use `buf.slice(..n)` for the first `n` bytes of the room and `buf.slice(k..)` to keep the
    /// first `k` bytes.
    ///
    /// # Errors
    ///
    /// [`UnexpectedEof`](std::io::ErrorKind::UnexpectedEof) when the stream ends before, or the
    /// reader's error; the buffer comes back with the bytes that came. Interrupted reads are made
    /// again.
    ///
    /// # Cancellation
    ///
    /// A future dropped in the middle takes with it, in the buffer, the bytes of the reads that it
    /// has completed. Those of the read it was waiting for stay in the stream.
    ///
    /// ```
    /// use annulus::BufResult;
    /// use annulus::buf::IoBuf;
    /// use annulus::io::AsyncReadExt;
    ///
    /// annulus::run(async {
    ///     let mut source: &[u8] = b"4:abcd!";
    ///     let (_, head) = source.read_exact(Box::new([0; 2])).await.unwrap();
    ///     assert_eq!(&*head, b"4:");
    ///     let (_, body) = source.read_exact(Vec::with_capacity(64).slice(..4)).await.unwrap();
    ///     assert_eq!(body.into_inner(), b"abcd");
    ///     let BufResult(result, rest) = source.read_exact(Box::new([0; 2])).await;
    ///     assert_eq!(result.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
    ///     assert_eq!(&*rest, b"!\0");
    /// })
    /// .unwrap();
    /// ```
    fn read_exact<B: IoBufMut>(&mut self, buf: B) -> impl Future<Output = BufResult<(), B>> {
        read_exact(self, buf)
    }

    /// Reads until the end of the stream, appends to `buf` and says how many bytes came.
    ///
    /// There is no limit: put a [`take`](Self::take) before it when the other side is not trusted.
    ///
    /// # Errors
    ///
    /// The reader's; the buffer comes back with the bytes that came before. Interrupted reads are
    /// made again.
    ///
    /// # Cancellation
    ///
    /// As [`read_exact`](Self::read_exact).
    ///
    /// ```
    /// use annulus::io::AsyncReadExt;
    ///
    /// annulus::run(async {
    ///     let mut source: &[u8] = b"the rest";
    ///     let (n, all) = source.read_to_end(b"and ".to_vec()).await.unwrap();
    ///     assert_eq!((n, &all[..]), (8, &b"and the rest"[..]));
    /// })
    /// .unwrap();
    /// ```
    fn read_to_end(&mut self, buf: Vec<u8>) -> impl Future<Output = BufResult<usize, Vec<u8>>> {
        read_to_end(self, buf)
    }

    /// Reads until the end of the stream, appends to `text` and says how many bytes came.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](std::io::ErrorKind::InvalidData) when the bytes are not UTF-8; `text` comes
    /// back as it was. Otherwise the reader's; `text` comes back with what came before, up to its
    /// last whole character. Interrupted reads are made again.
    ///
    /// # Cancellation
    ///
    /// As [`read_exact`](Self::read_exact).
    ///
    /// ```
    /// use annulus::io::AsyncReadExt;
    ///
    /// annulus::run(async {
    ///     let mut source = "ånnulus".as_bytes();
    ///     let (n, text) = source.read_to_string(String::new()).await.unwrap();
    ///     assert_eq!((n, text.as_str()), (8, "ånnulus"));
    /// })
    /// .unwrap();
    /// ```
    fn read_to_string(&mut self, text: String) -> impl Future<Output = BufResult<usize, String>> {
        read_to_string(self, text)
    }

    /// Makes a reader that ends after the first `limit` bytes of this one.
    ///
    /// Give it `&mut reader` to read on after the limit.
    ///
    /// ```
    /// use annulus::io::AsyncReadExt;
    ///
    /// annulus::run(async {
    ///     let mut source: &[u8] = b"abcdef";
    ///     let (_, head) = (&mut source).take(4).read_to_end(Vec::new()).await.unwrap();
    ///     assert_eq!((&head[..], source), (&b"abcd"[..], &b"ef"[..]));
    /// })
    /// .unwrap();
    /// ```
    fn take(self, limit: u64) -> Take<Self>
    where
        Self: Sized,
    {
        Take::new(self, limit)
    }

    /// Makes a reader that goes on with `next` where this one ends.
    ///
    /// ```
    /// use annulus::io::AsyncReadExt;
    ///
    /// annulus::run(async {
    ///     let mut both = (&b"ab"[..]).chain(&b"cd"[..]);
    ///     let (_, all) = both.read_to_end(Vec::new()).await.unwrap();
    ///     assert_eq!(all, b"abcd");
    /// })
    /// .unwrap();
    /// ```
    fn chain<R: AsyncRead>(self, next: R) -> Chain<Self, R>
    where
        Self: Sized,
    {
        Chain::new(self, next)
    }
}

impl<R: AsyncRead + ?Sized> AsyncReadExt for R {}

async fn read_exact<R, B>(reader: &mut R, mut buf: B) -> BufResult<(), B>
where
    R: AsyncRead + ?Sized,
    B: IoBufMut,
{
    let room = buf.as_uninit().len();
    let mut filled = 0;
    while filled < room {
        let BufResult(result, part) = reader.read(buf.slice(filled..room)).await;
        buf = part.into_inner();
        match result {
            Ok(0) => return BufResult(Err(unexpected_end(filled, room)), buf),
            Ok(n) => filled += n,
            Err(error) if is_interrupted(&error) => {}
            Err(error) => return BufResult(Err(error), buf),
        }
    }
    BufResult(Ok(()), buf)
}

async fn read_to_end<R>(reader: &mut R, mut buf: Vec<u8>) -> BufResult<usize, Vec<u8>>
where
    R: AsyncRead + ?Sized,
{
    let start = buf.len();
    let given = buf.capacity();
    loop {
        let result = if buf.len() < buf.capacity() {
            let len = buf.len();
            let BufResult(result, part) = reader.read(buf.slice(len..)).await;
            buf = part.into_inner();
            result.inspect(|n| buf.truncate(len + n))
        } else if buf.capacity() == given && start < given {
            // A caller who knows the length has made room for just that: it need not be doubled
            // only to see the end.
            let BufResult(result, probe) = reader.read(Vec::with_capacity(PROBE)).await;
            result.inspect(|n| buf.extend_from_slice(&probe[..*n]))
        } else {
            buf.reserve(GROWTH);
            continue;
        };
        match result {
            Ok(0) => return BufResult(Ok(buf.len() - start), buf),
            Ok(_) => {}
            Err(error) if is_interrupted(&error) => {}
            Err(error) => return BufResult(Err(error), buf),
        }
    }
}

async fn read_to_string<R>(reader: &mut R, text: String) -> BufResult<usize, String>
where
    R: AsyncRead + ?Sized,
{
    let start = text.len();
    let BufResult(result, bytes) = read_to_end(reader, text.into_bytes()).await;
    match (String::from_utf8(bytes), result) {
        (Ok(text), result) => BufResult(result, text),
        (Err(not_text), Ok(_)) => BufResult(Err(not_utf8()), text_before(not_text, Some(start))),
        (Err(not_text), Err(error)) => BufResult(Err(error), text_before(not_text, None)),
    }
}

/// The text before `end`, or before the first byte that belongs to no character.
fn text_before(not_text: std::string::FromUtf8Error, end: Option<usize>) -> String {
    let end = end.unwrap_or(not_text.utf8_error().valid_up_to());
    let mut bytes = not_text.into_bytes();
    bytes.truncate(end);
    String::from_utf8(bytes).expect("the bytes before an error of UTF-8 are valid")
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::io::testing::{Script, block_on, drop_at, random};

    #[test]
    fn reading_exactly_goes_on_over_short_and_interrupted_reads() {
        let mut reader =
            Script::reading(b"abcdef").chunks([1, 2]).error_at(1, ErrorKind::Interrupted);
        let (_, buf) = block_on(reader.read_exact(Box::new([0; 5]))).unwrap();
        assert_eq!(&*buf, b"abcde");
        assert_eq!(reader.unread(), b"f");
    }

    #[test]
    fn an_early_end_gives_the_buffer_with_what_came() {
        let mut reader = Script::reading(b"abc").chunks([2]);
        let BufResult(result, buf) = block_on(reader.read_exact(Vec::with_capacity(10).slice(..5)));
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(error.to_string(), "the stream ended after 3 of 5 bytes");
        assert_eq!(buf.into_inner(), b"abc");
    }

    #[test]
    fn an_error_gives_the_buffer_with_what_came() {
        let mut reader =
            Script::reading(b"abcdef").chunks([2]).error_at(2, ErrorKind::ConnectionReset);
        let BufResult(result, buf) = block_on(reader.read_exact(Box::new([0; 6])));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(&*buf, b"abcd\0\0");
        assert_eq!(reader.unread(), b"ef");
    }

    #[test]
    fn no_room_needs_no_read() {
        let mut reader = Script::reading(b"a").error_at(0, ErrorKind::Other);
        block_on(reader.read_exact(Vec::new())).unwrap();
        assert_eq!(reader.calls(), 0);
    }

    #[test]
    fn a_dropped_read_exact_takes_only_the_reads_it_had_completed() {
        for polls in 0..12 {
            let mut reader = Script::reading(b"abcdef").chunks([2]).pauses(2);
            let done = drop_at(polls, reader.read_exact(Box::new([0; 6])));
            // Every read is pending twice; the one after it begins in the same poll.
            let completed = 2 * (polls.saturating_sub(1) / 2).min(3);
            assert_eq!(done.is_some(), completed == 6, "after {polls} polls");
            assert_eq!(reader.unread(), &b"abcdef"[completed..], "after {polls} polls");
        }
    }

    #[test]
    fn reading_to_the_end_appends_whatever_the_capacity() {
        let bytes: Vec<u8> = (0..50_000u32).map(|n| n as u8).collect();
        let mut random = random(0x10);
        for _ in 0..60 {
            let len = random.usize(..bytes.len());
            let room = if random.bool() { len } else { random.usize(..2 * bytes.len()) };
            let mut reader = Script::reading(&bytes[..len])
                .chunks((0..7).map(|_| random.usize(1..9000)).collect::<Vec<_>>())
                .error_at(random.usize(..9), ErrorKind::Interrupted);
            let mut buf = Vec::with_capacity(3 + room);
            buf.extend_from_slice(b"abc");
            let (n, all) = block_on(reader.read_to_end(buf)).unwrap();
            assert_eq!(n, len);
            assert_eq!(all[..3], *b"abc");
            assert!(all[3..] == bytes[..len]);
        }
    }

    #[test]
    fn a_buffer_of_just_the_length_is_not_grown_to_see_the_end() {
        let (_, buf) =
            block_on(Script::reading(&[7; 100]).read_to_end(Vec::with_capacity(100))).unwrap();
        assert_eq!((buf.len(), buf.capacity()), (100, 100));
    }

    #[test]
    fn a_failed_read_to_the_end_gives_what_came() {
        let mut reader = Script::reading(b"abcdef").chunks([2]).error_at(2, ErrorKind::TimedOut);
        let BufResult(result, buf) = block_on(reader.read_to_end(b"12".to_vec()));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(buf, b"12abcd");
    }

    #[test]
    fn text_may_be_cut_anywhere_on_its_way() {
        let mut reader = Script::reading("añ→😀".as_bytes()).chunks([1]);
        let (n, text) = block_on(reader.read_to_string("é".to_owned())).unwrap();
        assert_eq!((n, text.as_str()), (10, "éañ→😀"));
    }

    #[test]
    fn bytes_that_are_no_text_leave_the_text_as_it_was() {
        let mut reader = Script::reading(b"abc\xff");
        let BufResult(result, text) = block_on(reader.read_to_string("é".to_owned()));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidData);
        assert_eq!(text, "é");
    }

    #[test]
    fn a_failed_read_of_text_gives_the_whole_characters_that_came() {
        let mut reader =
            Script::reading("a→→".as_bytes()).chunks([6]).error_at(1, ErrorKind::TimedOut);
        let BufResult(result, text) = block_on(reader.read_to_string("é".to_owned()));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(text, "éa→");
    }
}
