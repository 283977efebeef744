//! Queues: waiting, leaving, working off and closing.

use std::rc::Rc;

use crate::sync::Queue;
use crate::sync::queue::{PutError, TryGetError, TryPutError};
use crate::sync::testing::{Probe, at_every_await_point, panic_of, poll_times, ready, rounds};

// asyncio: test_queues.py QueueBasicTests, QueuePutTests, QueueGetTests.

#[test]
fn items_come_out_in_the_order_in_which_they_went_in() {
    let queue = Queue::unbounded();
    for item in 0..3 {
        assert_eq!(ready(queue.put(item)), Ok(()));
    }
    assert_eq!(queue.len(), 3);
    let items = [0; 3].map(|_| ready(queue.get()).unwrap());
    assert_eq!(items, [0, 1, 2]);
    assert!(queue.is_empty());
}

#[test]
fn a_full_queue_holds_back_those_who_put() {
    let queue = Queue::bounded(2);
    assert_eq!((queue.capacity(), queue.is_full()), (Some(2), false));
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    assert!(queue.is_full());
    assert_eq!(queue.try_put(3), Err(TryPutError::Full(3)));
    let mut putter = Probe::waiting(queue.put(3));
    assert_eq!(queue.try_get(), Ok(1));
    assert_eq!(putter.assert_woken(), Ok(()));
    assert_eq!((queue.try_get(), queue.try_get()), (Ok(2), Ok(3)));
    assert_eq!(queue.try_get(), Err(TryGetError::Empty));
}

#[test]
fn an_unbounded_queue_is_never_full() {
    let queue = Queue::unbounded();
    for item in 0..rounds(1000) {
        queue.try_put(item).unwrap();
    }
    assert_eq!((queue.capacity(), queue.is_full(), queue.len()), (None, false, rounds(1000)));
}

#[test]
fn a_bound_of_zero_is_refused() {
    assert!(panic_of(|| Queue::<u8>::bounded(0)).contains("one item at least"));
}

#[test]
fn an_empty_queue_holds_back_those_who_get() {
    let queue = Queue::bounded(1);
    let mut getters = [0; 2].map(|_| Probe::waiting(queue.get()));
    queue.try_put(1).unwrap();
    assert!(!getters[1].is_woken());
    assert_eq!(getters[0].assert_woken(), Ok(1));
    queue.try_put(2).unwrap();
    assert_eq!(getters[1].assert_woken(), Ok(2));
}

#[test]
fn an_item_that_is_promised_cannot_be_snatched() {
    let queue = Queue::bounded(1);
    let mut getter = Probe::waiting(queue.get());
    queue.try_put(1).unwrap();
    assert_eq!(queue.len(), 1);
    assert_eq!(queue.try_get(), Err(TryGetError::Empty));
    let mut late = Probe::waiting(queue.get());
    assert_eq!(getter.assert_woken(), Ok(1));
    late.assert_pending();
}

#[test]
fn room_that_is_promised_cannot_be_snatched() {
    let queue = Queue::bounded(1);
    queue.try_put(1).unwrap();
    let mut putter = Probe::waiting(queue.put(2));
    assert_eq!(queue.try_get(), Ok(1));
    assert!(queue.is_full());
    assert_eq!(queue.try_put(3), Err(TryPutError::Full(3)));
    assert_eq!(putter.assert_woken(), Ok(()));
    assert_eq!(queue.try_get(), Ok(2));
}

#[test]
fn those_who_wait_to_put_take_turns() {
    let queue = Queue::bounded(1);
    queue.try_put(0).unwrap();
    let mut putters: Vec<_> = (1..4).map(|item| Probe::waiting(queue.put(item))).collect();
    for (item, putter) in putters.iter_mut().enumerate() {
        assert_eq!(queue.try_get(), Ok(item));
        assert_eq!(putter.assert_woken(), Ok(()));
    }
    assert_eq!(queue.try_get(), Ok(3));
}

#[test]
fn a_cancelled_getter_leaves_its_item_to_the_next() {
    let queue = Queue::unbounded();
    let first = Probe::waiting(queue.get());
    let mut second = Probe::waiting(queue.get());
    queue.try_put(1).unwrap();
    drop(first);
    assert_eq!(second.assert_woken(), Ok(1));
    let alone = Probe::waiting(queue.get());
    queue.try_put(2).unwrap();
    drop(alone);
    assert_eq!(queue.try_get(), Ok(2));
}

#[test]
fn a_cancelled_putter_leaves_its_room_to_the_next() {
    let queue = Queue::bounded(1);
    queue.try_put(0).unwrap();
    let first = Probe::waiting(queue.put(1));
    let mut second = Probe::waiting(queue.put(2));
    assert_eq!(queue.try_get(), Ok(0));
    drop(first);
    assert_eq!(second.assert_woken(), Ok(()));
    assert_eq!(queue.try_get(), Ok(2));
    queue.try_put(3).unwrap();
    let alone = Probe::waiting(queue.put(4));
    assert_eq!(queue.try_get(), Ok(3));
    drop(alone);
    assert_eq!(queue.try_put(5), Ok(()));
}

#[test]
fn who_gives_up_before_a_grant_is_skipped() {
    let queue = Queue::bounded(1);
    let mut getters: Vec<_> = (0..3).map(|_| Probe::waiting(queue.get())).collect();
    drop(getters.remove(1));
    queue.try_put(1).unwrap();
    assert_eq!(getters[0].assert_woken(), Ok(1));
    queue.try_put(2).unwrap();
    assert_eq!(getters[1].assert_woken(), Ok(2));
}

#[test]
fn a_dropped_put_drops_its_item() {
    let queue = Queue::bounded(1);
    let item = Rc::new(());
    queue.try_put(Rc::clone(&item)).unwrap();
    drop(Probe::waiting(queue.put(Rc::clone(&item))));
    assert_eq!(Rc::strong_count(&item), 2);
    drop(queue);
    assert_eq!(Rc::strong_count(&item), 1);
}

// asyncio: test_queues.py QueueJoinTestsMixin.

#[test]
fn joining_a_queue_without_work_is_ready_at_once() {
    ready(Queue::<u8>::unbounded().join());
}

#[test]
fn joining_waits_until_all_work_is_done() {
    let queue = Queue::unbounded();
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    let mut joiners = [0; 2].map(|_| Probe::waiting(queue.join()));
    drop(Probe::waiting(queue.join()));
    queue.try_get().unwrap();
    queue.task_done();
    queue.try_get().unwrap();
    joiners.iter_mut().for_each(Probe::assert_pending);
    queue.task_done();
    queue.try_put(3).unwrap();
    joiners.iter_mut().for_each(Probe::assert_woken);
    Probe::waiting(queue.join());
}

#[test]
fn more_done_than_put_is_a_bug_that_is_told() {
    let queue = Queue::unbounded();
    queue.try_put(1).unwrap();
    queue.task_done();
    assert!(panic_of(|| queue.task_done()).contains("more often"));
    queue.try_put(2).unwrap();
    queue.task_done();
}

// asyncio: test_queues.py QueueShutdownTests.

#[test]
fn a_closed_queue_gives_back_what_is_put() {
    let queue = Queue::bounded(1);
    queue.try_put(1).unwrap();
    let mut putter = Probe::waiting(queue.put(2));
    queue.close();
    assert!(queue.is_closed());
    assert_eq!(putter.assert_woken(), Err(PutError(2)));
    assert_eq!(ready(queue.put(3)).unwrap_err().into_inner(), 3);
    assert_eq!(queue.try_put(4).unwrap_err(), TryPutError::Closed(4));
    assert_eq!(queue.try_put(5).unwrap_err().into_inner(), 5);
}

#[test]
fn a_closed_queue_is_drained_and_then_ends() {
    let queue = Queue::unbounded();
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    queue.close();
    assert_eq!(ready(queue.get()), Ok(1));
    assert_eq!(queue.try_get(), Ok(2));
    assert!(ready(queue.get()).is_err());
    assert_eq!(queue.try_get(), Err(TryGetError::Closed));
}

#[test]
fn closing_ends_those_who_wait_for_an_item() {
    let queue = Queue::<u8>::unbounded();
    let mut getters = [0; 2].map(|_| Probe::waiting(queue.get()));
    queue.close();
    for getter in &mut getters {
        assert!(getter.assert_woken().is_err());
    }
}

#[test]
fn an_item_promised_before_the_close_is_got() {
    let queue = Queue::unbounded();
    let mut getter = Probe::waiting(queue.get());
    queue.try_put(1).unwrap();
    queue.close();
    assert_eq!(getter.assert_woken(), Ok(1));
}

#[test]
fn a_promised_item_that_comes_back_after_the_close_is_not_lost() {
    let queue = Queue::unbounded();
    let getter = Probe::waiting(queue.get());
    queue.try_put(1).unwrap();
    queue.close();
    assert_eq!(queue.try_get(), Err(TryGetError::Empty), "it may come back");
    let mut late = Probe::waiting(queue.get());
    let mut later = Probe::waiting(queue.get());
    drop(getter);
    assert_eq!(late.assert_woken(), Ok(1));
    assert!(later.assert_woken().is_err());
}

#[test]
fn room_promised_before_the_close_is_refused_after_it() {
    let queue = Queue::bounded(1);
    queue.try_put(1).unwrap();
    let mut putter = Probe::waiting(queue.put(2));
    queue.try_get().unwrap();
    queue.close();
    assert_eq!(putter.assert_woken(), Err(PutError(2)));
    assert_eq!(queue.try_get(), Err(TryGetError::Closed));
}

#[test]
fn closing_leaves_joining_to_the_work_that_is_left() {
    let queue = Queue::unbounded();
    queue.try_put(1).unwrap();
    queue.close();
    let mut joiner = Probe::waiting(queue.join());
    queue.try_get().unwrap();
    queue.task_done();
    joiner.assert_woken();
}

#[test]
fn dropped_at_any_await_point_a_getter_loses_nothing() {
    at_every_await_point(|polls| {
        let queue = Queue::bounded(2);
        let mut got = 0;
        let mut put = 0;
        let mut subject = Probe::new(async {
            for _ in 0..3 {
                queue.get().await.unwrap();
                got += 1;
            }
        });
        let waits = poll_times(&mut subject, polls, |_| {
            queue.try_put(0).unwrap();
            put += 1;
        });
        drop(subject);
        let left = std::iter::from_fn(|| queue.try_get().ok()).count();
        assert_eq!(got + left, put, "after {polls} polls");
        waits
    });
}

#[test]
fn dropped_at_any_await_point_a_putter_leaves_its_room() {
    at_every_await_point(|polls| {
        let queue = Queue::bounded(1);
        queue.try_put(0).unwrap();
        let mut subject = Probe::new(async {
            for item in 1..4 {
                queue.put(item).await.unwrap();
            }
        });
        let waits = poll_times(&mut subject, polls, |_| {
            queue.try_get().unwrap();
        });
        drop(subject);
        while queue.try_get().is_ok() {}
        assert_eq!(queue.try_put(9), Ok(()), "no room after {polls} polls");
        waits
    });
}

#[test]
fn debug_tells_the_state() {
    let queue = Queue::bounded(2);
    queue.try_put(1).unwrap();
    let text = format!("{queue:?}");
    assert!(text.contains("len: 1") && text.contains("capacity: Some(2)"), "{text}");
    assert_eq!(format!("{:?}", TryPutError::Full(1)), "Full(..)");
}
