//! The run queue itself: first in, first out.

use super::TaskId;
use crate::growth;

/// Names in the order in which they came.
///
/// A vector and a place in it: to push is a store, to pop a load. What has been popped is cut off
/// when the queue is empty, as a loop's is again and again, or when it is most of the vector.
#[derive(Debug, Default)]
pub(super) struct Queue {
    names: Vec<TaskId>,
    popped: usize,
}

impl Queue {
    #[inline]
    pub(super) fn push(&mut self, name: TaskId) {
        growth::push(&mut self.names, name);
    }

    /// Where names are pushed that there is room for.
    #[inline]
    pub(super) fn names(&mut self) -> &mut Vec<TaskId> {
        &mut self.names
    }

    #[inline]
    pub(super) fn make_room(&mut self) {
        growth::make_room(&mut self.names);
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<TaskId> {
        let Some(&name) = self.names.get(self.popped) else {
            self.names.clear();
            self.popped = 0;
            return None;
        };
        self.popped += 1;
        Some(name)
    }

    /// Puts the one that was popped back to the end and takes the next one instead: a bug that tests
    /// plant.
    #[cold]
    pub(super) fn pass_over(&mut self, name: TaskId) -> TaskId {
        self.push(name);
        self.pop().unwrap_or(name)
    }

    /// Moves `more` to the end, and makes room for what will be pushed until the next call.
    pub(super) fn append(&mut self, more: &mut Vec<TaskId>) {
        if self.popped > self.names.len() / 2 {
            self.names.drain(..self.popped);
            self.popped = 0;
        }
        if !more.is_empty() {
            self.names.append(more);
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.names.len() - self.popped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(index: u32) -> TaskId {
        TaskId::new(0, 0, index)
    }

    #[test]
    fn names_come_out_as_they_went_in() {
        let mut queue = Queue::default();
        assert_eq!(queue.pop(), None);
        queue.push(name(1));
        queue.push(name(2));
        assert_eq!(queue.pop(), Some(name(1)));
        queue.append(&mut vec![name(3), name(4)]);
        assert_eq!(queue.len(), 3);
        queue.push(name(5));
        let rest: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(rest, [2, 3, 4, 5].map(name));
    }

    #[test]
    fn a_queue_that_is_never_empty_keeps_no_more_than_it_holds_twice() {
        let mut queue = Queue::default();
        for index in 0..100 {
            queue.push(name(index));
        }
        for round in 0..if cfg!(miri) { 10 } else { 1_000 } {
            for _ in 0..50 {
                let name = queue.pop().expect("a name");
                queue.push(name);
            }
            queue.append(&mut Vec::new());
            assert_eq!(queue.len(), 100);
            assert!(queue.names.len() <= 250, "{} in round {round}", queue.names.len());
        }
    }
}
