//! Bugs that are planted on purpose, to see that the simulation and the models find them.
//!
//! `planted!("name")` is where one grows: never, unless a test has planted that very one on its
//! thread. Without the feature `sim` it is the word `false`, and nothing is left of the place.

/// Whether this bug was planted; never without the feature `sim`.
#[cfg(feature = "sim")]
macro_rules! planted {
    ($($name:literal)|+) => {
        [$($name),+].iter().any(|name| $crate::plants::is_planted(name))
    };
}

/// Whether this bug was planted; never without the feature `sim`.
#[cfg(not(feature = "sim"))]
macro_rules! planted {
    ($($name:literal)|+) => {
        false
    };
}

#[cfg(feature = "sim")]
pub(crate) use grown::{is_planted, plant};

#[cfg(feature = "sim")]
mod grown {
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<&'static str>> = const { Cell::new(None) };
    }

    /// Whether this bug was planted on this thread.
    #[inline]
    pub(crate) fn is_planted(name: &str) -> bool {
        PLANTED.get().is_some_and(|planted| planted == name)
    }

    /// Plants a bug on this thread, or takes out the one that is there.
    pub(crate) fn plant(bug: Option<&'static str>) {
        PLANTED.set(bug);
    }
}
