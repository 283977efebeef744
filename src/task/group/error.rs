//! What went wrong in a group.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;

use crate::task::JoinError;

/// Why a group gave no value: what failed first, and what failed beside it.
///
/// Children that were cancelled because of the first failure are not in it.
///
/// A `GroupError<io::Error>` turns into an [`io::Error`] of the first one's kind, so `?` works in
/// functions that return one.
#[derive(Debug)]
pub struct GroupError<E> {
    /// What failed first, and ended the others.
    pub first: Failure<E>,
    /// What failed before its cancel reached it, or while it was shielded from it, in this order.
    pub others: Vec<Failure<E>>,
}

/// How a child of a group, or the group's body, failed.
#[derive(Debug)]
pub enum Failure<E> {
    /// It returned an error.
    Error(E),
    /// A child panicked: [`JoinError::is_panic`] is true of it.
    Panic(JoinError),
}

impl<E> GroupError<E> {
    /// Every failure, the first one first.
    pub fn iter(&self) -> impl Iterator<Item = &Failure<E>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Every error that was returned, in order.
    pub fn errors(&self) -> impl Iterator<Item = &E> {
        self.iter().filter_map(Failure::error)
    }

    /// Every panic, in order.
    pub fn panics(&self) -> impl Iterator<Item = &JoinError> {
        self.iter().filter_map(|failure| match failure {
            Failure::Error(_) => None,
            Failure::Panic(panic) => Some(panic),
        })
    }

    /// What failed first, when it was an error; a panic goes on.
    ///
    /// # Panics
    ///
    /// With the panic of the child, when that was first.
    ///
    /// ```
    /// use annulus::task::{GroupError, TaskGroup};
    ///
    /// # annulus::run(async {
    /// let group = TaskGroup::scope(async |group| {
    ///     group.spawn(async { "17".parse::<u8>() }).await.unwrap();
    ///     "x".parse::<u8>()
    /// });
    /// let error = group.await.map_err(GroupError::into_error).unwrap_err();
    /// assert_eq!(error, "x".parse::<u8>().unwrap_err());
    /// # }).unwrap();
    /// ```
    pub fn into_error(self) -> E {
        match self.first {
            Failure::Error(error) => error,
            Failure::Panic(panic) => std::panic::resume_unwind(payload_of(panic)),
        }
    }

    pub(super) fn collect(failures: Vec<Failure<E>>) -> Option<Self> {
        let mut others = failures.into_iter();
        let first = others.next()?;
        Some(GroupError { first, others: others.collect() })
    }
}

impl<E> IntoIterator for GroupError<E> {
    type Item = Failure<E>;
    type IntoIter = std::iter::Chain<std::iter::Once<Failure<E>>, std::vec::IntoIter<Failure<E>>>;

    /// Every failure, the first one first.
    fn into_iter(self) -> Self::IntoIter {
        std::iter::once(self.first).chain(self.others)
    }
}

impl<E> Failure<E> {
    /// Whether it was a panic.
    pub fn is_panic(&self) -> bool {
        matches!(self, Failure::Panic(_))
    }

    /// The error, when it was one.
    pub fn error(&self) -> Option<&E> {
        match self {
            Failure::Error(error) => Some(error),
            Failure::Panic(_) => None,
        }
    }
}

fn payload_of(panic: JoinError) -> Box<dyn Any + Send> {
    panic.try_into_panic().unwrap_or_else(|error| Box::new(error.to_string()))
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Error(error) => error.fmt(f),
            Failure::Panic(panic) => panic.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for Failure<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Failure::Error(error) => error.source(),
            Failure::Panic(panic) => panic.source(),
        }
    }
}

impl<E: fmt::Display> fmt::Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        match self.others.len() {
            0 => Ok(()),
            others => write!(f, " (and {others} more failed)"),
        }
    }
}

impl<E: Error + 'static> Error for GroupError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.first.source()
    }
}

impl From<GroupError<io::Error>> for io::Error {
    /// Keeps the kind of what failed first; the `GroupError` stays inside, for `downcast`.
    fn from(error: GroupError<io::Error>) -> io::Error {
        let kind = error.first.error().map_or(io::ErrorKind::Other, io::Error::kind);
        io::Error::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panic() -> JoinError {
        JoinError::panicked(Some(4), Box::new("broken"))
    }

    #[test]
    fn errors_and_panics_are_told_apart_in_order() {
        let failures = vec![
            Failure::Error(io::Error::from_raw_os_error(2)),
            Failure::Panic(panic()),
            Failure::Error(io::Error::other("third")),
        ];
        let error = GroupError::collect(failures).expect("three failures");
        assert_eq!(error.errors().count(), 2);
        assert_eq!(error.panics().next().and_then(JoinError::panic_message), Some("broken"));
        let text = format!("{} (and 2 more failed)", io::Error::from_raw_os_error(2));
        assert_eq!(error.to_string(), text);
        let error = io::Error::from(error);
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let inner = error.downcast::<GroupError<io::Error>>().expect("still inside");
        assert_eq!(inner.into_iter().filter(Failure::is_panic).count(), 1);
        assert!(GroupError::<()>::collect(Vec::new()).is_none());
    }

    #[test]
    fn a_panic_that_was_first_goes_on() {
        let error = GroupError::collect(vec![Failure::Panic(panic()), Failure::Error(3)]);
        let error = error.expect("two failures");
        assert_eq!(error.to_string(), "task 0.4.0 panicked: broken (and 1 more failed)");
        let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| error.into_error()));
        assert_eq!(payload.expect_err("a panic").downcast_ref(), Some(&"broken"));
    }
}
