//! Random orders of everything: waiting, polling at the wrong time, giving up, serving.
//!
//! Whatever the order, what was put in is what comes out, and when nobody is woken any more nobody
//! who waits could go on.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use crate::sync::mpsc::channel;
use crate::sync::queue::Order;
use crate::sync::testing::{Crowd, for_each_seed};
use crate::sync::{
    Condvar, Event, LifoQueue, Mutex, Notify, PriorityQueue, Queue, RwLock, Semaphore,
};

const SEEDS: u64 = 60;
const STEPS: usize = if cfg!(miri) { 60 } else { 300 };

// tokio: the loom tests of tokio/src/sync/tests. trio: test_sync.py test_generic_lock_*.
// asyncio: test_locks.py and test_queues.py, races of cancel and release.

#[test]
fn permits_are_conserved() {
    for_each_seed(SEEDS, |rng| {
        let total = rng.usize(1..6);
        let semaphore = Semaphore::new(total);
        let mut crowd = Crowd::new();
        let mut held = Vec::new();
        for _ in 0..STEPS {
            let taken = match rng.u32(..8) {
                0..2 => crowd.start(semaphore.acquire_many(rng.u32(..=total as u32))),
                2 => crowd.poll_one(rng),
                3 => crowd.poll_woken(),
                4 => semaphore.try_acquire().ok().map(Ok),
                5 => {
                    crowd.cancel_one(rng);
                    None
                }
                _ if held.is_empty() => None,
                _ => {
                    drop(held.swap_remove(rng.usize(..held.len())));
                    None
                }
            };
            held.extend(taken.map(Result::unwrap));
            let out: usize = held.iter().map(|permit| permit.num_permits()).sum();
            assert!(out + semaphore.available_permits() <= total);
        }
        while crowd.len() > 0 {
            while let Some(permit) = crowd.poll_woken() {
                held.push(permit.unwrap());
            }
            crowd.assert_nobody_sleeps_in();
            held.pop();
        }
        held.clear();
        assert_eq!(semaphore.available_permits(), total);
    });
}

#[test]
fn a_mutex_is_held_by_one_and_goes_to_the_next() {
    for_each_seed(SEEDS, |rng| {
        let mutex = Mutex::new(());
        let mut crowd = Crowd::new();
        let mut held = None;
        for _ in 0..STEPS {
            let locked = match rng.u32(..6) {
                0..2 => crowd.start(mutex.lock()),
                2 => crowd.poll_one(rng),
                3 => mutex.try_lock().ok(),
                4 => {
                    crowd.cancel_one(rng);
                    None
                }
                _ => {
                    held = None;
                    crowd.poll_woken()
                }
            };
            assert!(locked.is_none() || held.is_none(), "two have the lock");
            held = locked.or(held);
        }
        drop(held);
        while crowd.len() > 0 {
            let guard = crowd.poll_woken().expect("the lock is free and somebody waits");
            crowd.assert_nobody_sleeps_in();
            drop(guard);
        }
        assert!(mutex.try_lock().is_ok());
    });
}

#[test]
fn readers_and_writers_exclude_each_other() {
    enum Guard<'a> {
        Read(#[expect(dead_code, reason = "it is held")] crate::sync::RwLockReadGuard<'a, ()>),
        Write(crate::sync::RwLockWriteGuard<'a, ()>),
    }
    for_each_seed(SEEDS, |rng| {
        let lock = RwLock::new(());
        let mut crowd = Crowd::new();
        let mut held: Vec<Guard<'_>> = Vec::new();
        for _ in 0..STEPS {
            let locked = match rng.u32(..8) {
                0 | 1 => crowd.start(async { Guard::Read(lock.read().await) }),
                2 => crowd.start(async { Guard::Write(lock.write().await) }),
                3 => crowd.poll_one(rng),
                4 => crowd.poll_woken(),
                5 => {
                    crowd.cancel_one(rng);
                    None
                }
                _ => match held.pop() {
                    Some(Guard::Write(guard)) if rng.bool() => Some(Guard::Read(guard.downgrade())),
                    _ => None,
                },
            };
            held.extend(locked);
            let writers = held.iter().filter(|guard| matches!(guard, Guard::Write(_))).count();
            assert!(writers == 0 || held.len() == 1, "a writer is not alone");
        }
        while crowd.len() > 0 {
            while let Some(guard) = crowd.poll_woken() {
                held.push(guard);
            }
            crowd.assert_nobody_sleeps_in();
            held.pop();
        }
        held.clear();
        assert!(lock.try_write().is_ok());
    });
}

#[test]
fn each_notification_is_used_once_or_kept() {
    for_each_seed(SEEDS, |rng| {
        let notify = Notify::new();
        let mut crowd = Crowd::new();
        // Sent to one, and not lost because one was kept already.
        let (mut sent, mut used) = (0, 0);
        for _ in 0..STEPS {
            let woken = match rng.u32(..6) {
                0..2 => crowd.start(notify.notified()),
                2 => crowd.poll_one(rng),
                3 => {
                    crowd.cancel_one(rng);
                    None
                }
                4 => crowd.poll_woken(),
                _ => {
                    let is_kept = format!("{notify:?}").contains("stored: true");
                    notify.notify_one();
                    sent += usize::from(!is_kept);
                    None
                }
            };
            used += woken.iter().count();
        }
        while crowd.poll_woken().is_some() {
            used += 1;
        }
        crowd.assert_nobody_sleeps_in();
        drop(crowd);
        let kept = usize::from(format!("{notify:?}").contains("stored: true"));
        // A grant handed back while another is kept adds nothing: two become one.
        assert!(used + kept <= sent, "{used} used and {kept} kept of {sent}");
    });
}

#[test]
fn an_event_lets_nobody_sleep_who_was_there_when_it_was_set() {
    for_each_seed(SEEDS, |rng| {
        let event = Event::new();
        let mut crowd = Crowd::new();
        for _ in 0..STEPS {
            match rng.u32(..6) {
                0..3 => assert!(crowd.start(event.wait()).is_none() || event.is_set()),
                3 => drop(crowd.poll_one(rng)),
                4 => crowd.cancel_one(rng),
                _ => {
                    let waiting = crowd.len();
                    event.set();
                    event.clear();
                    let passed = std::iter::from_fn(|| crowd.poll_woken()).count();
                    assert_eq!(passed, waiting);
                }
            }
        }
    });
}

#[test]
fn a_condvar_guards_a_counter_like_a_semaphore() {
    for_each_seed(SEEDS, |rng| {
        let (condvar, mutex) = (Condvar::new(), Mutex::new(0_u32));
        let mut crowd = Crowd::new();
        let (mut added, mut taken) = (0, 0);
        for _ in 0..STEPS {
            let done = match rng.u32(..6) {
                0..2 => crowd.start(async {
                    let count = mutex.lock().await;
                    *condvar.wait_while(count, |count| *count == 0).await -= 1;
                }),
                2 => crowd.poll_one(rng),
                3 => {
                    crowd.cancel_one(rng);
                    None
                }
                4 => crowd.poll_woken(),
                _ => {
                    if let Ok(mut count) = mutex.try_lock() {
                        *count += 1;
                        added += 1;
                        condvar.notify_one();
                    }
                    None
                }
            };
            taken += done.iter().count();
        }
        while crowd.poll_woken().is_some() {
            taken += 1;
        }
        let left = *mutex.try_lock().expect("nobody is woken, so nobody locks") as usize;
        assert_eq!(taken + left, added);
        assert!(left == 0 || crowd.len() == 0, "{left} are left and {} wait", crowd.len());
    });
}

/// Puts the numbers from zero and gets them; `expected` says what a get must give when the queue
/// holds so many.
fn conserve_items<O: Order<Item = usize>>(
    queue: impl Fn(usize) -> crate::sync::queue::OrderedQueue<O>,
    expected: impl Fn(&mut VecDeque<usize>) -> Option<usize>,
) {
    for_each_seed(SEEDS, |rng| {
        let queue = queue(rng.usize(1..5));
        let inside = RefCell::new(VecDeque::new());
        let next = Cell::new(0);
        let put = |item| {
            let (queue, inside) = (&queue, &inside);
            async move {
                // Noted when it is in the queue, before anything else can run.
                queue.put(item).await.is_ok().then(|| inside.borrow_mut().push_back(item));
            }
        };
        let mut putters = Crowd::new();
        let mut getters = Crowd::new();
        for _ in 0..STEPS {
            let got = match rng.u32(..9) {
                0..2 => {
                    next.set(next.get() + 1);
                    putters.start(put(next.get()));
                    None
                }
                2..4 => getters.start(queue.get()),
                4 => {
                    putters.poll_one(rng);
                    getters.poll_one(rng)
                }
                5 => {
                    putters.cancel_one(rng);
                    None
                }
                6 => {
                    getters.cancel_one(rng);
                    None
                }
                7 => queue.try_get().ok().map(Ok),
                _ => {
                    putters.poll_woken();
                    getters.poll_woken()
                }
            };
            if let Some(item) = got {
                assert_eq!(item.ok(), expected(&mut inside.borrow_mut()));
            }
            assert_eq!(queue.len(), inside.borrow().len());
            assert!(queue.capacity().is_none_or(|capacity| queue.len() <= capacity));
        }
        loop {
            while putters.poll_woken().is_some() {}
            let Some(item) = getters.poll_woken() else { break };
            assert_eq!(item.ok(), expected(&mut inside.borrow_mut()));
        }
        putters.assert_nobody_sleeps_in();
        getters.assert_nobody_sleeps_in();
        assert!(getters.len() == 0 || queue.is_empty());
        queue.close();
        while putters.poll_woken().is_some() {}
        while let Some(item) = getters.poll_woken() {
            assert_eq!(item.ok(), None, "only getters of an empty queue can be waiting");
        }
        assert_eq!((putters.len(), getters.len()), (0, 0), "somebody waits on a closed queue");
        while let Ok(item) = queue.try_get() {
            assert_eq!(Some(item), expected(&mut inside.borrow_mut()));
        }
        assert!(inside.borrow().is_empty());
    });
}

#[test]
fn a_queue_neither_loses_nor_doubles_items() {
    conserve_items(Queue::bounded, VecDeque::pop_front);
    conserve_items(|_| Queue::unbounded(), VecDeque::pop_front);
}

#[test]
fn a_lifo_queue_neither_loses_nor_doubles_items() {
    conserve_items(LifoQueue::bounded, VecDeque::pop_back);
}

#[test]
fn a_priority_queue_neither_loses_nor_doubles_items() {
    conserve_items(PriorityQueue::bounded, |inside| {
        let smallest = *inside.iter().min()?;
        inside.retain(|&item| item != smallest);
        Some(smallest)
    });
}

#[test]
fn a_channel_neither_loses_nor_doubles_messages() {
    for_each_seed(SEEDS, |rng| {
        let (sender, mut receiver) = channel(rng.usize(1..4));
        let inside = RefCell::new(VecDeque::new());
        let send = |message| {
            let (sender, inside) = (&sender, &inside);
            async move {
                sender.send(message).await.is_ok().then(|| inside.borrow_mut().push_back(message));
            }
        };
        let reserve = |message| {
            let (sender, inside) = (&sender, &inside);
            async move {
                sender.reserve().await.unwrap().send(message);
                inside.borrow_mut().push_back(message);
            }
        };
        let mut senders = Crowd::new();
        for message in 0..STEPS {
            match rng.u32(..8) {
                0 | 1 => drop(senders.start(send(message))),
                2 => drop(senders.start(reserve(message))),
                3 => drop(senders.poll_one(rng)),
                4 => senders.cancel_one(rng),
                5 => {
                    let mut buf = Vec::new();
                    let received =
                        Crowd::new().start(receiver.recv_many(&mut buf, rng.usize(1..4)));
                    assert_eq!(received.unwrap_or(0), buf.len());
                    let expected: Vec<_> = inside.borrow_mut().drain(..buf.len()).collect();
                    assert_eq!(buf, expected);
                }
                6 => assert_eq!(receiver.try_recv().ok(), inside.borrow_mut().pop_front()),
                _ => drop(senders.poll_woken()),
            }
            assert_eq!(receiver.len(), inside.borrow().len());
        }
        while senders.poll_woken().is_some() {}
        senders.assert_nobody_sleeps_in();
        drop(senders);
        while let Ok(message) = receiver.try_recv() {
            assert_eq!(Some(message), inside.borrow_mut().pop_front());
        }
        assert!(inside.borrow().is_empty());
        assert_eq!(sender.capacity(), sender.max_capacity(), "room was lost");
    });
}
