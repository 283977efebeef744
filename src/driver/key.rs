//! Names an op in flight so that a late completion can never be taken for another's.

/// What a completion belongs to, the two lowest bits above the generation in `user_data`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An op: the index is its slot.
    Op = 0,
    /// A cancel request: the index is the slot of the op it was sent after.
    Cancel = 1,
    /// The linked timeout of the op in that slot.
    LinkTimeout = 2,
    /// The driver's own: the index is one of [`Internal`].
    Internal = 3,
}

/// The driver's own entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Internal {
    /// The poll on the notifier's descriptor.
    Notifier = 0,
    /// A descriptor closed without anybody waiting for it.
    Close = 1,
}

/// The slot of an op and how often the slot had been used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct OpKey {
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// Slots are numbered with thirty bits.
pub(super) const INDEX_MAX: u32 = (1 << 30) - 1;

impl OpKey {
    /// The `user_data` of an entry: index (30 bits), kind (2), generation (32).
    #[inline]
    pub(super) fn user_data(self, kind: Kind) -> u64 {
        user_data(self.index, kind, self.generation)
    }
}

#[inline]
pub(super) fn user_data(index: u32, kind: Kind, generation: u32) -> u64 {
    (u64::from(index) << 34) | ((kind as u64) << 32) | u64::from(generation)
}

/// The op that a `user_data` names, if it is an op's.
#[inline]
pub(super) fn parse_op(user_data: u64) -> Option<OpKey> {
    let is_op = (user_data >> 32) & 3 == Kind::Op as u64;
    is_op.then_some(OpKey { index: (user_data >> 34) as u32, generation: user_data as u32 })
}

/// Takes a `user_data` apart.
pub(super) fn parse(user_data: u64) -> (Kind, OpKey) {
    let kind = match (user_data >> 32) & 3 {
        0 => Kind::Op,
        1 => Kind::Cancel,
        2 => Kind::LinkTimeout,
        _ => Kind::Internal,
    };
    (kind, OpKey { index: (user_data >> 34) as u32, generation: user_data as u32 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_data_comes_apart_as_it_was_put_together() {
        for kind in [Kind::Op, Kind::Cancel, Kind::LinkTimeout, Kind::Internal] {
            for index in [0, 1, 77, INDEX_MAX] {
                for generation in [0, 1, u32::MAX] {
                    let key = OpKey { index, generation };
                    assert_eq!(parse(key.user_data(kind)), (kind, key));
                    let op = (kind == Kind::Op).then_some(key);
                    assert_eq!(parse_op(key.user_data(kind)), op);
                }
            }
        }
    }
}
