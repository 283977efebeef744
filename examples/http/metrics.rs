//! What the server has done, counted, and the page that shows it.

use std::cell::Cell;
use std::fmt::Write;
use std::time::Instant;

use annulus::Handle;

use crate::status::Status;

/// The content type of Prometheus' text format.
pub(crate) const PROMETHEUS_TYPE: &str = "text/plain; version=0.0.4";

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(Cell<u64>);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.set(self.0.get() + count);
    }

    fn get(&self) -> u64 {
        self.0.get()
    }
}

/// The counters of the server.
#[derive(Debug)]
pub(crate) struct Metrics {
    started: Instant,
    pub(crate) accepted: Counter,
    pub(crate) accept_errors: Counter,
    pub(crate) closed: Counter,
    pub(crate) requests: Counter,
    /// Responses by the first digit of their status.
    responses: [Counter; 6],
    pub(crate) bytes_out: Counter,
    pub(crate) idle_closed: Counter,
}

impl Metrics {
    pub(crate) fn new() -> Metrics {
        Metrics {
            started: Instant::now(),
            accepted: Counter::default(),
            accept_errors: Counter::default(),
            closed: Counter::default(),
            requests: Counter::default(),
            responses: Default::default(),
            bytes_out: Counter::default(),
            idle_closed: Counter::default(),
        }
    }

    pub(crate) fn count_response(&self, status: Status) {
        self.responses[usize::from(status.code / 100) % 6].add(1);
    }

    /// How many connections are open.
    pub(crate) fn open(&self) -> u64 {
        self.accepted.get() - self.closed.get()
    }

    /// The page: the server's numbers and the loop's.
    pub(crate) fn to_json(&self) -> String {
        let mut page = Page { text: String::from("{\n  \"server\": {"), is_first: true };
        page.number("uptime_seconds", self.started.elapsed().as_secs());
        page.number("connections_accepted", self.accepted.get());
        page.number("connections_open", self.open());
        page.number("connections_idle_closed", self.idle_closed.get());
        page.number("accept_errors", self.accept_errors.get());
        page.number("requests", self.requests.get());
        for (digit, count) in self.responses.iter().enumerate().skip(2) {
            page.number(&format!("responses_{digit}xx"), count.get());
        }
        page.number("bytes_written", self.bytes_out.get());
        page.text.push_str("\n  },\n  \"loop\": {");
        page.is_first = true;
        let of_loop = Handle::current().metrics().unwrap_or_default();
        for (name, _, value) in of_loop.iter() {
            page.number(name, value);
        }
        page.text.push_str("\n  }\n}\n");
        page.text
    }
}

/// The loop's numbers in the text format of Prometheus.
pub(crate) fn prometheus() -> String {
    let mut text = String::new();
    Handle::current().metrics().unwrap_or_default().prometheus_text(&mut text);
    text
}

/// JSON objects of numbers whose names need no escapes.
struct Page {
    text: String,
    is_first: bool,
}

impl Page {
    fn number(&mut self, name: &str, value: u64) {
        let comma = if std::mem::take(&mut self.is_first) { "" } else { "," };
        let _infallible = write!(self.text, "{comma}\n    \"{name}\": {value}");
    }
}
