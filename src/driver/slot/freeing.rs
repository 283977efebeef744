//! When cells are freed.

use super::EmptyCell;

/// Frees cells, but none as long as the kernel has left entries in the submission queue.
///
/// The first of those may be the timeout of a pair that was cut in two. Its time stands in the cell
/// of an op that may well be over when the kernel comes to read it.
#[derive(Default)]
pub(in crate::driver) struct Freeing {
    holds: bool,
    /// Cells that are to be freed when no entry is left any more.
    pub(super) held: Vec<EmptyCell>,
}

impl Freeing {
    #[inline]
    pub(in crate::driver) fn hold_while(&mut self, has_leftovers: bool) {
        if self.holds != has_leftovers {
            self.set_holds(has_leftovers);
        }
    }

    #[cold]
    fn set_holds(&mut self, holds: bool) {
        self.holds = holds;
        if !holds {
            self.held.drain(..).for_each(EmptyCell::free);
        }
    }

    pub(in crate::driver) fn free(&mut self, cell: EmptyCell) {
        if self.holds { self.held.push(cell) } else { cell.free() }
    }
}

impl Drop for Freeing {
    fn drop(&mut self) {
        self.set_holds(false);
    }
}
