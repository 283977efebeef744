//! How many handles a descriptor has, in one word with what is known of its end.

/// The handles on a descriptor, and whether closing it would wait: a socket that lingers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Handles(u32);

impl Handles {
    const LINGERS: u32 = 1 << 31;
    pub(super) const ONE: Handles = Handles(1);

    #[inline]
    pub(super) fn count(self) -> u32 {
        self.0 & !Self::LINGERS
    }

    #[inline]
    pub(super) fn is_none(self) -> bool {
        self.count() == 0
    }

    /// # Panics
    ///
    /// When there are two thousand million already.
    pub(super) fn add(&mut self) {
        assert!(self.count() < !Self::LINGERS, "too many handles on a descriptor");
        self.0 += 1;
    }

    /// One less, where there is one.
    pub(super) fn drop_one(&mut self) {
        if !self.is_none() {
            self.0 -= 1;
        }
    }

    pub(super) fn lingers(self) -> bool {
        self.0 & Self::LINGERS != 0
    }

    pub(super) fn set_lingers(&mut self, lingers: bool) {
        self.0 = self.count() | if lingers { Self::LINGERS } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_the_end_does_not_change_the_count() {
        let mut handles = Handles::ONE;
        handles.add();
        handles.set_lingers(true);
        assert_eq!((handles.count(), handles.lingers()), (2, true));
        handles.drop_one();
        handles.drop_one();
        handles.drop_one();
        assert!(handles.is_none() && handles.lingers());
        handles.set_lingers(false);
        assert!(handles.is_none() && !handles.lingers());
    }
}
