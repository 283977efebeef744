//! How a task or a blocking job ended when it did not return a value.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::io;
use std::num::NonZero;
use std::sync::{Mutex, PoisonError};

use super::Id;
use crate::scheduler::TaskId;

/// The end of a task or blocking job that gave no value: it was cancelled, or it panicked.
///
/// It is always exactly one of the two: [`is_cancelled`](JoinError::is_cancelled) or
/// [`is_panic`](JoinError::is_panic). Work that could not even be started, because the system
/// refused a thread, counts as cancelled and carries the refusal as its
/// [`source`](std::error::Error::source).
///
/// It converts into an [`io::Error`], so `?` works in functions that return one.
pub struct JoinError {
    id: Number,
    /// `None` when it was cancelled, which is all there is to say then.
    ///
    /// Behind a pointer, for every task has room for its end.
    end: Option<Box<End>>,
}

/// The bits of a task's name and one more, or of none.
///
/// Never zero, so that a `Result` with nothing in its other half is no larger than the error.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Number(NonZero<u64>);

impl Number {
    const NONE: Number = Number(NonZero::<u64>::MAX);

    /// No name has all bits set.
    fn new(bits: Option<u64>) -> Self {
        bits.and_then(|bits| NonZero::new(bits.wrapping_add(1))).map_or(Self::NONE, Number)
    }

    fn bits(self) -> Option<u64> {
        (self != Self::NONE).then(|| self.0.get() - 1)
    }
}

enum End {
    NotStarted(io::Error),
    Panicked(Panic),
}

struct Panic {
    /// What was panicked with, when it is text, as it nearly always is.
    message: Option<Cow<'static, str>>,
    /// What the task was called.
    name: Option<Box<str>>,
    /// A mutex only because a payload is `Send` but not `Sync`, and an error has to be both to
    /// become an `io::Error`. It is never contended, nor locked.
    payload: Mutex<Box<dyn Any + Send>>,
}

impl JoinError {
    /// The end of work that was cancelled; `id` is the task's, where there is one.
    pub(crate) fn cancelled(id: Option<u64>) -> Self {
        JoinError { id: Number::new(id), end: None }
    }

    /// The end of work that never started because of `cause`.
    pub(crate) fn not_started(id: Option<u64>, cause: io::Error) -> Self {
        JoinError { id: Number::new(id), end: Some(Box::new(End::NotStarted(cause))) }
    }

    /// The end of work that panicked with `payload`.
    pub(crate) fn panicked(id: Option<u64>, payload: Box<dyn Any + Send>) -> Self {
        let (message, payload) = (message_of(&*payload), Mutex::new(payload));
        let panic = Panic { message, name: None, payload };
        JoinError { id: Number::new(id), end: Some(Box::new(End::Panicked(panic))) }
    }

    /// Says what the task was called that panicked.
    pub(crate) fn of_task(mut self, name: Option<&str>) -> Self {
        if let Some(End::Panicked(panic)) = self.end.as_deref_mut() {
            panic.name = name.map(Box::from);
        }
        self
    }

    /// The task that ended; `None` of a blocking job.
    pub fn id(&self) -> Option<Id> {
        self.id.bits().map(|bits| Id(TaskId::from_bits(bits)))
    }

    /// What the task was called that panicked, if it had a name.
    pub fn task_name(&self) -> Option<&str> {
        self.panic()?.name.as_deref()
    }

    /// Whether the work was cancelled: dropped where it was, or never started.
    pub fn is_cancelled(&self) -> bool {
        self.panic().is_none()
    }

    /// Whether the work panicked.
    pub fn is_panic(&self) -> bool {
        self.panic().is_some()
    }

    /// The payload of the panic, fit for [`std::panic::resume_unwind`].
    ///
    /// # Panics
    /// When the work was cancelled; ask [`is_panic`](JoinError::is_panic) first, or use
    /// [`try_into_panic`](JoinError::try_into_panic).
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send + 'static> {
        match self.try_into_panic() {
            Ok(payload) => payload,
            Err(error) => panic!("`JoinError::into_panic` called, but there was no panic: {error}"),
        }
    }

    /// The payload of the panic, or the error itself when the work was cancelled.
    ///
    /// # Errors
    /// Gives `self` back when there was no panic.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send + 'static>, JoinError> {
        if self.is_cancelled() {
            return Err(self);
        }
        match self.end.map(|end| *end) {
            Some(End::Panicked(panic)) => {
                Ok(panic.payload.into_inner().unwrap_or_else(PoisonError::into_inner))
            }
            end => Err(JoinError { id: self.id, end: end.map(Box::new) }),
        }
    }

    /// The text of the panic, when there was one and it was text.
    pub fn panic_message(&self) -> Option<&str> {
        self.panic()?.message.as_deref()
    }

    fn panic(&self) -> Option<&Panic> {
        match self.end.as_deref() {
            Some(End::Panicked(panic)) => Some(panic),
            _ => None,
        }
    }

    /// Why the work could not be started.
    fn cause(&self) -> Option<&io::Error> {
        match self.end.as_deref() {
            Some(End::NotStarted(cause)) => Some(cause),
            _ => None,
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id() {
            Some(id) => write!(f, "task {id}")?,
            None => f.write_str("the work")?,
        }
        if let Some(name) = self.task_name() {
            write!(f, " `{name}`")?;
        }
        match self.end.as_deref() {
            None => f.write_str(" was cancelled"),
            Some(End::NotStarted(cause)) => write!(f, " was not started: {cause}"),
            Some(End::Panicked(panic)) => match &panic.message {
                Some(message) => write!(f, " panicked: {message}"),
                None => f.write_str(" panicked with a value that is not text"),
            },
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("JoinError");
        if let Some(id) = self.id() {
            debug.field("id", &format_args!("{id}"));
        }
        match self.panic() {
            None => debug.field("cancelled", &true).field("cause", &self.cause()),
            Some(panic) => debug.field("panicked", &panic.message),
        };
        debug.finish()
    }
}

impl std::error::Error for JoinError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause().map(|cause| cause as _)
    }
}

impl From<JoinError> for io::Error {
    /// Keeps the kind of the cause of work that was not started; all else is
    /// [`io::ErrorKind::Other`]. The `JoinError` stays inside, for `downcast`.
    fn from(error: JoinError) -> io::Error {
        let kind = error.cause().map_or(io::ErrorKind::Other, io::Error::kind);
        io::Error::new(kind, error)
    }
}

fn message_of(payload: &(dyn Any + Send)) -> Option<Cow<'static, str>> {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        return Some(Cow::Borrowed(text));
    }
    payload.downcast_ref::<String>().map(|text| Cow::Owned(text.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error;
    use std::panic::catch_unwind;

    fn payload_of(f: fn()) -> Box<dyn Any + Send> {
        catch_unwind(f).expect_err("the closure panics")
    }

    #[test]
    fn cancelled_work_is_cancelled_and_has_no_panic() {
        let error = JoinError::cancelled(Some(7));
        assert!(error.is_cancelled() && !error.is_panic());
        assert_eq!(error.to_string(), "task 0.7.0 was cancelled");
        assert_eq!(error.panic_message(), None);
        let error = error.try_into_panic().expect_err("no payload");
        assert!(error.is_cancelled());
        assert_eq!(format!("{error:?}"), "JoinError { id: 0.7.0, cancelled: true, cause: None }");
    }

    #[test]
    fn panic_message_is_shown_for_static_and_formatted_text() {
        let error = JoinError::panicked(None, payload_of(|| panic!("plain")));
        assert!(error.is_panic() && !error.is_cancelled());
        assert_eq!(error.to_string(), "the work panicked: plain");
        let number = std::hint::black_box(3);
        let payload = catch_unwind(|| panic!("number {number}")).expect_err("panics");
        let error = JoinError::panicked(Some(1), payload);
        assert_eq!(error.to_string(), "task 0.1.0 panicked: number 3");
        assert_eq!(format!("{error:?}"), "JoinError { id: 0.1.0, panicked: Some(\"number 3\") }");
        assert_eq!(error.panic_message(), Some("number 3"));
    }

    #[test]
    fn payload_that_is_no_text_comes_back_whole() {
        let payload = payload_of(|| std::panic::panic_any(41_u8));
        let error = JoinError::panicked(None, payload);
        assert_eq!(error.to_string(), "the work panicked with a value that is not text");
        assert_eq!(error.into_panic().downcast_ref::<u8>(), Some(&41));
    }

    #[test]
    fn into_panic_of_cancelled_work_says_so() {
        let payload = catch_unwind(|| JoinError::cancelled(None).into_panic());
        let message = message_of(&*payload.expect_err("panics")).expect("text");
        assert!(message.contains("there was no panic"), "{message}");
    }

    #[test]
    fn conversion_to_io_error_keeps_kind_and_inner_error() {
        let cause = io::Error::new(io::ErrorKind::QuotaExceeded, "no thread");
        let error = JoinError::not_started(None, cause);
        assert!(error.is_cancelled());
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("no thread"));
        let error = io::Error::from(error);
        assert_eq!(error.kind(), io::ErrorKind::QuotaExceeded);
        assert_eq!(error.to_string(), "the work was not started: no thread");

        let error = io::Error::from(JoinError::panicked(None, Box::new("boom")));
        assert_eq!(error.kind(), io::ErrorKind::Other);
        assert!(error.downcast::<JoinError>().expect("still inside").is_panic());
    }

    #[test]
    fn join_error_is_small_and_may_cross_threads() {
        fn may_cross_threads<T: Send + Sync + 'static>() {}
        may_cross_threads::<JoinError>();
        assert_eq!(size_of::<JoinError>(), 16);
        assert_eq!(size_of::<Result<(), JoinError>>(), 16);
    }
}
