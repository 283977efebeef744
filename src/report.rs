//! Reports of debug mode, which are to be seen.
//!
//! They are events of [`tracing`], as all that the crate says. A program without a subscriber would
//! never see them, and who turns debug mode on is looking for something: there they go to the
//! standard error stream.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::sync::OnceLock;

use tracing::dispatcher::{self, Dispatch};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::NoSubscriber;
use tracing::{Event, Level, Metadata, Subscriber};

/// Makes a report, so that somebody hears it.
pub(crate) fn heard(report: impl FnOnce()) {
    if dispatcher::get_default(is_none) {
        static STDERR: OnceLock<Dispatch> = OnceLock::new();
        dispatcher::with_default(STDERR.get_or_init(|| Dispatch::new(Stderr)), report);
    } else {
        report();
    }
}

/// Whether nobody listens there.
pub(crate) fn is_none(listener: &Dispatch) -> bool {
    listener.is::<NoSubscriber>()
}

/// Writes events to the standard error stream, a line for each.
struct Stderr;

impl Subscriber for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(tracing::level_filters::LevelFilter::WARN)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let (level, Line { message, fields }) = (event.metadata().level(), line);
        // Where it cannot be written nobody reads it; that must end no loop.
        let _unread = writeln!(io::stderr(), "{level} annulus: {message}{fields}");
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// An event as text.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Line {
    fn add(&mut self, name: &str, value: fmt::Arguments<'_>) {
        let written = match name {
            "message" => self.message.write_fmt(value),
            _ => write!(self.fields, " {name}={value}"),
        };
        written.expect("a text takes what is written");
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field.name(), format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        // A stack: a line for each function.
        match value.contains('\n') {
            true => self.add(field.name(), format_args!("\n    {}", value.replace('\n', "\n    "))),
            false => self.add(field.name(), format_args!("{value}")),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field.name(), format_args!("{value:.1}"));
    }
}
