//! Condition variables.

use std::cell::RefCell;

use crate::sync::testing::{Probe, at_every_await_point, poll_times, ready};
use crate::sync::{Condvar, Mutex};

async fn wait_once(condvar: &Condvar, mutex: &Mutex<Vec<u32>>, name: u32) {
    let guard = mutex.lock().await;
    condvar.wait(guard).await.push(name);
}

// asyncio: test_locks.py ConditionTests. trio: test_sync.py test_Condition.

#[test]
fn waiting_unlocks_and_locks_again() {
    let (condvar, mutex) = (Condvar::new(), Mutex::new(Vec::new()));
    let mut waiting = Probe::waiting(wait_once(&condvar, &mutex, 1));
    let guard = mutex.try_lock().expect("a waiter does not hold the lock");
    condvar.notify_one();
    assert!(waiting.is_woken());
    waiting.assert_pending();
    drop(guard);
    waiting.assert_woken();
    assert_eq!(*mutex.try_lock().unwrap(), [1]);
}

#[test]
fn one_notification_wakes_the_one_that_waited_longest() {
    let (condvar, mutex) = (Condvar::new(), Mutex::new(Vec::new()));
    let mut waiters: Vec<_> =
        (0..3).map(|name| Probe::waiting(wait_once(&condvar, &mutex, name))).collect();
    for waiter in &mut waiters {
        condvar.notify_one();
        waiter.assert_woken();
    }
    assert_eq!(*mutex.try_lock().unwrap(), [0, 1, 2]);
}

#[test]
fn notifying_all_wakes_all_who_then_take_turns() {
    let (condvar, mutex) = (Condvar::new(), Mutex::new(Vec::new()));
    let mut waiters: Vec<_> =
        (0..3).map(|name| Probe::waiting(wait_once(&condvar, &mutex, name))).collect();
    condvar.notify_all();
    waiters.iter_mut().for_each(Probe::assert_woken);
    assert_eq!(*mutex.try_lock().unwrap(), [0, 1, 2]);
}

#[test]
fn a_notification_with_nobody_there_is_not_kept() {
    let (condvar, mutex) = (Condvar::new(), Mutex::new(Vec::new()));
    condvar.notify_one();
    condvar.notify_all();
    Probe::waiting(wait_once(&condvar, &mutex, 1));
}

#[test]
fn a_notification_sent_as_soon_as_the_lock_is_free_is_not_missed() {
    let (condvar, mutex) = (Condvar::new(), Mutex::new(()));
    let guard = ready(mutex.lock());
    let mut notifier = Probe::waiting(async {
        let _guard = mutex.lock().await;
        condvar.notify_one();
    });
    let mut waiting = Probe::waiting(condvar.wait(guard));
    notifier.assert_woken();
    drop(waiting.assert_woken());
}

#[test]
fn a_cancelled_wait_passes_its_notification_on() {
    let (condvar, mutex) = (Condvar::new(), Mutex::new(Vec::new()));
    let first = Probe::waiting(wait_once(&condvar, &mutex, 1));
    let mut second = Probe::waiting(wait_once(&condvar, &mutex, 2));
    condvar.notify_one();
    assert!(!second.is_woken());
    drop(first);
    second.assert_woken();
}

#[test]
fn a_notification_is_passed_on_as_often_as_it_is_not_used() {
    let (condvar, mutex) = (Condvar::new(), Mutex::new(Vec::new()));
    let waiters = [1, 2].map(|name| Probe::waiting(wait_once(&condvar, &mutex, name)));
    let mut last = Probe::waiting(wait_once(&condvar, &mutex, 3));
    condvar.notify_one();
    drop(waiters);
    last.assert_woken();
}

#[test]
fn a_wait_cancelled_while_it_locks_again_passes_its_notification_on() {
    let (condvar, mutex) = (Condvar::new(), Mutex::new(Vec::new()));
    let mut first = Probe::waiting(wait_once(&condvar, &mutex, 1));
    let mut second = Probe::waiting(wait_once(&condvar, &mutex, 2));
    let guard = mutex.try_lock().unwrap();
    condvar.notify_one();
    first.assert_pending();
    drop(first);
    assert!(second.is_woken());
    second.assert_pending();
    drop(guard);
    second.assert_woken();
}

#[test]
fn a_wait_cancelled_after_notify_all_passes_nothing_on() {
    let (condvar, mutex) = (Condvar::new(), Mutex::new(Vec::new()));
    let first = Probe::waiting(wait_once(&condvar, &mutex, 1));
    condvar.notify_all();
    let mut late = Probe::waiting(wait_once(&condvar, &mutex, 2));
    drop(first);
    late.assert_pending();
}

#[test]
fn a_finished_wait_has_used_its_notification() {
    let (condvar, mutex) = (Condvar::new(), Mutex::new(Vec::new()));
    let mut first = Probe::waiting(wait_once(&condvar, &mutex, 1));
    let mut second = Probe::waiting(wait_once(&condvar, &mutex, 2));
    condvar.notify_one();
    first.assert_woken();
    drop(first);
    second.assert_pending();
    assert_eq!(format!("{condvar:?}"), "Condvar { waiting: 1 }");
}

#[test]
fn wait_while_waits_for_as_long_as_the_condition_holds() {
    let (condvar, mutex) = (Condvar::new(), Mutex::new(3));
    let mut waiting = Probe::waiting(async {
        let guard = mutex.lock().await;
        *condvar.wait_while(guard, |value| *value > 0).await
    });
    for left in [2, 1] {
        *mutex.try_lock().unwrap() = left;
        condvar.notify_one();
        assert!(waiting.is_woken());
        waiting.assert_pending();
    }
    *mutex.try_lock().unwrap() = 0;
    condvar.notify_one();
    assert_eq!(waiting.assert_woken(), 0);
}

#[test]
fn wait_while_does_not_wait_for_what_is_so_already() {
    let (condvar, mutex) = (Condvar::new(), Mutex::new(0));
    let guard = ready(mutex.lock());
    assert_eq!(*ready(condvar.wait_while(guard, |value| *value > 0)), 0);
}

#[test]
fn dropped_at_any_await_point_it_frees_the_lock_and_loses_no_notification() {
    at_every_await_point(|polls| {
        let (condvar, mutex) = (Condvar::new(), Mutex::new(Vec::new()));
        let held = RefCell::new(Some(ready(mutex.lock())));
        let mut subject = Probe::new(wait_once(&condvar, &mutex, 1));
        let mut other = Probe::new(wait_once(&condvar, &mutex, 2));
        let mut notified = false;
        // Lets go of the lock; has the other one wait too, and notifies one; locks; lets go.
        let waits = poll_times(&mut subject, polls, |poll| match poll {
            0 => drop(held.take()),
            1 => {
                other.assert_pending();
                condvar.notify_one();
                notified = true;
                held.replace(mutex.try_lock().ok());
            }
            _ => drop(held.take()),
        });
        drop(subject);
        drop(held.take());
        if waits && notified {
            other.assert_woken();
        }
        assert!(mutex.try_lock().is_ok(), "locked for good after {polls} polls");
        waits
    });
}
