//! The orders in which a queue gives its items out.

use std::collections::VecDeque;
use std::fmt;

/// How a queue keeps its items. Sealed: the three orders of this module are all there are.
pub trait Order: Keep {}

/// The methods of [`Order`], out of reach of other crates.
pub trait Keep {
    /// What is kept.
    type Item;

    /// Keeps nothing.
    fn empty() -> Self;

    /// How many items are kept.
    fn len(&self) -> usize;

    /// Where `item` would go. Runs the item's own `Ord`, which may panic, and changes nothing.
    fn place(&self, item: &Self::Item) -> usize;

    /// Keeps `item` at its place.
    fn push(&mut self, item: Self::Item, place: usize);

    /// Gives the next item out. May run `Ord`; if that panics nothing has changed.
    fn pop(&mut self) -> Option<Self::Item>;
}

/// First in, first out.
pub struct Fifo<T>(VecDeque<T>);

impl<T> Order for Fifo<T> {}

impl<T> Keep for Fifo<T> {
    type Item = T;

    fn empty() -> Self {
        Fifo(VecDeque::new())
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn place(&self, _: &T) -> usize {
        self.0.len()
    }

    fn push(&mut self, item: T, _: usize) {
        self.0.push_back(item);
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop_front()
    }
}

/// Last in, first out.
pub struct Lifo<T>(Vec<T>);

impl<T> Order for Lifo<T> {}

impl<T> Keep for Lifo<T> {
    type Item = T;

    fn empty() -> Self {
        Lifo(Vec::new())
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn place(&self, _: &T) -> usize {
        self.0.len()
    }

    fn push(&mut self, item: T, _: usize) {
        self.0.push(item);
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }
}

/// Smallest first; equal items in the order in which they came.
///
/// A binary heap that makes all its comparisons before it moves anything, since comparisons are
/// the user's code: a panic in one of them leaves every item where it was. (`BinaryHeap` would be
/// left in an unknown order, or with one item fewer.)
pub struct Smallest<T> {
    heap: Vec<Entry<T>>,
    next_serial: u64,
}

struct Entry<T> {
    item: T,
    serial: u64,
}

/// A heap of `usize::MAX` items has no more levels than this.
const LEVELS_MAX: usize = usize::BITS as usize;

impl<T: Ord> Order for Smallest<T> {}

impl<T: Ord> Keep for Smallest<T> {
    type Item = T;

    fn empty() -> Self {
        Smallest { heap: Vec::new(), next_serial: 0 }
    }

    fn len(&self) -> usize {
        self.heap.len()
    }

    fn place(&self, item: &T) -> usize {
        let mut place = self.heap.len();
        while place > 0 {
            let parent = (place - 1) / 2;
            // The new item came last, so an equal one stays in front of it.
            if item.cmp(&self.heap[parent].item).is_ge() {
                break;
            }
            place = parent;
        }
        place
    }

    fn push(&mut self, item: T, place: usize) {
        let mut hole = self.heap.len();
        self.heap.push(Entry { item, serial: self.next_serial });
        self.next_serial += 1;
        while hole > place {
            let parent = (hole - 1) / 2;
            self.heap.swap(hole, parent);
            hole = parent;
        }
    }

    fn pop(&mut self) -> Option<T> {
        let (path, depth) = self.path_of_last()?;
        let mut hole = 0;
        let last = self.heap.len() - 1;
        self.heap.swap(hole, last);
        let smallest = self.heap.pop();
        for &child in &path[..depth] {
            self.heap.swap(hole, child);
            hole = child;
        }
        smallest.map(|entry| entry.item)
    }
}

impl<T: Ord> Smallest<T> {
    /// The way that the last item will sink when it takes the place of the first.
    fn path_of_last(&self) -> Option<([usize; LEVELS_MAX], usize)> {
        let (last, rest) = self.heap.split_last()?;
        let mut path = [0; LEVELS_MAX];
        let mut depth = 0;
        let mut hole = 0;
        loop {
            let left = 2 * hole + 1;
            let Some(entry) = rest.get(left) else { break };
            let smaller = match rest.get(left + 1) {
                Some(right) if right.is_before(entry) => left + 1,
                _ => left,
            };
            if last.is_before(&rest[smaller]) {
                break;
            }
            path[depth] = smaller;
            depth += 1;
            hole = smaller;
        }
        Some((path, depth))
    }
}

impl<T: Ord> Entry<T> {
    fn is_before(&self, other: &Self) -> bool {
        self.item.cmp(&other.item).then(self.serial.cmp(&other.serial)).is_lt()
    }
}

impl<T> fmt::Debug for Fifo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fifo").field("len", &self.0.len()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Lifo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lifo").field("len", &self.0.len()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Smallest<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smallest").field("len", &self.heap.len()).finish_non_exhaustive()
    }
}
