//! Receives the body of a request, within limits.

use annulus::net::TcpStream;

use crate::connection::Cut;
use crate::input::Input;
use crate::limits::{CHUNK_LINE_BYTES_MAX, FIELDS_MAX, HEAD_BYTES_MAX};
use crate::request::{Body, check_lines};
use crate::status::Status;

/// Receives bodies from a connection.
pub(crate) struct Receiver<'a> {
    pub(crate) stream: &'a TcpStream,
    pub(crate) input: &'a mut Input,
    /// The bytes of a body that is not too large.
    pub(crate) bytes_max: usize,
    /// Where the body goes, if anybody wants it.
    pub(crate) sink: Option<&'a mut Vec<u8>>,
}

impl Receiver<'_> {
    /// Receives the whole body.
    ///
    /// # Errors
    ///
    /// 400 for chunks that are none, 413 for a body that is too large, 431 for trailers that are;
    /// and when the peer is gone.
    pub(crate) async fn receive(mut self, body: Body) -> Result<(), Cut> {
        match body {
            Body::None => Ok(()),
            Body::Length(length) => {
                self.check_room(length)?;
                self.pass_on(length).await
            }
            Body::Chunked => self.chunks().await,
        }
    }

    async fn chunks(&mut self) -> Result<(), Cut> {
        loop {
            let size = self.chunk_line().await?;
            if size == 0 {
                return self.trailers().await;
            }
            self.check_room(size)?;
            self.pass_on(size).await?;
            self.line_end().await?;
        }
    }

    /// Counts `length` more bytes.
    fn check_room(&mut self, length: u64) -> Result<(), Cut> {
        let left =
            usize::try_from(length).ok().and_then(|length| self.bytes_max.checked_sub(length));
        self.bytes_max = left.ok_or(Cut::Refuse(Status::CONTENT_TOO_LARGE))?;
        Ok(())
    }

    /// Passes the next `length` bytes on.
    async fn pass_on(&mut self, mut length: u64) -> Result<(), Cut> {
        while length > 0 {
            let bytes = self.input.bytes();
            let count = usize::try_from(length).unwrap_or(usize::MAX).min(bytes.len());
            if let Some(sink) = &mut self.sink {
                sink.extend_from_slice(&bytes[..count]);
            }
            self.input.consume(count);
            length -= count as u64;
            if length > 0 {
                self.more().await?;
            }
        }
        Ok(())
    }

    /// The line before a chunk: its size, and extensions, which mean nothing here.
    async fn chunk_line(&mut self) -> Result<u64, Cut> {
        loop {
            let bytes = self.input.bytes();
            // Without digits, `httparse` takes the size for zero.
            if bytes.first().is_some_and(|byte| !byte.is_ascii_hexdigit()) {
                return Err(Cut::Refuse(Status::BAD_REQUEST));
            }
            match httparse::parse_chunk_size(bytes) {
                Ok(httparse::Status::Complete((line_len, size))) => {
                    let line = &bytes[..line_len - 2];
                    let is_text = line.iter().all(|byte| !byte.is_ascii_control());
                    if !is_text || line_len > CHUNK_LINE_BYTES_MAX {
                        return Err(Cut::Refuse(Status::BAD_REQUEST));
                    }
                    self.input.consume(line_len);
                    return Ok(size);
                }
                Ok(httparse::Status::Partial) if bytes.len() <= CHUNK_LINE_BYTES_MAX => {}
                _ => return Err(Cut::Refuse(Status::BAD_REQUEST)),
            }
            self.more().await?;
        }
    }

    /// The line end after a chunk.
    async fn line_end(&mut self) -> Result<(), Cut> {
        for expected in *b"\r\n" {
            while self.input.is_empty() {
                self.more().await?;
            }
            if self.input.bytes()[0] != expected {
                return Err(Cut::Refuse(Status::BAD_REQUEST));
            }
            self.input.consume(1);
        }
        Ok(())
    }

    /// The fields after the last chunk, which mean nothing here, and the empty line.
    async fn trailers(&mut self) -> Result<(), Cut> {
        loop {
            if let Some(len) = trailers_len(self.input.bytes()).map_err(Cut::Refuse)? {
                self.input.consume(len);
                return Ok(());
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Result<(), Cut> {
        match self.input.fill(self.stream).await {
            Ok(1..) => Ok(()),
            Ok(0) | Err(_) => Err(Cut::Gone),
        }
    }
}

fn trailers_len(bytes: &[u8]) -> Result<Option<usize>, Status> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    match httparse::parse_headers(bytes, &mut fields) {
        Ok(httparse::Status::Complete((len, _))) => {
            check_lines(&bytes[..len])?;
            Ok(Some(len))
        }
        Ok(httparse::Status::Partial) if bytes.len() <= HEAD_BYTES_MAX => Ok(None),
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            Err(Status::HEADER_FIELDS_TOO_LARGE)
        }
        Err(_) => Err(Status::BAD_REQUEST),
    }
}
