//! Marks on rare paths: how often a run came by each.
//!
//! `mark!("a cancel lost with data")` stands where something happens that tests must have seen. It
//! is nothing without the feature `sim`. With it, each place counts its visits, and
//! [`visits`] tells them all.

/// Counts a visit of this place, with the feature `sim`.
#[cfg(feature = "sim")]
macro_rules! mark {
    ($name:literal) => {{
        static MARK: $crate::marks::Mark = $crate::marks::Mark::new($name);
        MARK.visit();
    }};
}

/// Nothing, without the feature `sim`.
#[cfg(not(feature = "sim"))]
#[allow(unused_macros, reason = "every place that is marked may be the simulator's")]
macro_rules! mark {
    ($name:literal) => {};
}

#[cfg(all(test, feature = "sim"))]
pub(crate) use counted::visited_here;
#[cfg(feature = "sim")]
#[cfg_attr(not(test), allow(unused_imports, reason = "read by tests only"))]
pub(crate) use counted::{Mark, visits};

#[cfg(feature = "sim")]
#[allow(dead_code, reason = "read by tests only")]
mod counted {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Mutex, PoisonError};

    #[cfg(test)]
    thread_local! {
        static HERE: std::cell::RefCell<std::collections::BTreeSet<&'static str>> =
            const { std::cell::RefCell::new(std::collections::BTreeSet::new()) };
    }

    /// The places that were visited on this thread since this was asked last.
    #[cfg(test)]
    pub(crate) fn visited_here() -> std::collections::BTreeSet<&'static str> {
        HERE.take()
    }

    static KNOWN: Mutex<Vec<&'static Mark>> = Mutex::new(Vec::new());

    /// A place that counts its visits.
    pub(crate) struct Mark {
        name: &'static str,
        visits: AtomicU64,
    }

    impl Mark {
        pub(crate) const fn new(name: &'static str) -> Mark {
            Mark { name, visits: AtomicU64::new(0) }
        }

        #[inline]
        pub(crate) fn visit(&'static self) {
            #[cfg(test)]
            HERE.with_borrow_mut(|here| here.insert(self.name));
            if self.visits.fetch_add(1, Ordering::Relaxed) == 0 {
                KNOWN.lock().unwrap_or_else(PoisonError::into_inner).push(self);
            }
        }
    }

    /// The places that were visited in this process, with the number of visits.
    pub(crate) fn visits() -> BTreeMap<&'static str, u64> {
        let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut visits = BTreeMap::new();
        for mark in known.iter() {
            *visits.entry(mark.name).or_default() += mark.visits.load(Ordering::Relaxed);
        }
        visits
    }
}
