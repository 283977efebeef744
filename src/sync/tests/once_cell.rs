//! Cells that are written once.

use std::cell::Cell;
use std::future::pending;

use crate::sync::testing::{Probe, at_every_await_point, panic_of, poll_times, ready};
use crate::sync::{Notify, OnceCell, SetError};

// tokio: tests/sync_once_cell.rs.

#[test]
fn the_value_is_made_once() {
    let cell = OnceCell::new();
    assert!(!cell.initialized());
    assert_eq!(cell.get(), None);
    assert_eq!(*ready(cell.get_or_init(async || 1)), 1);
    assert_eq!(*ready(cell.get_or_init(async || unreachable!("made already"))), 1);
    assert!(cell.initialized());
    assert_eq!(cell.get(), Some(&1));
}

#[test]
fn those_who_ask_meanwhile_wait_for_the_one_that_makes_it() {
    let (cell, made) = (OnceCell::new(), Notify::new());
    let mut maker = Probe::waiting(cell.get_or_init(async || {
        made.notified().await;
        7
    }));
    let mut waiters = [0; 2].map(|_| Probe::waiting(cell.get_or_init(async || unreachable!())));
    made.notify_one();
    assert_eq!(*maker.assert_woken(), 7);
    for waiter in &mut waiters {
        assert_eq!(*waiter.assert_woken(), 7);
    }
}

#[test]
fn a_cancelled_maker_lets_the_next_one_start() {
    let cell = OnceCell::new();
    let maker = Probe::waiting(cell.get_or_init(pending::<u32>));
    let mut second = Probe::waiting(cell.get_or_init(async || 2));
    let mut third = Probe::waiting(cell.get_or_init(async || 3));
    drop(maker);
    assert!(!third.is_woken());
    assert_eq!(*second.assert_woken(), 2);
    assert_eq!(*third.assert_woken(), 2);
}

#[test]
fn a_maker_cancelled_before_it_started_passes_the_turn_on() {
    let cell = OnceCell::new();
    let maker = Probe::waiting(cell.get_or_init(pending::<u32>));
    let second = Probe::waiting(cell.get_or_init(async || 2));
    let mut third = Probe::waiting(cell.get_or_init(async || 3));
    drop(maker);
    drop(second);
    assert_eq!(*third.assert_woken(), 3);
}

#[test]
fn an_error_leaves_the_cell_empty_and_the_next_one_starts() {
    let (cell, failed) = (OnceCell::new(), Notify::new());
    let mut failing = Probe::waiting(cell.get_or_try_init(async || {
        failed.notified().await;
        Err("failed")
    }));
    let mut second = Probe::waiting(cell.get_or_try_init(async || Ok::<_, &str>(2)));
    failed.notify_one();
    assert_eq!(failing.assert_woken(), Err("failed"));
    assert_eq!(second.assert_woken(), Ok(&2));
    assert_eq!(ready(cell.get_or_try_init(async || Err("too late"))), Ok(&2));
}

#[test]
fn a_panicking_maker_lets_the_next_one_start() {
    let cell = OnceCell::new();
    let mut second = Probe::new(cell.get_or_init(async || 2));
    panic_of(|| {
        ready(cell.get_or_init(async || {
            second.assert_pending();
            panic!("in the maker")
        }));
    });
    assert_eq!(*second.assert_woken(), 2);
}

#[test]
fn setting_works_once_and_gives_the_value_back() {
    let cell = OnceCell::new();
    assert_eq!(cell.set(1), Ok(()));
    assert_eq!(cell.set(2), Err(SetError::AlreadyInitialized(2)));
    assert_eq!(cell.get(), Some(&1));
    assert_eq!(*ready(cell.get_or_init(async || 3)), 1);
}

#[test]
fn setting_does_not_overtake_a_maker() {
    let cell = OnceCell::new();
    let maker = Probe::waiting(cell.get_or_init(pending::<u32>));
    assert_eq!(cell.set(1), Err(SetError::Initializing(1)));
    assert_eq!(cell.set(1).unwrap_err().into_inner(), 1);
    drop(maker);
    assert_eq!(cell.set(1), Ok(()));
}

#[test]
fn the_value_comes_out_of_a_cell_that_nobody_shares() {
    let mut cell = OnceCell::from(1);
    assert_eq!(cell.set(2), Err(SetError::AlreadyInitialized(2)));
    *cell.get_mut().unwrap() += 1;
    assert_eq!(cell.take(), Some(2));
    assert!(!cell.initialized());
    assert_eq!(cell.set(3), Ok(()));
    assert_eq!(cell.into_inner(), Some(3));
    assert_eq!(format!("{:?}", OnceCell::<u8>::default()), "OnceCell { value: None }");
}

#[test]
fn dropped_at_any_await_point_it_leaves_the_turn_to_others() {
    at_every_await_point(|polls| {
        let (cell, step) = (OnceCell::new(), Notify::new());
        let started = Cell::new(0);
        let other = Probe::waiting(cell.get_or_init(pending::<u32>));
        let mut other = Some(other);
        let mut subject = Probe::new(cell.get_or_init(async || {
            started.set(started.get() + 1);
            step.notified().await;
            step.notified().await;
            1
        }));
        let waits = poll_times(&mut subject, polls, |_| {
            drop(other.take());
            step.notify_one();
        });
        drop((subject, other));
        let value = *ready(cell.get_or_init(async || 2));
        assert_eq!(value, if waits { 2 } else { 1 }, "after {polls} polls");
        assert!(started.get() <= 1);
        waits
    });
}
