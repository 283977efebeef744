//! What has arisen outside a turn and can only be done when nothing is borrowed: the next turn hands
//! it out.

use super::Reaped;

/// Wakes and salvages for the next turn.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Pending {
    /// Whether something may be there: so a turn, which finds nothing as a rule, has one thing to ask.
    is_used: bool,
    kept: Reaped,
}

impl Pending {
    /// Where something is added.
    pub(super) fn add(&mut self) -> &mut Reaped {
        self.is_used = true;
        &mut self.kept
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        !self.is_used || super::turn::is_empty(&self.kept)
    }

    /// Moves everything to the end of what a turn brings.
    pub(super) fn hand_out(&mut self, reaped: &mut Reaped) {
        self.is_used = false;
        reaped.wakes.append(&mut self.kept.wakes);
        reaped.untaken.append(&mut self.kept.untaken);
        reaped.salvages.append(&mut self.kept.salvages);
    }
}
