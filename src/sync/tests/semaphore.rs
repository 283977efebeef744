//! Semaphores.

use std::rc::Rc;

use crate::sync::testing::{Probe, at_every_await_point, panic_of, poll_times, ready};
use crate::sync::{AcquireError, Semaphore, TryAcquireError};

// tokio: tests/sync_semaphore.rs, tests/sync_semaphore_owned.rs.

#[test]
fn permits_are_counted_down_and_given_back() {
    let semaphore = Semaphore::new(2);
    let one = semaphore.try_acquire().unwrap();
    let two = semaphore.try_acquire().unwrap();
    assert_eq!(semaphore.available_permits(), 0);
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    drop(one);
    assert_eq!(semaphore.available_permits(), 1);
    drop(two);
    assert_eq!(semaphore.available_permits(), 2);
}

#[test]
fn an_acquire_is_ready_while_there_are_permits() {
    let semaphore = Semaphore::new(1);
    let permit = ready(semaphore.acquire()).unwrap();
    let mut second = Probe::waiting(semaphore.acquire());
    drop(permit);
    assert_eq!(second.assert_woken().unwrap().num_permits(), 1);
}

#[test]
fn many_permits_come_all_at_once() {
    let semaphore = Semaphore::new(3);
    let held = ready(semaphore.acquire_many(2)).unwrap();
    let mut three = Probe::waiting(semaphore.acquire_many(3));
    assert_eq!(semaphore.available_permits(), 1);
    drop(held);
    let permit = three.assert_woken().unwrap();
    assert_eq!((permit.num_permits(), semaphore.available_permits()), (3, 0));
    assert_eq!(semaphore.try_acquire_many(1).unwrap_err(), TryAcquireError::NoPermits);
}

#[test]
fn asking_for_none_takes_no_turn() {
    let semaphore = Semaphore::new(0);
    let _waiting = Probe::waiting(semaphore.acquire());
    assert_eq!(ready(semaphore.acquire_many(0)).unwrap().num_permits(), 0);
    assert!(semaphore.try_acquire_many(0).is_ok());
}

#[test]
fn added_permits_serve_those_who_wait() {
    let semaphore = Semaphore::new(0);
    let mut waiters = [1, 2, 1].map(|count| Probe::waiting(semaphore.acquire_many(count)));
    semaphore.add_permits(3);
    assert!(waiters[0].is_woken() && waiters[1].is_woken() && !waiters[2].is_woken());
    waiters[0].assert_ready().unwrap().forget();
    waiters[1].assert_ready().unwrap().forget();
    waiters[2].assert_pending();
    assert_eq!(semaphore.available_permits(), 0);
}

#[test]
fn a_forgotten_permit_is_gone() {
    let semaphore = Rc::new(Semaphore::new(2));
    semaphore.try_acquire().unwrap().forget();
    assert_eq!(semaphore.available_permits(), 1);
    Rc::clone(&semaphore).try_acquire_owned().unwrap().forget();
    assert_eq!(semaphore.available_permits(), 0);
}

#[test]
fn forgetting_free_permits_takes_no_more_than_there_are() {
    let semaphore = Semaphore::new(3);
    let held = semaphore.try_acquire().unwrap();
    assert_eq!(semaphore.forget_permits(5), 2);
    assert_eq!(semaphore.available_permits(), 0);
    drop(held);
    assert_eq!(semaphore.available_permits(), 1);
    assert_eq!(semaphore.forget_permits(0), 0);
}

#[test]
fn permits_are_merged_and_split() {
    let semaphore = Semaphore::new(3);
    let mut permit = semaphore.try_acquire().unwrap();
    permit.merge(semaphore.try_acquire_many(2).unwrap());
    assert_eq!((permit.num_permits(), semaphore.available_permits()), (3, 0));
    assert!(permit.split(4).is_none());
    assert_eq!(permit.num_permits(), 3);
    drop(permit.split(2).unwrap());
    assert_eq!((permit.num_permits(), semaphore.available_permits()), (1, 2));
    drop(permit);
    assert_eq!(semaphore.available_permits(), 3);
}

#[test]
fn owned_permits_are_merged_and_split() {
    let semaphore = Rc::new(Semaphore::new(3));
    let mut permit = Rc::clone(&semaphore).try_acquire_many_owned(2).unwrap();
    permit.merge(Rc::clone(&semaphore).try_acquire_owned().unwrap());
    assert!(permit.split(4).is_none());
    drop(permit.split(1).unwrap());
    assert_eq!((permit.num_permits(), semaphore.available_permits()), (2, 1));
    assert!(Rc::ptr_eq(permit.semaphore(), &semaphore));
    drop(permit);
    assert_eq!(semaphore.available_permits(), 3);
}

#[test]
fn permits_of_different_semaphores_do_not_merge_and_are_not_lost() {
    let (one, other) = (Rc::new(Semaphore::new(1)), Rc::new(Semaphore::new(1)));
    let mut permit = one.try_acquire().unwrap();
    let foreign = other.try_acquire().unwrap();
    assert!(panic_of(|| permit.merge(foreign)).contains("different semaphores"));
    assert_eq!(other.available_permits(), 1);
    drop(permit);
    let mut owned = Rc::clone(&one).try_acquire_owned().unwrap();
    let foreign = Rc::clone(&other).try_acquire_owned().unwrap();
    assert!(panic_of(|| owned.merge(foreign)).contains("different semaphores"));
    assert_eq!((one.available_permits(), other.available_permits()), (0, 1));
}

#[test]
fn an_owned_permit_keeps_the_semaphore_alive() {
    let semaphore = Rc::new(Semaphore::new(1));
    let permit = ready(Rc::clone(&semaphore).acquire_owned()).unwrap();
    let mut next = Probe::waiting(Rc::clone(&semaphore).acquire_many_owned(1));
    drop(semaphore);
    drop(permit);
    assert_eq!(next.assert_woken().unwrap().semaphore().available_permits(), 0);
}

#[test]
fn there_is_a_largest_number_of_permits() {
    let semaphore = Semaphore::new(Semaphore::MAX_PERMITS);
    assert!(panic_of(|| semaphore.add_permits(1)).contains("MAX_PERMITS"));
    assert!(panic_of(|| semaphore.add_permits(usize::MAX)).contains("MAX_PERMITS"));
    let permit = semaphore.try_acquire_many(5).unwrap();
    semaphore.add_permits(5);
    drop(permit);
    assert!(panic_of(|| Semaphore::new(Semaphore::MAX_PERMITS + 1)).contains("MAX_PERMITS"));
}

#[test]
fn closing_ends_those_who_wait_and_those_who_come() {
    let semaphore = Rc::new(Semaphore::new(1));
    let held = semaphore.try_acquire().unwrap();
    let mut waiter = Probe::waiting(semaphore.acquire());
    let mut owned = Probe::waiting(Rc::clone(&semaphore).acquire_owned());
    assert!(!semaphore.is_closed());
    semaphore.close();
    assert!(semaphore.is_closed());
    assert!(waiter.assert_woken().is_err());
    assert!(owned.assert_woken().is_err());
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::Closed);
    assert_eq!(ready(semaphore.acquire()).unwrap_err(), AcquireError(()));
    drop(held);
    assert_eq!(semaphore.available_permits(), 1);
    assert!(semaphore.try_acquire().is_err(), "a closed semaphore stays closed");
}

#[test]
fn what_was_granted_before_the_close_is_good() {
    let semaphore = Semaphore::new(0);
    let mut granted = Probe::waiting(semaphore.acquire());
    semaphore.add_permits(1);
    semaphore.close();
    assert!(granted.assert_woken().is_ok());
}

#[test]
fn a_waiter_cancelled_by_the_close_adds_no_permits() {
    let semaphore = Semaphore::new(1);
    let waiting = Probe::waiting(semaphore.acquire_many(2));
    semaphore.close();
    drop(waiting);
    assert_eq!(semaphore.available_permits(), 1);
}

// asyncio: test_locks.py SemaphoreTests (fifo order, cancellation, barging).
// trio: test_sync.py test_generic_lock_fifo_fairness.

#[test]
fn nobody_barges_in() {
    let semaphore = Semaphore::new(1);
    let held = semaphore.try_acquire().unwrap();
    let mut first = Probe::waiting(semaphore.acquire());
    drop(held);
    assert!(semaphore.try_acquire().is_err(), "the permit is the first waiter's");
    let mut late = Probe::waiting(semaphore.acquire());
    drop(first.assert_woken().unwrap());
    assert!(late.assert_woken().is_ok());
}

#[test]
fn few_do_not_overtake_many() {
    let semaphore = Semaphore::new(2);
    let held = semaphore.try_acquire().unwrap();
    let mut many = Probe::waiting(semaphore.acquire_many(2));
    let mut few = Probe::waiting(semaphore.acquire());
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    few.assert_pending();
    drop(held);
    drop(many.assert_woken().unwrap());
    assert!(few.assert_woken().is_ok());
}

#[test]
fn waiters_are_served_in_order_whatever_the_order_of_polls() {
    let semaphore = Semaphore::new(0);
    let mut waiters: Vec<_> = (0..5).map(|_| Probe::waiting(semaphore.acquire())).collect();
    for served in 0..5 {
        for waiter in waiters[served..].iter_mut().rev() {
            waiter.assert_pending();
        }
        semaphore.add_permits(1);
        let woken: Vec<_> = waiters.iter().map(Probe::is_woken).collect();
        assert_eq!(woken.iter().filter(|&&woken| woken).count(), 1);
        waiters[served].assert_woken().unwrap().forget();
    }
}

#[test]
fn who_gives_up_while_waiting_is_skipped() {
    for leaving in 0..3 {
        let semaphore = Semaphore::new(0);
        let mut waiters: Vec<_> = (0..3).map(|_| Probe::waiting(semaphore.acquire())).collect();
        drop(waiters.remove(leaving));
        semaphore.add_permits(2);
        for mut waiter in waiters {
            waiter.assert_woken().unwrap().forget();
        }
        assert_eq!(semaphore.available_permits(), 0);
    }
}

#[test]
fn the_front_giving_up_lets_smaller_ones_pass() {
    let semaphore = Semaphore::new(2);
    let many = Probe::waiting(semaphore.acquire_many(3));
    let mut few = [1, 1, 1].map(|count| Probe::waiting(semaphore.acquire_many(count)));
    drop(many);
    let [one, two, three] = &mut few;
    let _permits = (one.assert_woken().unwrap(), two.assert_woken().unwrap());
    three.assert_pending();
}

#[test]
fn a_grant_that_is_not_used_goes_to_the_next() {
    let semaphore = Semaphore::new(0);
    let first = Probe::waiting(semaphore.acquire());
    let mut second = Probe::waiting(semaphore.acquire());
    semaphore.add_permits(1);
    assert!(first.is_woken() && !second.is_woken());
    drop(first);
    assert!(second.assert_woken().is_ok());
}

#[test]
fn an_owned_grant_that_is_not_used_comes_back() {
    let semaphore = Rc::new(Semaphore::new(0));
    let waiting = Probe::waiting(Rc::clone(&semaphore).acquire_many_owned(2));
    semaphore.add_permits(2);
    drop(waiting);
    assert_eq!(semaphore.available_permits(), 2);
    assert_eq!(Rc::strong_count(&semaphore), 1);
}

#[test]
fn a_future_that_was_never_polled_has_no_place() {
    let semaphore = Semaphore::new(0);
    let unpolled = Probe::new(semaphore.acquire());
    let mut waiting = Probe::waiting(semaphore.acquire());
    semaphore.add_permits(1);
    assert!(waiting.assert_woken().is_ok());
    drop(unpolled);
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn the_task_that_polled_last_is_woken() {
    let semaphore = Semaphore::new(0);
    let mut waiting = Probe::waiting(semaphore.acquire());
    assert!(waiting.poll_elsewhere().is_pending());
    semaphore.add_permits(1);
    assert!(waiting.assert_woken().is_ok());
}

#[test]
fn dropped_at_any_await_point_it_leaves_all_permits() {
    at_every_await_point(|polls| {
        let semaphore = Semaphore::new(0);
        let mut subject = Probe::new(async {
            for _ in 0..3 {
                let _permit = semaphore.acquire_many(2).await.unwrap();
                let _more = semaphore.acquire().await.unwrap();
            }
        });
        let mut added = 0;
        let waits = poll_times(&mut subject, polls, |_| {
            semaphore.add_permits(1);
            added += 1;
        });
        drop(subject);
        assert_eq!(semaphore.available_permits(), added, "after {polls} polls");
        waits
    });
}

#[test]
fn debug_tells_the_count() {
    let semaphore = Rc::new(Semaphore::new(7));
    let permit = semaphore.try_acquire_many(2).unwrap();
    assert!(format!("{semaphore:?}").contains("available_permits: 5"));
    assert!(format!("{permit:?}").contains("num_permits: 2"));
    let owned = Rc::clone(&semaphore).try_acquire_owned().unwrap();
    assert!(format!("{owned:?}").contains("num_permits: 1"));
    assert!(format!("{:?}", semaphore.acquire_many(3)).contains("count: 3"));
}
