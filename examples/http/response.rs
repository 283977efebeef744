//! Writes the heads of responses.
//!
//! A head is appended to the buffer that the connection writes from, so that several answers go
//! out in one write, and nothing is allocated once that buffer has its size.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::status::Status;

/// The text of the page that every refusal is, and of a redirect.
const TEXT: &str = "text/plain; charset=utf-8";

/// What a response says of itself before its body.
#[derive(Debug)]
pub(crate) struct Head<'a> {
    pub(crate) status: Status,
    pub(crate) content_type: Option<&'a str>,
    /// `None` for an answer that never has a body.
    pub(crate) content_length: Option<u64>,
    pub(crate) connection: Connection,
}

/// What becomes of the connection after a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connection {
    /// It lives on, as is understood from HTTP/1.1 on.
    Lives,
    /// It lives on, which a client of HTTP/1.0 has to be told.
    LivesAsAsked,
    Ends,
}

impl Head<'_> {
    /// Begins the head; more fields may follow, then [`end`].
    pub(crate) fn begin(&self, out: &mut Vec<u8>, date: &mut Date) {
        out.extend_from_slice(b"HTTP/1.1 ");
        out.extend_from_slice(self.status.text.as_bytes());
        out.extend_from_slice(b"\r\nDate: ");
        out.extend_from_slice(date.now());
        if let Some(content_type) = self.content_type {
            field(out, "Content-Type", content_type);
        }
        if let Some(length) = self.content_length {
            out.extend_from_slice(b"\r\nContent-Length: ");
            decimal(out, length);
        }
        match self.connection {
            Connection::Lives => {}
            Connection::LivesAsAsked => field(out, "Connection", "keep-alive"),
            Connection::Ends => field(out, "Connection", "close"),
        }
    }
}

/// Adds a field to a head that was begun.
pub(crate) fn field(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
}

/// Ends a head that was begun; the body follows.
pub(crate) fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n\r\n");
}

/// A whole page.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    pub(crate) status: Status,
    pub(crate) content_type: &'a str,
    pub(crate) body: &'a [u8],
    /// One more field, as `Allow` or `Location`.
    pub(crate) field: Option<(&'static str, &'a str)>,
    pub(crate) connection: Connection,
    /// Whether the body is sent, or only its length told: in answer to HEAD.
    pub(crate) has_body: bool,
}

impl<'a> Page<'a> {
    /// A page that says no more than its status: nothing of a request comes back in it.
    pub(crate) fn of_status(status: Status, connection: Connection) -> Page<'a> {
        let body = status.page.as_bytes();
        Page { status, content_type: TEXT, body, field: None, connection, has_body: true }
    }

    /// Says `status` and nothing else.
    pub(crate) fn set_status(&mut self, status: Status) {
        (self.status, self.body) = (status, status.page.as_bytes());
    }

    pub(crate) fn head(&self) -> Head<'a> {
        Head {
            status: self.status,
            content_type: Some(self.content_type),
            content_length: Some(self.body.len() as u64),
            connection: self.connection,
        }
    }

    /// Writes what follows the begin of the head.
    pub(crate) fn finish(&self, out: &mut Vec<u8>) {
        if let Some((name, value)) = self.field {
            field(out, name, value);
        }
        end(out);
        if self.has_body {
            out.extend_from_slice(self.body);
        }
    }
}

/// The time of day in the form of a header field, written once a second.
#[derive(Debug)]
pub(crate) struct Date {
    second: u64,
    text: [u8; 29],
}

impl Date {
    pub(crate) fn new() -> Date {
        Date { second: u64::MAX, text: [b' '; 29] }
    }

    pub(crate) fn now(&mut self) -> &[u8] {
        let now = SystemTime::now();
        let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if second != self.second {
            self.second = second;
            // All such dates have 29 characters.
            let written = write!(&mut self.text[..], "{}", httpdate::HttpDate::from(now));
            written.expect("a date fits into its field");
        }
        &self.text
    }
}

/// Appends a number in decimal.
pub(crate) fn decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut begin = digits.len();
    loop {
        begin -= 1;
        digits[begin] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[begin..]);
}
