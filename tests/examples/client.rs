//! An HTTP client that sends whatever it is told and reads strictly.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::process::Server;

/// Past this a server hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to a server.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
}

/// A response, read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The value of a field that there is at most once.
    #[track_caller]
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} twice in {self:?}");
        value
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }
}

impl Client {
    pub(crate) fn connect(server: &Server) -> Client {
        Client::connect_to(server.address)
    }

    pub(crate) fn connect_to(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a TCP socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        Client { stream, buffer: Vec::new() }
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the server reads");
    }

    /// Sends to a server that may have enough before the end.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) {
        let _refused = self.stream.write_all(bytes);
    }

    pub(crate) fn shut_down(&self) {
        let _gone = self.stream.shutdown(Shutdown::Write);
    }

    /// Sends a request and reads the response.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>) -> Response {
        let request = request.as_ref();
        self.send(request);
        self.response(!request.starts_with(b"HEAD"))
    }

    /// Asks for a page with GET.
    #[track_caller]
    pub(crate) fn get(&mut self, path: &str, fields: &str) -> Response {
        self.ask(format!("GET {path} HTTP/1.1\r\nHost: test\r\n{fields}\r\n"))
    }

    /// Has the server see what other clients have sent so far: it answers in the order in which
    /// requests come in.
    #[track_caller]
    pub(crate) fn pass_by(&mut self) {
        assert_eq!(self.get("/none", "").status, 404);
    }

    /// Reads a response.
    #[track_caller]
    pub(crate) fn response(&mut self, has_body: bool) -> Response {
        self.try_response(has_body).expect("a response comes before the end")
    }

    /// Reads a response, unless the connection ends first.
    #[track_caller]
    pub(crate) fn try_response(&mut self, has_body: bool) -> Option<Response> {
        let (mut response, head_len) = loop {
            if let Some(parsed) = parse(&self.buffer) {
                break parsed;
            }
            if self.more() == 0 {
                assert_eq!(self.buffer, b"", "the connection ended in a response");
                return None;
            }
        };
        self.buffer.drain(..head_len);
        let is_bare = !has_body || matches!(response.status, 100..=199 | 204 | 304);
        let length = response.field("content-length").map(|length| length.parse().expect("digits"));
        let len = if is_bare { 0 } else { length.expect("a body has a length") };
        while self.buffer.len() < len {
            assert_ne!(self.more(), 0, "the connection ended after {} of {len}", self.buffer.len());
        }
        response.body = self.buffer.drain(..len).collect();
        Some(response)
    }

    /// The server closes the connection, and has nothing more to say.
    #[track_caller]
    pub(crate) fn assert_closed(&mut self) {
        while self.more() > 0 {}
        assert_eq!(String::from_utf8_lossy(&self.buffer), "");
    }

    #[track_caller]
    fn more(&mut self) -> usize {
        let mut part = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut part) {
                Ok(count) => {
                    self.buffer.extend_from_slice(&part[..count]);
                    return count;
                }
                // A read with a limit is not begun again by the kernel when anything interrupts it.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("no more bytes come: {error}; so far {:?}", self.buffer),
            }
        }
    }
}

fn parse(bytes: &[u8]) -> Option<(Response, usize)> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(len) = head.parse(bytes).expect("a head of HTTP") else {
        return None;
    };
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).expect("fields are text");
    let fields = head.headers.iter().map(|field| (field.name.to_owned(), text(field.value)));
    let status = head.code.expect("a status");
    Some((Response { status, fields: fields.collect(), body: Vec::new() }, len))
}
