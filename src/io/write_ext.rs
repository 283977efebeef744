//! What is made of writes.

use std::future::Future;

use super::AsyncWrite;
use super::error::{is_interrupted, write_zero};
use super::vectored::Rest;
use crate::buf::{BufResult, IoBuf, IoVectoredBuf};

/// Methods of every [`AsyncWrite`].
pub trait AsyncWriteExt: AsyncWrite {
    /// Writes all of `buf`.
    ///
    /// # Errors
    ///
    /// [`WriteZero`](std::io::ErrorKind::WriteZero) when the stream takes no more bytes, or the
    /// stream's error; some of the bytes may have been written before. Interrupted writes are made
    /// again.
    ///
    /// # Cancellation
    ///
    /// After the future was dropped in the middle it is not known how many bytes were written.
    ///
    /// ```
    /// use annulus::io::AsyncWriteExt;
    ///
    /// annulus::run(async {
    ///     let mut target = Vec::new();
    ///     target.write_all("hello").await.unwrap();
    ///     assert_eq!(target, b"hello");
    /// })
    /// .unwrap();
    /// ```
    fn write_all<B: IoBuf>(&mut self, buf: B) -> impl Future<Output = BufResult<(), B>> {
        write_all(self, buf)
    }

    /// Writes all of several buffers, one after another, in as few writes as the stream takes.
    ///
    /// # Errors
    ///
    /// As [`write_all`](Self::write_all).
    ///
    /// # Cancellation
    ///
    /// As [`write_all`](Self::write_all).
    ///
    /// ```
    /// use annulus::io::AsyncWriteExt;
    ///
    /// annulus::run(async {
    ///     let mut target = Vec::new();
    ///     target.write_vectored_all(["head", "", "body"]).await.unwrap();
    ///     assert_eq!(target, b"headbody");
    /// })
    /// .unwrap();
    /// ```
    fn write_vectored_all<B: IoVectoredBuf>(
        &mut self,
        bufs: B,
    ) -> impl Future<Output = BufResult<(), B>> {
        write_vectored_all(self, bufs)
    }
}

impl<W: AsyncWrite + ?Sized> AsyncWriteExt for W {}

async fn write_all<W, B>(writer: &mut W, mut buf: B) -> BufResult<(), B>
where
    W: AsyncWrite + ?Sized,
    B: IoBuf,
{
    let len = buf.init_len();
    let mut written = 0;
    while written < len {
        let BufResult(result, part) = writer.write(buf.slice(written..len)).await;
        buf = part.into_inner();
        match result {
            Ok(0) => return BufResult(Err(write_zero(written, len)), buf),
            Ok(n) => written += n,
            Err(error) if is_interrupted(&error) => {}
            Err(error) => return BufResult(Err(error), buf),
        }
    }
    BufResult(Ok(()), buf)
}

async fn write_vectored_all<W, B>(writer: &mut W, bufs: B) -> BufResult<(), B>
where
    W: AsyncWrite + ?Sized,
    B: IoVectoredBuf,
{
    let len = bufs.total_len();
    let mut rest = Rest { bufs, written: 0 };
    while rest.written < len {
        let BufResult(result, back) = writer.writev(rest).await;
        rest = back;
        match result {
            Ok(0) => return BufResult(Err(write_zero(rest.written, len)), rest.bufs),
            Ok(n) => rest.written += n,
            Err(error) if is_interrupted(&error) => {}
            Err(error) => return BufResult(Err(error), rest.bufs),
        }
    }
    BufResult(Ok(()), rest.bufs)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::io::testing::{Script, block_on, random};

    #[test]
    fn writing_all_goes_on_over_short_and_interrupted_writes() {
        let mut writer = Script::writing().chunks([1, 2]).error_at(1, ErrorKind::Interrupted);
        let (_, buf) = block_on(writer.write_all("abcdef")).unwrap();
        assert_eq!((writer.written(), buf), (&b"abcdef"[..], "abcdef"));
    }

    #[test]
    fn a_stream_that_takes_no_more_is_an_error() {
        let mut writer = Script::writing().chunks([2, 0]);
        let BufResult(result, _) = block_on(writer.write_all("abcdef"));
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WriteZero);
        assert_eq!(error.to_string(), "the stream took no more than 2 of 6 bytes");
        let mut writer = Script::writing().chunks([2, 0]);
        let BufResult(result, bufs) = block_on(writer.write_vectored_all(["abc", "def"]));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::WriteZero);
        assert_eq!(bufs, ["abc", "def"]);
    }

    #[test]
    fn an_error_ends_the_writing_and_gives_the_buffer_back() {
        let mut writer = Script::writing().chunks([2]).error_at(1, ErrorKind::BrokenPipe);
        let BufResult(result, buf) = block_on(writer.write_all("abcdef"));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!((writer.written(), buf), (&b"ab"[..], "abcdef"));
        let mut writer = Script::writing().chunks([2]).error_at(1, ErrorKind::BrokenPipe);
        let BufResult(result, bufs) = block_on(writer.write_vectored_all(["abc", "def"]));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!((writer.written(), bufs), (&b"ab"[..], ["abc", "def"]));
    }

    #[test]
    fn nothing_needs_no_write() {
        let mut writer = Script::writing().error_at(0, ErrorKind::Other);
        block_on(writer.write_all("")).unwrap();
        block_on(writer.write_vectored_all(["", ""])).unwrap();
        assert_eq!(writer.calls(), 0);
    }

    #[test]
    fn several_buffers_of_any_length_arrive_whole_and_in_order() {
        let mut random = random(0x11);
        for _ in 0..100 {
            let bufs: Vec<Vec<u8>> = (0..random.usize(..6))
                .map(|_| (0..random.usize(..40)).map(|_| random.u8(..)).collect())
                .collect();
            let chunks: Vec<usize> = (0..5).map(|_| random.usize(1..30)).collect();
            let mut writer = Script::writing()
                .chunks(chunks)
                .error_at(random.usize(..4), ErrorKind::Interrupted);
            let (_, bufs) = block_on(writer.write_vectored_all(bufs)).unwrap();
            assert_eq!(writer.written(), bufs.concat());
        }
    }
}
