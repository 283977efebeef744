//! Barriers.

use crate::sync::Barrier;
use crate::sync::testing::{
    Crowd, Probe, at_every_await_point, for_each_seed, poll_times, ready, rounds,
};

// tokio: tests/sync_barrier.rs.

#[test]
fn a_barrier_for_none_or_one_holds_nobody() {
    for parties in [0, 1] {
        let barrier = Barrier::new(parties);
        assert!(ready(barrier.wait()).is_leader());
        assert!(ready(barrier.wait()).is_leader());
    }
}

#[test]
fn the_last_to_come_leads_and_the_others_follow() {
    let barrier = Barrier::new(3);
    let mut waiters = [0; 2].map(|_| Probe::waiting(barrier.wait()));
    assert_eq!((barrier.waiting(), barrier.parties()), (2, 3));
    assert!(ready(barrier.wait()).is_leader());
    for waiter in &mut waiters {
        assert!(!waiter.assert_woken().is_leader());
    }
    assert_eq!(barrier.waiting(), 0);
}

#[test]
fn it_can_be_used_again_before_the_first_group_has_run() {
    let barrier = Barrier::new(2);
    let mut first = Probe::waiting(barrier.wait());
    assert!(ready(barrier.wait()).is_leader());
    let mut second = Probe::waiting(barrier.wait());
    assert!(!first.assert_woken().is_leader());
    second.assert_pending();
    assert!(ready(barrier.wait()).is_leader());
    assert!(!second.assert_woken().is_leader());
}

// asyncio: test_locks.py BarrierTests (cancelled waiters).

#[test]
fn a_cancelled_waiter_leaves_its_group() {
    let barrier = Barrier::new(3);
    let leaving = Probe::waiting(barrier.wait());
    let mut staying = Probe::waiting(barrier.wait());
    drop(leaving);
    assert_eq!(barrier.waiting(), 1);
    let mut other = Probe::waiting(barrier.wait());
    assert!(ready(barrier.wait()).is_leader());
    assert!(!staying.assert_woken().is_leader());
    assert!(!other.assert_woken().is_leader());
}

#[test]
fn a_waiter_cancelled_after_its_group_was_complete_changes_nothing() {
    let barrier = Barrier::new(3);
    let cancelled = Probe::waiting(barrier.wait());
    let mut staying = Probe::waiting(barrier.wait());
    assert!(ready(barrier.wait()).is_leader());
    drop(cancelled);
    assert!(!staying.assert_woken().is_leader());
    assert_eq!(format!("{barrier:?}"), "Barrier { parties: 3, waiting: 0 }");
}

#[test]
fn an_unpolled_future_does_not_count() {
    let barrier = Barrier::new(2);
    let _unpolled = barrier.wait();
    Probe::waiting(barrier.wait());
}

#[test]
fn dropped_at_any_await_point_it_leaves_the_barrier_usable() {
    at_every_await_point(|polls| {
        let barrier = Barrier::new(2);
        let mut subject = Probe::new(async {
            barrier.wait().await;
            barrier.wait().await;
        });
        let waits = poll_times(&mut subject, polls, |_| {
            assert!(ready(barrier.wait()).is_leader());
        });
        drop(subject);
        let mut other = Probe::waiting(barrier.wait());
        assert!(ready(barrier.wait()).is_leader(), "after {polls} polls");
        other.assert_woken();
        waits
    });
}

#[test]
fn any_group_has_its_number_and_one_leader_under_random_cancels() {
    for_each_seed(100, |rng| {
        let barrier = Barrier::new(rng.usize(2..6));
        let mut crowd = Crowd::new();
        for _ in 0..rounds(200) {
            let before = barrier.waiting();
            match rng.u32(..4) {
                0..2 => match crowd.start(barrier.wait()) {
                    None => assert_eq!(barrier.waiting(), before + 1),
                    Some(result) => {
                        assert!(result.is_leader());
                        assert_eq!((before + 1, barrier.waiting()), (barrier.parties(), 0));
                    }
                },
                2 => crowd.cancel_one(rng),
                _ => assert!(crowd.poll_one(rng).is_none_or(|result| !result.is_leader())),
            }
        }
        while crowd.poll_woken().is_some() {}
        crowd.assert_nobody_sleeps_in();
        assert_eq!(crowd.len(), barrier.waiting());
    });
}
