//! What all connections share, and which page answers which request.

use std::cell::RefCell;

use annulus::sync::Notify;

use crate::files::{Files, Wanted};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::request::{Method, Request};
use crate::response::Date;
use crate::status::Status;

/// The bytes of the buffers that are kept for the next connections that have something to write.
const SPARE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) limits: Limits,
    pub(crate) files: Option<Files>,
    pub(crate) metrics: Metrics,
    pub(crate) date: RefCell<Date>,
    /// Told when a connection has ended.
    pub(crate) room: Notify,
    /// Buffers to write from: a connection has one only while it answers.
    spare: RefCell<Spare>,
}

#[derive(Debug, Default)]
struct Spare {
    buffers: Vec<Vec<u8>>,
    bytes: usize,
}

/// What answers a request.
#[derive(Debug)]
pub(crate) enum Answer {
    Hello,
    /// The server's metrics and the loop's, in JSON.
    Metrics,
    /// The same of the loop, in the text format of Prometheus.
    Prometheus,
    /// The body that came with it.
    Echo,
    File(Box<Wanted>),
    /// Nothing has that name, or it cannot be had.
    Refusal(Status),
    /// The page is there, for these methods.
    NotAllowed(&'static str),
}

impl Answer {
    /// Whether a body of the request does not matter.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Answer::Refusal(_) | Answer::NotAllowed(_))
    }
}

impl Server {
    pub(crate) fn new(limits: Limits, files: Option<Files>) -> Server {
        Server {
            limits,
            files,
            metrics: Metrics::new(),
            date: RefCell::new(Date::new()),
            room: Notify::new(),
            spare: RefCell::default(),
        }
    }

    /// Finds what answers a request.
    pub(crate) fn route(&self, request: &Request<'_>) -> Answer {
        let method = request.framing.method;
        let is_read = matches!(method, Method::Get | Method::Head);
        match (request.path, &self.files) {
            ("/echo", _) if method == Method::Post => Answer::Echo,
            ("/echo", _) => Answer::NotAllowed("POST"),
            ("/metrics.json", _) if is_read => Answer::Metrics,
            ("/metrics", _) if is_read => Answer::Prometheus,
            ("/", None) if is_read => Answer::Hello,
            ("/" | "/metrics" | "/metrics.json", None) => Answer::NotAllowed("GET, HEAD"),
            (_, None) => Answer::Refusal(Status::NOT_FOUND),
            (_, Some(_)) if !is_read => Answer::NotAllowed("GET, HEAD"),
            (_, Some(files)) => match files.want(request) {
                Ok(wanted) => Answer::File(Box::new(wanted)),
                Err(status) => Answer::Refusal(status),
            },
        }
    }

    pub(crate) fn take_buffer(&self) -> Vec<u8> {
        let mut spare = self.spare.borrow_mut();
        let buffer = spare.buffers.pop().unwrap_or_default();
        spare.bytes -= buffer.capacity();
        buffer
    }

    pub(crate) fn give_buffer(&self, mut buffer: Vec<u8>) {
        let mut spare = self.spare.borrow_mut();
        let bytes = spare.bytes + buffer.capacity();
        if buffer.capacity() > 0 && bytes <= SPARE_BYTES_MAX {
            buffer.clear();
            spare.buffers.push(buffer);
            spare.bytes = bytes;
        }
    }
}
