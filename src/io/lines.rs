//! The pieces of a stream, one after another.

use std::io;

use super::AsyncBufRead;
use super::buf_read_ext::until;
use super::error::not_utf8;

/// The lines of a stream; made by [`AsyncBufReadExt::lines`](super::AsyncBufReadExt::lines).
#[derive(Debug)]
pub struct Lines<R> {
    pieces: Split<R>,
}

impl<R> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Lines { pieces: Split::new(reader, b'\n') }
    }

    /// The reader inside.
    pub fn get_ref(&self) -> &R {
        self.pieces.get_ref()
    }

    /// The reader inside. What is read from it directly belongs to no line.
    pub fn get_mut(&mut self) -> &mut R {
        self.pieces.get_mut()
    }

    /// Gives the reader back. The part of a line that came while [`next_line`](Self::next_line)
    /// was dropped in the middle is lost.
    pub fn into_inner(self) -> R {
        self.pieces.into_inner()
    }
}

impl<R: AsyncBufRead> Lines<R> {
    /// The next line, without its `\n` or `\r\n`; `None` at the end of the stream.
    ///
    /// There is no limit: put a [`take`](super::AsyncReadExt::take) before it when the other side
    /// is not trusted.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData) when the line is not UTF-8; the next call gives
    /// the line after it. Otherwise the reader's; the next call goes on with the same line.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing.
    pub async fn next_line(&mut self) -> io::Result<Option<String>> {
        let Some(mut line) = self.pieces.next_segment().await? else {
            return Ok(None);
        };
        if self.pieces.ended_with_delimiter && line.last() == Some(&b'\r') {
            line.pop();
        }
        String::from_utf8(line).map(Some).map_err(|_| not_utf8())
    }
}

/// The pieces of a stream between delimiters; made by
/// [`AsyncBufReadExt::split`](super::AsyncBufReadExt::split).
#[derive(Debug)]
pub struct Split<R> {
    reader: R,
    delimiter: u8,
    /// What came of a piece whose end has not come.
    partial: Vec<u8>,
    /// Whether the last piece that was given had its delimiter, which the last of all may lack.
    ended_with_delimiter: bool,
}

impl<R> Split<R> {
    pub(super) fn new(reader: R, delimiter: u8) -> Self {
        Split { reader, delimiter, partial: Vec::new(), ended_with_delimiter: false }
    }

    /// The reader inside.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// The reader inside. What is read from it directly belongs to no piece.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// Gives the reader back. The part of a piece that came while
    /// [`next_segment`](Self::next_segment) was dropped in the middle is lost.
    pub fn into_inner(self) -> R {
        self.reader
    }
}

impl<R: AsyncBufRead> Split<R> {
    /// The next piece, without its delimiter; `None` at the end of the stream.
    ///
    /// There is no limit: put a [`take`](super::AsyncReadExt::take) before it when the other side
    /// is not trusted.
    ///
    /// # Errors
    ///
    /// The reader's; the next call goes on with the same piece.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing.
    pub async fn next_segment(&mut self) -> io::Result<Option<Vec<u8>>> {
        until(&mut self.reader, self.delimiter, &mut self.partial).await?;
        let mut piece = std::mem::take(&mut self.partial);
        self.ended_with_delimiter = piece.last() == Some(&self.delimiter);
        if self.ended_with_delimiter {
            piece.pop();
        } else if piece.is_empty() {
            return Ok(None);
        }
        Ok(Some(piece))
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use crate::io::testing::{Script, block_on, drop_at, random};
    use crate::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

    fn all_lines(bytes: &[u8]) -> Vec<String> {
        let mut lines = bytes.lines();
        let mut all = Vec::new();
        while let Some(line) = block_on(lines.next_line()).unwrap() {
            all.push(line);
        }
        all
    }

    #[test]
    fn lines_end_as_those_of_std() {
        for text in ["", "\n", "a", "a\n", "a\nb", "a\r\nb\r\n\r\n", "\r", "a\r", "\n\n\ra\rb\n"] {
            let expected: Vec<String> = text.lines().map(str::to_owned).collect();
            assert_eq!(all_lines(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn a_line_that_is_no_text_is_an_error_and_the_next_one_follows() {
        let mut lines = (&b"\xff\nb\n"[..]).lines();
        assert_eq!(block_on(lines.next_line()).unwrap_err().kind(), ErrorKind::InvalidData);
        assert_eq!(block_on(lines.next_line()).unwrap().as_deref(), Some("b"));
    }

    #[test]
    fn an_error_in_the_middle_of_a_line_loses_nothing() {
        let script = Script::reading(b"abcd\n").chunks([2]).error_at(1, ErrorKind::TimedOut);
        let mut lines = BufReader::new(script).lines();
        assert_eq!(block_on(lines.next_line()).unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(block_on(lines.next_line()).unwrap().as_deref(), Some("abcd"));
    }

    #[test]
    fn lines_dropped_anywhere_lose_nothing() {
        for seed in 0..20 {
            let mut random = random(seed);
            let text: String =
                (0..500).map(|_| random.choice(['a', '→', '\n', '\r']).unwrap()).collect();
            let expected: Vec<&str> = text.lines().collect();
            let script = Script::reading(text.as_bytes())
                .chunks((0..9).map(|_| random.usize(1..20)).collect::<Vec<_>>())
                .pauses(random.usize(..3));
            let mut lines = BufReader::with_capacity(random.usize(1..20), script).lines();
            let mut got = Vec::new();
            while got.len() < expected.len() {
                if let Some(line) = drop_at(random.usize(..6), lines.next_line()) {
                    got.push(line.unwrap().expect("the stream ended early"));
                }
            }
            assert_eq!(got, expected, "seed {seed}");
            assert_eq!(block_on(lines.next_line()).unwrap(), None);
        }
    }

    #[test]
    fn a_limit_before_the_lines_bounds_what_a_line_takes() {
        let mut endless = crate::io::repeat(b'a').take(10_000);
        let mut lines = BufReader::new(&mut endless).lines();
        assert_eq!(block_on(lines.next_line()).unwrap().unwrap().len(), 10_000);
    }
}
