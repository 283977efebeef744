//! Queues in other orders than first in, first out.

use std::cell::Cell;
use std::cmp::{Ordering, Reverse};
use std::rc::Rc;

use crate::sync::testing::{Probe, for_each_seed, panic_of, ready, rounds};
use crate::sync::{LifoQueue, PriorityQueue};

// asyncio: test_queues.py LifoQueueTests, PriorityQueueTests.

#[test]
fn a_lifo_queue_gives_the_youngest_first() {
    let queue = LifoQueue::bounded(3);
    for item in [1, 3, 2] {
        ready(queue.put(item)).unwrap();
    }
    assert!(queue.is_full());
    assert_eq!([0; 3].map(|_| queue.try_get().unwrap()), [2, 3, 1]);
    let mut getter = Probe::waiting(queue.get());
    queue.try_put(4).unwrap();
    assert_eq!(getter.assert_woken(), Ok(4));
}

#[test]
fn a_priority_queue_gives_the_smallest_first() {
    let queue = PriorityQueue::unbounded();
    for item in [3, 1, 2] {
        ready(queue.put(item)).unwrap();
    }
    assert_eq!([0; 3].map(|_| ready(queue.get()).unwrap()), [1, 2, 3]);
    let largest_first = PriorityQueue::unbounded();
    for item in [3, 1, 2] {
        largest_first.try_put(Reverse(item)).unwrap();
    }
    assert_eq!([0; 3].map(|_| largest_first.try_get().unwrap().0), [3, 2, 1]);
}

#[test]
fn a_waiter_gets_what_is_first_when_it_comes_for_it() {
    let queue = PriorityQueue::unbounded();
    let mut getter = Probe::waiting(queue.get());
    queue.try_put(5).unwrap();
    queue.try_put(1).unwrap();
    assert_eq!(getter.assert_woken(), Ok(1));
    assert_eq!(queue.try_get(), Ok(5));
}

/// Is ordered by its first field alone.
#[derive(Debug)]
struct Job(u8, u32);

impl PartialEq for Job {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Job {}

impl PartialOrd for Job {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Job {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

#[test]
fn equal_items_come_out_in_the_order_in_which_they_went_in() {
    for_each_seed(100, |rng| {
        let queue = PriorityQueue::unbounded();
        let mut model = Vec::new();
        for serial in 0..rounds(200) as u32 {
            if rng.u32(..3) == 0 {
                let first = (0..model.len()).min_by_key(|&index| model[index]);
                let expected = first.map(|index| model.remove(index));
                let got = queue.try_get().ok().map(|Job(priority, serial)| (priority, serial));
                assert_eq!(got, expected);
            } else {
                let priority = rng.u8(..6);
                queue.try_put(Job(priority, serial)).unwrap();
                model.push((priority, serial));
            }
        }
        model.sort();
        for expected in model {
            let Job(priority, serial) = queue.try_get().unwrap();
            assert_eq!((priority, serial), expected);
        }
    });
}

/// Panics when it is compared, while `armed`.
struct Moody {
    value: u32,
    armed: Rc<Cell<u32>>,
}

impl PartialEq for Moody {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Moody {}

impl PartialOrd for Moody {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Moody {
    fn cmp(&self, other: &Self) -> Ordering {
        match self.armed.get() {
            0 => {}
            1 => {
                self.armed.set(0);
                panic!("no comparison today");
            }
            left => self.armed.set(left - 1),
        }
        self.value.cmp(&other.value)
    }
}

#[test]
fn a_panic_in_a_comparison_leaves_every_item_in_place() {
    // The comparison that panics is the first, the second, … of a put and of a get.
    for armed_for in 1..6 {
        let armed = Rc::new(Cell::new(0));
        let moody = |value| Moody { value, armed: Rc::clone(&armed) };
        let queue = PriorityQueue::bounded(20);
        for value in (5..20).rev() {
            queue.try_put(moody(value)).unwrap_or_else(|_| panic!("there is room"));
        }
        armed.set(armed_for);
        let put = std::panic::AssertUnwindSafe(|| queue.try_put(moody(1)).is_ok());
        let was_put = std::panic::catch_unwind(put).is_ok();
        armed.set(armed_for);
        let got = std::panic::AssertUnwindSafe(|| queue.try_get().ok().map(|item| item.value));
        let got = std::panic::catch_unwind(got).ok().flatten();
        armed.set(0);
        let mut values: Vec<_> =
            std::iter::from_fn(|| queue.try_get().ok()).map(|item| item.value).collect();
        assert!(values.is_sorted(), "{values:?}");
        values.extend(got);
        values.sort_unstable();
        let expected: Vec<_> = was_put.then_some(1).into_iter().chain(5..20).collect();
        assert_eq!(values, expected, "panic at comparison {armed_for}");
    }
}

#[test]
fn a_waiter_whose_comparison_panics_passes_its_grant_on() {
    let armed = Rc::new(Cell::new(0));
    let moody = |value| Moody { value, armed: Rc::clone(&armed) };
    let queue = PriorityQueue::bounded(3);
    let mut unlucky = Probe::waiting(queue.get());
    let mut next = Probe::waiting(queue.get());
    for value in [3, 1, 2] {
        assert!(queue.try_put(moody(value)).is_ok());
    }
    let mut putter = Probe::waiting(queue.put(moody(0)));
    armed.set(1);
    assert!(panic_of(|| unlucky.poll()).contains("no comparison"));
    drop(unlucky);
    assert_eq!(next.assert_woken().unwrap().value, 1);
    armed.set(1);
    assert!(panic_of(|| putter.poll()).contains("no comparison"));
    drop(putter);
    assert!(queue.try_put(moody(9)).is_ok(), "the room of the put that panicked is free");
    assert_eq!(queue.len(), 3);
}
