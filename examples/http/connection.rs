//! One connection's life: request after request, until one of the two has enough.

use std::net::Shutdown;
use std::rc::Rc;

use annulus::net::TcpStream;
use annulus::time::{self, Instant};
use annulus::{BufResult, task};

use crate::body::Receiver;
use crate::input::Input;
use crate::limits::{GATHERED_BYTES_MAX, LINGER_BYTES_MAX, LINGER_TIME};
use crate::metrics;
use crate::request::{self, Body, Framing, Method};
use crate::response::{Connection as Fate, Head, Page};
use crate::server::{Answer, Server};
use crate::status::Status;

const HELLO: &[u8] = b"Hello from the ring.\n";

/// Why a connection ends before both sides are content.
#[derive(Debug)]
pub(crate) enum Cut {
    /// The peer is gone, or too slow, or the server ends: there is nothing to say.
    Gone,
    /// The request is refused, and where the next one begins is unknown.
    Refuse(Status),
}

/// A connection and what it is about to say.
pub(crate) struct Connection {
    stream: TcpStream,
    pub(crate) server: Rc<Server>,
    input: Input,
    /// Answers that were not written yet.
    pub(crate) output: Vec<u8>,
}

/// Serves a connection until its end.
pub(crate) async fn serve(stream: TcpStream, server: Rc<Server>) {
    let mut connection = Connection { stream, server, input: Input::default(), output: Vec::new() };
    // A cancel, which is how the server ends, finds the connection between two requests only.
    task::shield(connection.run()).await;
}

impl Connection {
    async fn run(&mut self) {
        // Answers are gathered here already: they need not wait for one another.
        let _cosmetic = self.stream.set_nodelay(true);
        match self.requests().await {
            Ok(()) => {}
            Err(Cut::Gone) => return,
            Err(Cut::Refuse(status)) => self.append(&Page::of_status(status, Fate::Ends)),
        }
        if self.flush().await.is_ok() {
            self.linger().await;
        }
    }

    /// Answers requests until one asks for the end.
    async fn requests(&mut self) -> Result<(), Cut> {
        // When the first byte of the request came that is not whole yet.
        let mut began = None;
        loop {
            let Some(request) = request::parse(self.input.bytes()).map_err(Cut::Refuse)? else {
                self.flush().await?;
                began = (!self.input.is_empty()).then(|| began.unwrap_or_else(Instant::now));
                self.more(began).await?;
                continue;
            };
            let (answer, framing) = (self.server.route(&request), request.framing);
            self.input.consume(framing.head_len);
            self.server.metrics.requests.add(1);
            if self.answer(answer, framing).await? == Fate::Ends {
                return Ok(());
            }
            began = None;
            if self.output.len() >= GATHERED_BYTES_MAX {
                self.flush().await?;
            }
        }
    }

    /// Waits for a request, or for the rest of a head that began to come.
    ///
    /// A server that ends cuts the connection here: nothing was promised.
    async fn more(&mut self, began: Option<Instant>) -> Result<(), Cut> {
        self.server.give_buffer(std::mem::take(&mut self.output));
        let limits = &self.server.limits;
        let deadline = match began {
            Some(began) => began + limits.head_time,
            None => Instant::now() + limits.idle_time,
        };
        match time::timeout_at(deadline, self.input.fill_unless_cancelled(&self.stream)).await {
            Ok(Ok(1..)) => Ok(()),
            Ok(_) => Err(Cut::Gone),
            Err(_) if began.is_some() => Err(Cut::Refuse(Status::REQUEST_TIMEOUT)),
            Err(_) => {
                self.server.metrics.idle_closed.add(1);
                Err(Cut::Gone)
            }
        }
    }

    /// Receives the body, if there is one, and appends the answer to what is to be written.
    async fn answer(&mut self, answer: Answer, mut framing: Framing) -> Result<Fate, Cut> {
        let mut body = Vec::new();
        if answer.is_refusal() && framing.expects_continue {
            // The client learns that from the status, and need not send the body. If it does, the
            // next request cannot be told from it.
            framing.keep_alive = false;
        } else if framing.body != Body::None {
            let sink = matches!(answer, Answer::Echo).then_some(&mut body);
            self.receive(framing, sink).await?;
        }
        let fate = fate(framing);
        let mut page = Page::of_status(Status::OK, fate);
        page.has_body = framing.method != Method::Head;
        let text;
        match answer {
            Answer::Hello => page.body = HELLO,
            Answer::Metrics => {
                text = self.server.metrics.to_json();
                (page.content_type, page.body) = ("application/json", text.as_bytes());
                page.field = Some(("Cache-Control", "no-store"));
            }
            Answer::Prometheus => {
                text = metrics::prometheus();
                (page.content_type, page.body) = (metrics::PROMETHEUS_TYPE, text.as_bytes());
                page.field = Some(("Cache-Control", "no-store"));
            }
            Answer::Echo => {
                (page.content_type, page.body) = ("application/octet-stream", &body);
            }
            Answer::File(wanted) => {
                self.input.keep();
                self.file(*wanted, framing.method, fate).await?;
                return Ok(fate);
            }
            Answer::Refusal(status) => page.set_status(status),
            Answer::NotAllowed(methods) => {
                page.set_status(Status::METHOD_NOT_ALLOWED);
                page.field = Some(("Allow", methods));
            }
        }
        self.append(&page);
        Ok(fate)
    }

    /// Receives a body, into `sink` if there is one.
    async fn receive(&mut self, framing: Framing, sink: Option<&mut Vec<u8>>) -> Result<(), Cut> {
        let limits = &self.server.limits;
        let is_too_large =
            matches!(framing.body, Body::Length(length) if length > limits.body_bytes as u64);
        if is_too_large {
            return Err(Cut::Refuse(Status::CONTENT_TOO_LARGE));
        }
        if framing.expects_continue && self.input.is_empty() {
            self.output.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        if self.input.is_empty() {
            self.flush().await?;
        }
        let limits = &self.server.limits;
        let Connection { stream, input, .. } = self;
        let receiver = Receiver { stream, input, bytes_max: limits.body_bytes, sink };
        match time::timeout(limits.body_time, receiver.receive(framing.body)).await {
            Ok(received) => received,
            Err(_) => Err(Cut::Refuse(Status::REQUEST_TIMEOUT)),
        }
    }

    /// Appends a page to what is to be written.
    pub(crate) fn append(&mut self, page: &Page<'_>) {
        self.begin(&page.head());
        page.finish(&mut self.output);
    }

    /// Appends the begin of a head.
    pub(crate) fn begin(&mut self, head: &Head<'_>) {
        if self.output.capacity() == 0 {
            self.output = self.server.take_buffer();
        }
        self.server.metrics.count_response(head.status);
        head.begin(&mut self.output, &mut self.server.date.borrow_mut());
    }

    /// Writes what was gathered.
    async fn flush(&mut self) -> Result<(), Cut> {
        if !self.output.is_empty() {
            let output = std::mem::take(&mut self.output);
            self.output = self.write(output).await?;
        }
        Ok(())
    }

    /// Writes a buffer and gives it back empty.
    pub(crate) async fn write(&self, bytes: Vec<u8>) -> Result<Vec<u8>, Cut> {
        self.server.metrics.bytes_out.add(bytes.len() as u64);
        let write = self.stream.write_all(bytes);
        match time::timeout(self.server.limits.write_time, write).await {
            Ok(BufResult(Ok(()), mut bytes)) => {
                bytes.clear();
                Ok(bytes)
            }
            Ok(BufResult(Err(_), _)) | Err(_) => Err(Cut::Gone),
        }
    }

    /// Lets the client read the last answer: closing a socket that has unread bytes in it, or gets
    /// some more, would reset the connection, and the answer could be lost.
    async fn linger(&mut self) {
        self.input = Input::default();
        if self.stream.shutdown(Shutdown::Write).await.is_err() {
            return;
        }
        let _cut_off = time::timeout(LINGER_TIME, async {
            let mut left = LINGER_BYTES_MAX;
            while let Ok(received @ 1..) = self.stream.recv().await.map(|bytes| bytes.len()) {
                left = left.saturating_sub(received);
                if left == 0 {
                    return;
                }
            }
        })
        .await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.server.metrics.closed.add(1);
        self.server.room.notify_waiters();
    }
}

/// What the client wants, and the server, if it does not end meanwhile.
fn fate(framing: Framing) -> Fate {
    match framing {
        _ if task::is_cancelled() => Fate::Ends,
        Framing { keep_alive: false, .. } => Fate::Ends,
        Framing { is_http_1_0: true, .. } => Fate::LivesAsAsked,
        _ => Fate::Lives,
    }
}
