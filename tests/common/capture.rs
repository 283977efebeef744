//! A subscriber that keeps what the crate says, warnings and errors as a rule, with their fields.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::mpsc::{self, Receiver, Sender};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// An event with the text of its fields.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) level: Level,
    pub(crate) fields: BTreeMap<&'static str, String>,
}

impl Said {
    /// A field; empty when the event has none of that name.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |value| value)
    }

    pub(crate) fn number(&self, name: &str) -> f64 {
        self.field(name).parse().unwrap_or_else(|_| panic!("`{name}` is no number: {self:?}"))
    }

    pub(crate) fn message(&self) -> &str {
        self.field("message")
    }
}

struct Capture(Sender<Said>, Level);

/// Runs `f`, which may build loops, and hands it what is said meanwhile, on whichever thread of
/// those loops.
pub(crate) fn listening<R>(f: impl FnOnce(Receiver<Said>) -> R) -> R {
    listening_to(Level::WARN, f)
}

/// As [`listening`], to what is at most as small as `level`.
pub(crate) fn listening_to<R>(level: Level, f: impl FnOnce(Receiver<Said>) -> R) -> R {
    let (sender, receiver) = mpsc::channel();
    tracing::subscriber::with_default(Capture(sender, level), || f(receiver))
}

/// All that is said while `f` runs.
pub(crate) fn said_by(f: impl FnOnce()) -> Vec<Said> {
    listening(|receiver| {
        f();
        receiver.try_iter().collect()
    })
}

impl Subscriber for Capture {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("annulus") && *metadata.level() <= self.1
    }

    fn event(&self, event: &Event<'_>) {
        let mut said = Said { level: *event.metadata().level(), fields: BTreeMap::new() };
        event.record(&mut said);
        // A test that has ended does not listen any more.
        let _unheard = self.0.send(said);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}
