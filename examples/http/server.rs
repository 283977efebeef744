//! What all connections share, and which page answers which request.

use std::cell::RefCell;

use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::request::{Method, Request};
use crate::response::Date;
use crate::status::Status;

/// How many buffers are kept for the next connection that has something to write.
const SPARE_MAX: usize = 256;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) limits: Limits,
    pub(crate) metrics: Metrics,
    pub(crate) date: RefCell<Date>,
    /// Buffers to write from: a connection has one only while it answers.
    spare: RefCell<Vec<Vec<u8>>>,
}

/// What answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Hello,
    Metrics,
    /// The body that came with it.
    Echo,
    /// Nothing has that name, or it cannot be had.
    Refusal(Status),
    /// The page is there, for these methods.
    NotAllowed(&'static str),
}

impl Answer {
    /// The status, if the body does not matter to the answer.
    pub(crate) fn refusal(self) -> Option<Status> {
        match self {
            Answer::Refusal(status) => Some(status),
            Answer::NotAllowed(_) => Some(Status::METHOD_NOT_ALLOWED),
            _ => None,
        }
    }
}

impl Server {
    pub(crate) fn new(limits: Limits) -> Server {
        Server {
            limits,
            metrics: Metrics::new(),
            date: RefCell::new(Date::new()),
            spare: RefCell::default(),
        }
    }

    /// Finds what answers a request.
    pub(crate) fn route(&self, request: &Request<'_>) -> Answer {
        let (answer, methods) = match request.path {
            "/metrics.json" => (Answer::Metrics, "GET, HEAD"),
            "/echo" => (Answer::Echo, "POST"),
            "/" => (Answer::Hello, "GET, HEAD"),
            _ => return Answer::Refusal(Status::NOT_FOUND),
        };
        let is_post = match request.framing.method {
            Method::Get | Method::Head => false,
            Method::Post => true,
            Method::Other => return Answer::NotAllowed(methods),
        };
        if is_post == (answer == Answer::Echo) { answer } else { Answer::NotAllowed(methods) }
    }

    pub(crate) fn take_buffer(&self) -> Vec<u8> {
        self.spare.borrow_mut().pop().unwrap_or_default()
    }

    pub(crate) fn give_buffer(&self, mut buffer: Vec<u8>) {
        let mut spare = self.spare.borrow_mut();
        if spare.len() < SPARE_MAX && buffer.capacity() > 0 {
            buffer.clear();
            spare.push(buffer);
        }
    }
}
