//! Reader-writer locks.

use std::rc::Rc;

use crate::sync::RwLock;
use crate::sync::testing::{Probe, at_every_await_point, panic_of, poll_times, ready};

// tokio: tests/sync_rwlock.rs.

#[test]
fn readers_share() {
    let lock = RwLock::new(7);
    let one = ready(lock.read());
    let two = ready(lock.read());
    assert_eq!((*one, *two), (7, 7));
    assert!(lock.try_write().is_err());
    assert!(lock.try_read().is_ok());
}

#[test]
fn a_writer_is_alone() {
    let lock = RwLock::new(1);
    let mut guard = ready(lock.write());
    *guard += 1;
    assert_eq!(*guard, 2);
    assert!(lock.try_read().is_err() && lock.try_write().is_err());
    let mut reader = Probe::waiting(lock.read());
    let mut writer = Probe::waiting(lock.write());
    drop(guard);
    let guard = reader.assert_woken();
    assert_eq!(*guard, 2);
    writer.assert_pending();
    drop(guard);
    drop(writer.assert_woken());
}

#[test]
fn a_writer_waits_for_the_last_reader() {
    let lock = RwLock::new(());
    let readers = [ready(lock.read()), ready(lock.read())];
    let mut writer = Probe::waiting(lock.write());
    let [one, two] = readers;
    drop(one);
    writer.assert_pending();
    drop(two);
    drop(writer.assert_woken());
}

#[test]
fn readers_do_not_starve_a_writer() {
    let lock = RwLock::new(());
    let reading = ready(lock.read());
    let mut writer = Probe::waiting(lock.write());
    let mut late = Probe::waiting(lock.read());
    assert!(lock.try_read().is_err(), "a reader that comes late waits behind the writer");
    drop(reading);
    let writing = writer.assert_woken();
    late.assert_pending();
    drop(writing);
    drop(late.assert_woken());
}

#[test]
fn readers_next_to_one_another_are_let_in_together() {
    let lock = RwLock::new(());
    let writing = ready(lock.write());
    let mut readers = [Probe::waiting(lock.read()), Probe::waiting(lock.read())];
    let mut writer = Probe::waiting(lock.write());
    let mut behind = Probe::waiting(lock.read());
    drop(writing);
    let [one, two] = &mut readers;
    let guards = (one.assert_woken(), two.assert_woken());
    writer.assert_pending();
    behind.assert_pending();
    drop(guards);
    drop(writer.assert_woken());
    drop(behind.assert_woken());
}

#[test]
fn a_writer_that_gives_up_lets_the_readers_behind_it_in() {
    let lock = RwLock::new(());
    let _reading = ready(lock.read());
    let writer = Probe::waiting(lock.write());
    let mut readers = [Probe::waiting(lock.read()), Probe::waiting(lock.read())];
    drop(writer);
    let [one, two] = &mut readers;
    drop((one.assert_woken(), two.assert_woken()));
}

#[test]
fn a_grant_that_is_not_used_goes_on() {
    let lock = RwLock::new(());
    let reading = ready(lock.read());
    let writer = Probe::waiting(lock.write());
    let mut reader = Probe::waiting(lock.read());
    drop(reading);
    assert!(writer.is_woken() && !reader.is_woken());
    drop(writer);
    drop(reader.assert_woken());
    assert!(lock.try_write().is_ok());
}

#[test]
fn downgrading_lets_readers_in_and_no_writer() {
    let lock = RwLock::new(1);
    let mut writing = ready(lock.write());
    let mut reader = Probe::waiting(lock.read());
    let mut writer = Probe::waiting(lock.write());
    *writing = 2;
    let reading = writing.downgrade();
    let other = reader.assert_woken();
    assert_eq!((*reading, *other), (2, 2));
    drop(other);
    writer.assert_pending();
    drop(reading);
    drop(writer.assert_woken());
}

#[test]
fn owned_guards_share_and_exclude_like_borrowed_ones() {
    let lock = Rc::new(RwLock::new(1));
    let mut writing = ready(Rc::clone(&lock).write_owned());
    *writing = 2;
    assert!(lock.try_read().is_err());
    let mut borrowed = Probe::waiting(lock.read());
    let mut owned = Probe::waiting(Rc::clone(&lock).read_owned());
    let mut writer = Probe::waiting(Rc::clone(&lock).write_owned());
    drop(writing);
    let guards = (borrowed.assert_woken(), owned.assert_woken());
    assert_eq!((*guards.0, *guards.1), (2, 2));
    assert!(Rc::clone(&lock).try_write_owned().is_err());
    drop(guards);
    *writer.assert_woken() += 1;
    assert_eq!(*Rc::clone(&lock).try_read_owned().unwrap(), 3);
    *Rc::clone(&lock).try_write_owned().unwrap() += 1;
    assert_eq!(*lock.try_write().unwrap(), 4);
}

#[test]
fn an_owned_writer_downgrades() {
    let lock = Rc::new(RwLock::new(1));
    let mut writing = ready(Rc::clone(&lock).write_owned());
    let mut reader = Probe::waiting(Rc::clone(&lock).read_owned());
    *writing += 1;
    let reading = writing.downgrade();
    let other = reader.assert_woken();
    assert_eq!((*reading, *other), (2, 2));
    assert!(lock.try_write().is_err());
    drop((reading, other));
    assert_eq!(*lock.try_write().unwrap(), 2);
}

#[test]
fn the_value_comes_out_of_a_lock_that_nobody_shares() {
    let mut lock = RwLock::from(1);
    *lock.get_mut() += 1;
    *ready(lock.write()) += 1;
    assert_eq!(lock.into_inner(), 3);
    assert_eq!(RwLock::<u8>::default().into_inner(), 0);
}

#[test]
fn a_panic_under_a_guard_unlocks() {
    let lock = Rc::new(RwLock::new(0));
    panic_of(|| {
        let mut guard = lock.try_write().unwrap();
        *guard = 1;
        panic!("while writing");
    });
    panic_of(|| {
        let mut guard = Rc::clone(&lock).try_write_owned().unwrap();
        *guard += 1;
        panic!("while writing");
    });
    panic_of(|| {
        let _guards = (lock.try_read().unwrap(), Rc::clone(&lock).try_read_owned().unwrap());
        panic!("while reading");
    });
    assert_eq!(*lock.try_write().unwrap(), 2);
}

#[test]
fn debug_shows_the_value_or_that_it_is_locked() {
    let lock = Rc::new(RwLock::new("value"));
    assert!(format!("{lock:?}").contains("value"));
    assert_eq!(format!("{:?}", lock.try_read().unwrap()), "\"value\"");
    assert_eq!(format!("{:?}", Rc::clone(&lock).try_read_owned().unwrap()), "\"value\"");
    assert_eq!(format!("{:?}", Rc::clone(&lock).try_write_owned().unwrap()), "\"value\"");
    let guard = lock.try_write().unwrap();
    assert_eq!(format!("{guard:?}"), "\"value\"");
    assert!(format!("{lock:?}").contains("<locked>"));
}

#[test]
fn dropped_at_any_await_point_it_leaves_the_lock_free() {
    at_every_await_point(|polls| {
        let lock = Rc::new(RwLock::new(0));
        let mut held = Some(Rc::clone(&lock).try_write_owned().unwrap());
        let mut subject = Probe::new(async {
            let reading = lock.read().await;
            drop(reading);
            *lock.write().await += 1;
            drop(Rc::clone(&lock).read_owned().await);
            *Rc::clone(&lock).write_owned().await += 1;
        });
        let waits = poll_times(&mut subject, polls, |_| {
            drop(held.take());
            held = Rc::clone(&lock).try_write_owned().ok();
        });
        drop((subject, held));
        assert!(lock.try_write().is_ok(), "locked for good after {polls} polls");
        waits
    });
}
