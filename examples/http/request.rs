//! Reads the head of a request, strictly.
//!
//! `httparse` knows the grammar. What two servers in a row could read differently, and an attacker
//! could use, is refused here: line ends without CR, more than one length, a length beside an
//! encoding, no host or several.

use std::cmp::Ordering;
use std::mem::MaybeUninit;

use httparse::{Error, Header};

use crate::limits::{FIELDS_MAX, HEAD_BYTES_MAX, TARGET_BYTES_MAX};
use crate::status::Status;

/// The head of a request, in the bytes that it came in.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// The target without scheme, host and query: begins with a slash.
    pub(crate) path: &'a str,
    pub(crate) conditions: Conditions<'a>,
    pub(crate) framing: Framing,
}

/// What a head says of the message and of the connection: all that is needed once the answer is
/// known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Framing {
    pub(crate) method: Method,
    pub(crate) body: Body,
    pub(crate) is_http_1_0: bool,
    /// Whether the client wants the connection to live on.
    pub(crate) keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub(crate) expects_continue: bool,
    /// Where the body begins.
    pub(crate) head_len: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    Post,
    /// One of the others that RFC 9110 names, which no page here has.
    Other,
}

/// What follows the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    None,
    Length(u64),
    Chunked,
}

/// The fields that ask for a part of a file, or for none of it.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Conditions<'a> {
    pub(crate) range: Option<&'a [u8]>,
    pub(crate) if_range: Option<&'a [u8]>,
    pub(crate) if_none_match: Option<&'a [u8]>,
    pub(crate) if_modified_since: Option<&'a [u8]>,
}

/// Reads the head at the start of `bytes`; `None` when it has not arrived as a whole.
///
/// # Errors
///
/// The status to refuse the request with. Where it ends is not known then.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Request<'_>>, Status> {
    // One empty line before a request is the remainder of what some clients send after a body.
    let skipped = if bytes.starts_with(b"\r\n") { 2 } else { 0 };
    let bytes = &bytes[skipped..];
    match bytes {
        [] | b"\r" => return Ok(None),
        [b'\r' | b'\n', ..] => return Err(Status::BAD_REQUEST),
        _ => {}
    }
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS_MAX];
    let mut head = httparse::Request::new(&mut []);
    match head.parse_with_uninit_headers(bytes, &mut fields) {
        Ok(httparse::Status::Complete(head_len)) => {
            check_lines(&bytes[..head_len])?;
            let mut request = interpret(&head)?;
            request.framing.head_len = skipped + head_len;
            Ok(Some(request))
        }
        Ok(httparse::Status::Partial) if bytes.len() <= HEAD_BYTES_MAX => Ok(None),
        Ok(httparse::Status::Partial) => Err(too_large(bytes)),
        Err(Error::TooManyHeaders) => Err(Status::HEADER_FIELDS_TOO_LARGE),
        Err(Error::Version) => other_version(bytes),
        Err(_) => Err(Status::BAD_REQUEST),
    }
}

fn too_large(bytes: &[u8]) -> Status {
    let line = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
    if line > TARGET_BYTES_MAX { Status::URI_TOO_LONG } else { Status::HEADER_FIELDS_TOO_LARGE }
}

/// `httparse` takes a lone LF for the end of a line; another server may not.
pub(crate) fn check_lines(bytes: &[u8]) -> Result<(), Status> {
    let mut before = 0;
    for &byte in bytes {
        if byte == b'\n' && before != b'\r' {
            return Err(Status::BAD_REQUEST);
        }
        before = byte;
    }
    if bytes.len() > HEAD_BYTES_MAX { Err(Status::HEADER_FIELDS_TOO_LARGE) } else { Ok(()) }
}

/// Another version of HTTP is one thing, no version at all another.
fn other_version(bytes: &[u8]) -> Result<Option<Request<'_>>, Status> {
    let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let line = bytes.split(is_end).next().unwrap_or_default();
    let mut words = line.split(|&byte| byte == b' ').skip(2);
    let (version, rest) = (words.next().unwrap_or_default(), words.next());
    let is_like = |(byte, model): (&u8, &u8)| match model {
        b'9' => byte.is_ascii_digit(),
        _ => byte == model,
    };
    let model = b"HTTP/9.9";
    if rest.is_some() || !version.iter().zip(model).all(is_like) {
        return Err(Status::BAD_REQUEST);
    }
    match version.len().cmp(&model.len()) {
        Ordering::Less if line.len() == bytes.len() => Ok(None),
        Ordering::Equal => Err(Status::VERSION_NOT_SUPPORTED),
        _ => Err(Status::BAD_REQUEST),
    }
}

fn interpret<'a>(head: &httparse::Request<'_, 'a>) -> Result<Request<'a>, Status> {
    let target = head.path.unwrap_or_default();
    if target.len() > TARGET_BYTES_MAX {
        return Err(Status::URI_TOO_LONG);
    }
    let is_http_1_0 = head.version == Some(0);
    let fields = Fields::collect(head.headers)?;
    if fields.host.is_none() && !is_http_1_0 {
        return Err(Status::BAD_REQUEST);
    }
    let framing = Framing {
        method: method(head.method.unwrap_or_default())?,
        body: fields.body(is_http_1_0)?,
        is_http_1_0,
        keep_alive: !fields.close && (fields.keep_alive || !is_http_1_0),
        expects_continue: fields.expects_continue && !is_http_1_0,
        head_len: 0,
    };
    Ok(Request { path: path(target)?, conditions: fields.conditions, framing })
}

fn method(name: &str) -> Result<Method, Status> {
    match name {
        "GET" => Ok(Method::Get),
        "HEAD" => Ok(Method::Head),
        "POST" => Ok(Method::Post),
        "PUT" | "DELETE" | "PATCH" | "OPTIONS" | "TRACE" => Ok(Method::Other),
        _ => Err(Status::NOT_IMPLEMENTED),
    }
}

/// The path of a target, which may be a whole URL.
fn path(target: &str) -> Result<&str, Status> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
    if !target.bytes().all(is_plain) {
        return Err(Status::BAD_REQUEST);
    }
    let scheme_len = "http://".len();
    let path = match target.get(..scheme_len) {
        Some(scheme) if scheme.eq_ignore_ascii_case("http://") => {
            let rest = &target[scheme_len..];
            rest.find(['/', '?']).map_or("/", |begin| &rest[begin..])
        }
        _ => target,
    };
    let path = path.split('?').next().unwrap_or_default();
    match path {
        "" if target.len() > scheme_len => Ok("/"),
        _ if path.starts_with('/') => Ok(path),
        _ => Err(Status::BAD_REQUEST),
    }
}

/// The header fields that mean something to this server.
#[derive(Default)]
struct Fields<'a> {
    host: Option<&'a [u8]>,
    length: Option<u64>,
    is_chunked: bool,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
    conditions: Conditions<'a>,
}

impl<'a> Fields<'a> {
    fn collect(headers: &[Header<'a>]) -> Result<Fields<'a>, Status> {
        let mut fields = Fields::default();
        for header in headers {
            fields.take(header.name, header.value)?;
        }
        Ok(fields)
    }

    fn take(&mut self, name: &str, value: &'a [u8]) -> Result<(), Status> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        // The length tells most fields apart before any byte is compared.
        match name.len() {
            4 if is("host") => {
                let is_first = self.host.replace(value).is_none();
                return if is_first { check_host(value) } else { Err(Status::BAD_REQUEST) };
            }
            14 if is("content-length") => {
                let is_first = self.length.replace(length(value)?).is_none();
                return if is_first { Ok(()) } else { Err(Status::BAD_REQUEST) };
            }
            17 if is("transfer-encoding") => return self.take_encoding(value),
            10 if is("connection") => self.take_connection(value),
            6 if is("expect") => {
                if !value.eq_ignore_ascii_case(b"100-continue") {
                    return Err(Status::EXPECTATION_FAILED);
                }
                self.expects_continue = true;
            }
            5 if is("range") => self.conditions.range = Some(value),
            8 if is("if-range") => self.conditions.if_range = Some(value),
            13 if is("if-none-match") => self.conditions.if_none_match = Some(value),
            17 if is("if-modified-since") => self.conditions.if_modified_since = Some(value),
            _ => {}
        }
        Ok(())
    }

    fn take_encoding(&mut self, value: &[u8]) -> Result<(), Status> {
        if !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Status::NOT_IMPLEMENTED);
        }
        let is_second = std::mem::replace(&mut self.is_chunked, true);
        if is_second { Err(Status::BAD_REQUEST) } else { Ok(()) }
    }

    fn take_connection(&mut self, value: &[u8]) {
        for option in value.split(|&byte| byte == b',') {
            let option = option.trim_ascii();
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    fn body(&self, is_http_1_0: bool) -> Result<Body, Status> {
        match (self.is_chunked, self.length) {
            (true, Some(_)) => Err(Status::BAD_REQUEST),
            (true, None) if is_http_1_0 => Err(Status::BAD_REQUEST),
            (true, None) => Ok(Body::Chunked),
            (false, None | Some(0)) => Ok(Body::None),
            (false, Some(length)) => Ok(Body::Length(length)),
        }
    }
}

/// Digits and nothing else: no sign, no space, no list.
fn length(value: &[u8]) -> Result<u64, Status> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Status::BAD_REQUEST);
    }
    let digits = std::str::from_utf8(value).map_err(|_| Status::BAD_REQUEST)?;
    digits.parse().map_err(|_| Status::CONTENT_TOO_LARGE)
}

/// A name or an address, maybe with a port.
fn check_host(value: &[u8]) -> Result<(), Status> {
    let is_host = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:[]~%!$&'()*+;=".contains(byte);
    if value.iter().all(is_host) { Ok(()) } else { Err(Status::BAD_REQUEST) }
}
