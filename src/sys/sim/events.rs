//! What is going to happen, in the order of its time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::HostId;
use super::network::ConnId;
use super::ops::OpId;

/// Something that the simulated kernel does by itself when its time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A worker attempts an op.
    Attempt(OpId),
    /// The completion of an op that has been done is handed to its ring.
    Complete(OpId),
    /// A timeout of its own, or one linked to an op.
    Timeout(OpId),
    /// The oldest packet on the way to this side of a connection arrives.
    Arrival(ConnId, usize),
    /// The datagram with this number arrives.
    Datagram(u64),
    /// A connect is tried (again).
    Connect(OpId),
    /// A zero-copy send lets go of its memory.
    Notification(OpId),
    /// An op whose cancel came while it ran gives up.
    GiveUp(OpId),
    /// A blocking job of this host may be run.
    Job(HostId),
}

/// The queue of events; equal times come in the order in which they were put in.
#[derive(Debug, Default)]
pub(super) struct Events {
    heap: BinaryHeap<Reverse<(u64, u64, Due)>>,
    pushed: u64,
}

impl Events {
    pub(super) fn push(&mut self, at_ns: u64, due: Due) {
        self.pushed += 1;
        self.heap.push(Reverse((at_ns, self.pushed, due)));
    }

    /// The time of the next event.
    pub(super) fn next_ns(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((at_ns, _, _))| *at_ns)
    }

    /// The next event whose time has come.
    pub(super) fn pop_due(&mut self, now_ns: u64) -> Option<Due> {
        if self.next_ns()? > now_ns {
            return None;
        }
        self.heap.pop().map(|Reverse((_, _, due))| due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_the_order_of_their_times_and_equal_ones_as_they_were_put_in() {
        let mut events = Events::default();
        for (at, host) in [(5, 0), (3, 1), (5, 2), (4, 3)] {
            events.push(at, Due::Job(HostId(host)));
        }
        assert_eq!(events.next_ns(), Some(3));
        assert_eq!(events.pop_due(2), None);
        let order: Vec<Due> = std::iter::from_fn(|| events.pop_due(9)).collect();
        assert_eq!(order, [1, 3, 0, 2].map(|host| Due::Job(HostId(host))));
    }
}
