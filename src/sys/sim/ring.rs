//! One simulated ring: the kernel's side of it.

use std::collections::{HashMap, VecDeque};
use std::os::fd::RawFd;
use std::rc::Rc;

use super::HostId;
use super::buffers::Group;
use super::ops::{Names, OpId};
use super::shared::Block;

/// A ring. It stays in its place when it is closed, so that its index is never another's.
#[derive(Debug)]
pub(super) struct SimRing {
    pub(super) host: HostId,
    pub(super) number: RawFd,
    pub(super) flags: u32,
    pub(super) shared: Rc<Block>,
    pub(super) names: Names,
    /// Ops that are to be attempted or completed in the next enter that gets events.
    pub(super) work: VecDeque<OpId>,
    /// Completions that found the queue full: user data, result, flags.
    pub(super) overflow: VecDeque<(u64, i32, u32)>,
    pub(super) groups: HashMap<u16, Group>,
    pub(super) is_registered: bool,
    pub(super) is_closed: bool,
    /// Whether its number is still its own.
    pub(super) has_number: bool,
    /// Ops in flight.
    pub(super) in_flight: usize,
    /// Until when its loop waits, as its last enter said; `None` while it does not.
    pub(super) waits_until: Option<u64>,
}

impl SimRing {
    pub(super) fn new(host: HostId, number: RawFd, flags: u32, shared: Block) -> SimRing {
        SimRing {
            host,
            number,
            flags,
            shared: Rc::new(shared),
            names: Names::default(),
            work: VecDeque::new(),
            overflow: VecDeque::new(),
            groups: HashMap::new(),
            is_registered: false,
            is_closed: false,
            has_number: true,
            in_flight: 0,
            waits_until: None,
        }
    }

    #[inline]
    pub(super) fn add_work(&mut self, op: OpId) {
        self.work.push_back(op);
    }

    /// Whether an enter would bring something, or the queue holds it already.
    pub(super) fn has_work(&self) -> bool {
        !self.is_closed
            && (!self.work.is_empty() || !self.overflow.is_empty() || self.shared.untaken() > 0)
    }
}
