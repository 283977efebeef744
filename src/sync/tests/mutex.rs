//! Mutexes.

use std::rc::Rc;

use crate::sync::testing::{Probe, at_every_await_point, panic_of, poll_times, ready};
use crate::sync::{Mutex, MutexGuard, OwnedMutexGuard};

// tokio: tests/sync_mutex.rs, tests/sync_mutex_owned.rs.

#[test]
fn the_guard_reads_and_writes_the_value() {
    let mutex = Mutex::new(1);
    {
        let mut guard = ready(mutex.lock());
        *guard += 1;
        assert_eq!(*guard, 2);
        assert!(std::ptr::eq(MutexGuard::mutex(&guard), &mutex));
    }
    assert_eq!(*ready(mutex.lock()), 2);
}

#[test]
fn a_second_lock_waits_for_the_first() {
    let mutex = Mutex::new(());
    let guard = ready(mutex.lock());
    assert!(mutex.try_lock().is_err());
    let mut second = Probe::waiting(mutex.lock());
    drop(guard);
    drop(second.assert_woken());
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn an_owned_guard_carries_the_value_and_brings_it_back() {
    let mutex = Rc::new(Mutex::new(String::from("a")));
    let mut guard = ready(Rc::clone(&mutex).lock_owned());
    guard.push('b');
    assert_eq!(*guard, "ab");
    assert!(Rc::ptr_eq(OwnedMutexGuard::mutex(&guard), &mutex));
    assert!(mutex.try_lock().is_err());
    assert!(Rc::clone(&mutex).try_lock_owned().is_err());
    drop(guard);
    assert_eq!(*mutex.try_lock().unwrap(), "ab");
    assert_eq!(*Rc::clone(&mutex).try_lock_owned().unwrap(), "ab");
}

#[test]
fn owned_and_borrowed_guards_share_one_line() {
    let mutex = Rc::new(Mutex::new(0));
    let guard = ready(Rc::clone(&mutex).lock_owned());
    let mut borrowed = Probe::waiting(mutex.lock());
    let mut owned = Probe::waiting(Rc::clone(&mutex).lock_owned());
    drop(guard);
    let mut guard = borrowed.assert_woken();
    *guard += 1;
    owned.assert_pending();
    drop(guard);
    assert_eq!(*owned.assert_woken(), 1);
}

#[test]
fn the_value_comes_out_of_a_mutex_that_nobody_shares() {
    let mut mutex = Mutex::from(1);
    *mutex.get_mut() += 1;
    *ready(mutex.lock()) += 1;
    assert_eq!(mutex.into_inner(), 3);
    assert_eq!(Mutex::<u8>::default().into_inner(), 0);
}

#[test]
fn a_leaked_guard_locks_for_good_and_keeps_the_value_reachable() {
    let mut mutex = Mutex::new(5);
    let _leaked = std::mem::ManuallyDrop::new(mutex.try_lock().unwrap());
    // The borrow of the leaked guard has ended, so the mutex is ours alone again.
    assert_eq!(*mutex.get_mut(), 5);
}

#[test]
fn debug_shows_the_value_or_that_it_is_locked() {
    let mutex = Rc::new(Mutex::new("value"));
    assert!(format!("{mutex:?}").contains("value"));
    let guard = mutex.try_lock().unwrap();
    assert!(format!("{mutex:?}").contains("<locked>"));
    assert_eq!((format!("{guard:?}"), format!("{guard}")), ("\"value\"".into(), "value".into()));
    drop(guard);
    let guard = Rc::clone(&mutex).try_lock_owned().unwrap();
    assert_eq!((format!("{guard:?}"), format!("{guard}")), ("\"value\"".into(), "value".into()));
    drop(guard);
    assert!(format!("{:?}", mutex.try_lock().map(drop)).contains("Ok"));
}

#[test]
fn a_panic_under_the_lock_unlocks() {
    let mutex = Rc::new(Mutex::new(0));
    let mut waiting = Probe::new(mutex.lock());
    panic_of(|| {
        let _guard = mutex.try_lock().unwrap();
        waiting.assert_pending();
        panic!("under the lock");
    });
    drop(waiting.assert_woken());
    let mut waiting = Probe::new(mutex.lock());
    panic_of(|| {
        let mut guard = Rc::clone(&mutex).try_lock_owned().unwrap();
        *guard = 7;
        waiting.assert_pending();
        panic!("under the owned lock");
    });
    assert_eq!(*waiting.assert_woken(), 7);
}

// asyncio: test_locks.py LockTests (cancellation, races of cancel and release).
// trio: test_sync.py test_generic_lock_exclusion, test_generic_lock_fifo_fairness.

#[test]
fn the_lock_goes_round_in_order() {
    let mutex = &Mutex::new(Vec::new());
    let guard = ready(mutex.lock());
    let mut waiters: Vec<_> = (0..4)
        .map(|name| {
            Probe::waiting(async move {
                mutex.lock().await.push(name);
                mutex.lock().await.push(name);
            })
        })
        .collect();
    drop(guard);
    for _ in 0..2 {
        for waiter in &mut waiters {
            assert!(waiter.is_woken());
            let _ = waiter.poll();
        }
    }
    assert_eq!(*mutex.try_lock().unwrap(), [0, 1, 2, 3, 0, 1, 2, 3]);
}

#[test]
fn an_unlocked_mutex_that_is_promised_cannot_be_snatched() {
    let mutex = Mutex::new(());
    let guard = ready(mutex.lock());
    let first = Probe::waiting(mutex.lock());
    drop(guard);
    assert!(mutex.try_lock().is_err());
    let mut late = Probe::waiting(mutex.lock());
    drop(first);
    drop(late.assert_woken());
}

#[test]
fn a_cancelled_waiter_is_skipped() {
    let mutex = Mutex::new(());
    let guard = ready(mutex.lock());
    let first = Probe::waiting(mutex.lock());
    let mut second = Probe::waiting(mutex.lock());
    drop(first);
    second.assert_pending();
    drop(guard);
    drop(second.assert_woken());
}

#[test]
fn dropped_at_any_await_point_it_leaves_the_mutex_unlocked() {
    at_every_await_point(|polls| {
        let mutex = Rc::new(Mutex::new(0));
        let mut held = Some(ready(Rc::clone(&mutex).lock_owned()));
        let mut subject = Probe::new(async {
            for _ in 0..2 {
                let mut guard = mutex.lock().await;
                *guard += 1;
                drop(guard);
                *Rc::clone(&mutex).lock_owned().await += 1;
            }
        });
        let waits = poll_times(&mut subject, polls, |_| {
            // Lets go, and gets in line behind whoever waits.
            drop(held.take());
            held = Rc::clone(&mutex).try_lock_owned().ok();
        });
        drop((subject, held));
        assert!(mutex.try_lock().is_ok(), "locked for good after {polls} polls");
        waits
    });
}
