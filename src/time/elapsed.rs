//! The error of a deadline that passed.

use std::{error, fmt, io};

/// The error of [`timeout`](super::timeout) and [`timeout_at`](super::timeout_at): the deadline
/// passed before the future was done.
///
/// It turns into an `io::Error` of kind `TimedOut`, so `?` works in functions that return one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl Elapsed {
    pub(crate) const fn new() -> Self {
        Elapsed(())
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the deadline has passed")
    }
}

impl error::Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_into_an_io_error_that_says_timed_out() {
        fn through() -> io::Result<()> {
            Err(Elapsed::new())?
        }
        let error = through().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "the deadline has passed");
        assert!(error.get_ref().is_some_and(|inner| inner.is::<Elapsed>()));
    }
}
