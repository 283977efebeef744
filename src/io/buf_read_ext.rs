//! What is made of bytes that are in memory: pieces up to a delimiter.

use std::future::Future;
use std::io;

use super::error::{is_interrupted, not_utf8};
use super::{AsyncBufRead, Lines, Split};

/// Methods of every [`AsyncBufRead`].
pub trait AsyncBufReadExt: AsyncBufRead {
    /// Reads up to the first `delimiter`, that one included, or to the end of the stream, appends
    /// to `buf` and says how many bytes came. Zero is the end of the stream.
    ///
    /// There is no limit: put a [`take`](super::AsyncReadExt::take) before it when the other side
    /// is not trusted.
    ///
    /// # Errors
    ///
    /// The reader's; `buf` holds what came before. Interrupted reads are made again.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing: `buf` holds what came so far. Call it again with the
    /// same `buf` to go on.
    ///
    /// ```
    /// use annulus::io::AsyncBufReadExt;
    ///
    /// annulus::run(async {
    ///     let mut source: &[u8] = b"key=value";
    ///     let mut key = Vec::new();
    ///     assert_eq!(source.read_until(b'=', &mut key).await.unwrap(), 4);
    ///     assert_eq!((&key[..], source), (&b"key="[..], &b"value"[..]));
    /// })
    /// .unwrap();
    /// ```
    fn read_until(
        &mut self,
        delimiter: u8,
        buf: &mut Vec<u8>,
    ) -> impl Future<Output = io::Result<usize>> {
        async move {
            let before = buf.len();
            until(self, delimiter, buf).await?;
            Ok(buf.len() - before)
        }
    }

    /// Reads up to the end of the line, the newline included, or to the end of the stream, appends
    /// to `line` and says how many bytes came. Zero is the end of the stream.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData) when the line is not UTF-8; it is taken from
    /// the stream and `line` is left as it was. Otherwise the reader's; `line` holds what came
    /// before. Interrupted reads are made again.
    ///
    /// # Cancellation
    ///
    /// After the future was dropped, or has failed, `line` holds what came so far, up to its last
    /// whole character. The first bytes of a character, at most three, are lost when its last ones
    /// have not arrived yet. [`lines`](Self::lines) and [`read_until`](Self::read_until) lose
    /// nothing at all.
    ///
    /// ```
    /// use annulus::io::AsyncBufReadExt;
    ///
    /// annulus::run(async {
    ///     let mut source = "one\ntwo".as_bytes();
    ///     let mut line = String::new();
    ///     assert_eq!(source.read_line(&mut line).await.unwrap(), 4);
    ///     assert_eq!(source.read_line(&mut line).await.unwrap(), 3);
    ///     assert_eq!(line, "one\ntwo");
    ///     assert_eq!(source.read_line(&mut line).await.unwrap(), 0);
    /// })
    /// .unwrap();
    /// ```
    fn read_line(&mut self, line: &mut String) -> impl Future<Output = io::Result<usize>> {
        async move {
            let mut partial = Partial { line, bytes: Vec::new() };
            until(self, b'\n', &mut partial.bytes).await?;
            let bytes = std::mem::take(&mut partial.bytes);
            let text = std::str::from_utf8(&bytes).map_err(|_| not_utf8())?;
            partial.line.push_str(text);
            Ok(bytes.len())
        }
    }

    /// Makes a reader of lines, without their newlines.
    ///
    /// ```
    /// use annulus::io::AsyncBufReadExt;
    ///
    /// annulus::run(async {
    ///     let mut lines = (&b"one\r\n\ntwo"[..]).lines();
    ///     let mut all = Vec::new();
    ///     while let Some(line) = lines.next_line().await.unwrap() {
    ///         all.push(line);
    ///     }
    ///     assert_eq!(all, ["one", "", "two"]);
    /// })
    /// .unwrap();
    /// ```
    fn lines(self) -> Lines<Self>
    where
        Self: Sized,
    {
        Lines::new(self)
    }

    /// Makes a reader of the pieces between delimiters, without them.
    ///
    /// ```
    /// use std::io::Cursor;
    ///
    /// use annulus::io::AsyncBufReadExt;
    ///
    /// annulus::run(async {
    ///     let mut pieces = Cursor::new("a,,b").split(b',');
    ///     let mut all = Vec::new();
    ///     while let Some(piece) = pieces.next_segment().await.unwrap() {
    ///         all.push(piece);
    ///     }
    ///     assert_eq!(all, [&b"a"[..], b"", b"b"]);
    /// })
    /// .unwrap();
    /// ```
    fn split(self, delimiter: u8) -> Split<Self>
    where
        Self: Sized,
    {
        Split::new(self, delimiter)
    }
}

impl<R: AsyncBufRead + ?Sized> AsyncBufReadExt for R {}

/// Appends to `buf` up to the first `delimiter` or the end of the stream.
///
/// Nothing is taken from the reader without being in `buf` at the next await point.
pub(super) async fn until<R>(reader: &mut R, delimiter: u8, buf: &mut Vec<u8>) -> io::Result<()>
where
    R: AsyncBufRead + ?Sized,
{
    loop {
        let bytes = match reader.fill_buf().await {
            Ok(bytes) => bytes,
            Err(error) if is_interrupted(&error) => continue,
            Err(error) => return Err(error),
        };
        // The sync reader of the same bytes: it cannot fail, and it searches word by word.
        let taken = io::BufRead::read_until(&mut &*bytes, delimiter, buf)?;
        reader.consume(taken);
        if taken == 0 || buf.last() == Some(&delimiter) {
            return Ok(());
        }
    }
}

/// A line of which not all has come: what there is goes to the caller when nobody waits for more.
struct Partial<'a> {
    line: &'a mut String,
    bytes: Vec<u8>,
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        if let Some(chunk) = self.bytes.utf8_chunks().next() {
            self.line.push_str(chunk.valid());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::io::BufReader;
    use crate::io::testing::{Script, block_on, drop_at, random};

    #[test]
    fn a_piece_may_come_in_parts() {
        let script =
            Script::reading(b"abc;de;f").chunks([1, 2]).error_at(1, ErrorKind::Interrupted);
        let mut reader = BufReader::new(script);
        let mut buf = b">".to_vec();
        for (n, expected) in [(4, ">abc;"), (3, ">abc;de;"), (1, ">abc;de;f"), (0, ">abc;de;f")] {
            assert_eq!(block_on(reader.read_until(b';', &mut buf)).unwrap(), n);
            assert_eq!(buf, expected.as_bytes());
        }
    }

    #[test]
    fn an_error_leaves_what_came_with_the_caller() {
        let script = Script::reading(b"abcd\n").chunks([2]).error_at(1, ErrorKind::TimedOut);
        let mut reader = BufReader::new(script);
        let mut line = String::new();
        let error = block_on(reader.read_line(&mut line)).unwrap_err();
        assert_eq!((error.kind(), line.as_str()), (ErrorKind::TimedOut, "ab"));
        assert_eq!(block_on(reader.read_line(&mut line)).unwrap(), 3);
        assert_eq!(line, "abcd\n");
    }

    #[test]
    fn a_line_that_is_no_text_is_left_out_and_the_next_one_follows() {
        let mut reader: &[u8] = b"ab\xffc\nd\n";
        let mut line = "x".to_owned();
        let error = block_on(reader.read_line(&mut line)).unwrap_err();
        assert_eq!((error.kind(), line.as_str()), (ErrorKind::InvalidData, "x"));
        assert_eq!(block_on(reader.read_line(&mut line)).unwrap(), 2);
        assert_eq!(line, "xd\n");
    }

    #[test]
    fn pieces_dropped_anywhere_lose_nothing() {
        for seed in 0..20 {
            let mut random = random(seed);
            let bytes: Vec<u8> = (0..2000).map(|_| random.u8(..9)).collect();
            let chunks: Vec<usize> = (0..9).map(|_| random.usize(1..50)).collect();
            let script = Script::reading(&bytes).chunks(chunks).pauses(random.usize(..3));
            let mut reader = BufReader::with_capacity(random.usize(1..40), script);
            let (mut got, mut piece) = (Vec::new(), Vec::new());
            while got.len() < bytes.len() {
                match drop_at(random.usize(..6), reader.read_until(0, &mut piece)) {
                    Some(result) => {
                        assert!(result.unwrap() <= piece.len());
                        assert!(piece.ends_with(&[0]) || got.len() + piece.len() == bytes.len());
                        got.append(&mut piece);
                    }
                    None => assert!(!piece.contains(&0)),
                }
            }
            assert!(got == bytes, "seed {seed}");
        }
    }

    #[test]
    fn a_dropped_line_leaves_its_whole_characters_with_the_caller() {
        let text = "a→b→c\n";
        for polls in 0..2 * text.len() {
            let script = Script::reading(text.as_bytes()).chunks([1]).pauses(1);
            let mut reader = BufReader::new(script);
            let mut line = String::new();
            let done = drop_at(polls, reader.read_line(&mut line));
            let taken = text.len() - reader.get_ref().unread().len();
            let whole = (0..=taken).rfind(|end| text.is_char_boundary(*end)).unwrap();
            assert_eq!((line.as_str(), done.is_some()), (&text[..whole], taken == text.len()));
        }
    }
}
