//! Watched values.

use std::rc::Rc;

use crate::sync::testing::{Probe, at_every_await_point, panic_of, poll_times, ready};
use crate::sync::watch::{self, SendError, channel};

// tokio: tests/sync_watch.rs.

#[test]
fn the_first_value_counts_as_seen() {
    let (sender, mut receiver) = channel(1);
    assert_eq!(*receiver.borrow(), 1);
    assert_eq!(receiver.has_changed(), Ok(false));
    let mut changed = Probe::waiting(receiver.changed());
    sender.send(2).unwrap();
    assert_eq!(changed.assert_woken(), Ok(()));
    drop(changed);
    assert_eq!(*receiver.borrow(), 2);
    Probe::waiting(receiver.changed());
}

#[test]
fn values_in_between_may_be_missed_and_the_last_is_not() {
    let (sender, mut receiver) = channel(0);
    for value in 1..4 {
        sender.send(value).unwrap();
    }
    ready(receiver.changed()).unwrap();
    assert_eq!(*receiver.borrow(), 3);
    Probe::waiting(receiver.changed());
}

#[test]
fn each_receiver_sees_each_change() {
    let (sender, mut one) = channel(0);
    let mut two = one.clone();
    let mut three = sender.subscribe();
    assert_eq!(sender.receiver_count(), 3);
    assert!(one.same_channel(&two));
    let mut waiting =
        [&mut one, &mut two, &mut three].map(|receiver| Probe::waiting(receiver.changed()));
    sender.send(1).unwrap();
    for changed in &mut waiting {
        assert_eq!(changed.assert_woken(), Ok(()));
    }
}

#[test]
fn a_clone_has_seen_what_the_original_had() {
    let (sender, receiver) = channel(0);
    sender.send(1).unwrap();
    let mut clone = receiver.clone();
    ready(clone.changed()).unwrap();
    assert_eq!(receiver.has_changed(), Ok(true));
    assert_eq!(sender.subscribe().has_changed(), Ok(false));
}

#[test]
fn looking_marks_as_seen_only_when_asked_to() {
    let (sender, mut receiver) = channel(0);
    sender.send(1).unwrap();
    assert!(receiver.borrow().has_changed());
    assert!(receiver.borrow_and_update().has_changed());
    assert!(!receiver.borrow().has_changed());
    assert!(!sender.borrow().has_changed());
    Probe::waiting(receiver.changed());
}

#[test]
fn a_receiver_can_change_its_mind_about_what_it_has_seen() {
    let (sender, mut receiver) = channel(0);
    receiver.mark_changed();
    assert_eq!(receiver.has_changed(), Ok(true));
    ready(receiver.changed()).unwrap();
    sender.send(1).unwrap();
    receiver.mark_unchanged();
    Probe::waiting(receiver.changed());
}

#[test]
fn the_last_value_is_seen_before_the_end() {
    let (sender, mut receiver) = channel(0);
    let other = sender.clone();
    assert_eq!(sender.sender_count(), 2);
    sender.send(1).unwrap();
    drop((sender, other));
    assert_eq!(receiver.has_changed(), Ok(true));
    assert_eq!(ready(receiver.changed()), Ok(()));
    assert!(ready(receiver.changed()).is_err());
    assert!(receiver.has_changed().is_err());
    assert_eq!(*receiver.borrow(), 1);
}

#[test]
fn the_last_sender_to_go_wakes_those_who_wait() {
    let (sender, mut receiver) = channel(0);
    let other = sender.clone();
    let mut changed = Probe::waiting(receiver.changed());
    drop(sender);
    assert!(!changed.is_woken());
    drop(other);
    assert!(changed.assert_woken().is_err());
}

#[test]
fn without_receivers_a_value_comes_back_unless_it_is_forced() {
    let (sender, receiver) = channel(0);
    let mut closed = Probe::waiting(sender.closed());
    let other = receiver.clone();
    drop(receiver);
    assert!(!closed.is_woken());
    closed.assert_pending();
    drop(other);
    closed.assert_woken();
    drop(closed);
    assert!(sender.is_closed());
    assert_eq!(sender.send(1), Err(SendError(1)));
    assert_eq!(*sender.borrow(), 0);
    assert_eq!(sender.send_replace(2), 0);
    assert_eq!(*sender.subscribe().borrow(), 2);
}

#[test]
fn waiting_for_the_last_receiver_goes_on_when_a_new_one_comes() {
    let sender = watch::Sender::<u8>::default();
    ready(sender.closed());
    let receiver = sender.subscribe();
    let mut closed = Probe::waiting(sender.closed());
    drop(receiver);
    let receiver = sender.subscribe();
    closed.assert_pending();
    drop(receiver);
    closed.assert_woken();
    drop(Probe::new(sender.closed()));
}

#[test]
fn a_value_is_modified_in_place() {
    let (sender, mut receiver) = channel(vec![1]);
    sender.send_modify(|value| value.push(2));
    assert_eq!(*receiver.borrow_and_update(), [1, 2]);
    let mut changed = Probe::waiting(receiver.changed());
    assert!(!sender.send_if_modified(|value| {
        value.push(3);
        false
    }));
    changed.assert_pending();
    assert!(sender.send_if_modified(|_| true));
    assert_eq!(changed.assert_woken(), Ok(()));
    drop(changed);
    assert_eq!(receiver.borrow().len(), 3);
}

#[test]
fn a_modification_that_panics_tells_nobody() {
    let (sender, mut receiver) = channel(0);
    assert_eq!(panic_of(|| sender.send_modify(|_| panic!("modifying"))), "modifying");
    assert_eq!(receiver.has_changed(), Ok(false));
    sender.send(1).unwrap();
    ready(receiver.changed()).unwrap();
}

#[test]
fn waiting_for_a_condition_looks_at_the_present_value_first() {
    let (sender, mut receiver) = channel(1);
    let value = ready(receiver.wait_for(|value| *value == 1)).unwrap();
    assert_eq!((*value, value.has_changed()), (1, false));
    drop(value);
    sender.send(2).unwrap();
    let value = ready(receiver.wait_for(|value| *value == 2)).unwrap();
    assert_eq!((*value, value.has_changed()), (2, true));
    drop(value);
    assert_eq!(receiver.has_changed(), Ok(false));
}

#[test]
fn waiting_for_a_condition_goes_on_until_it_holds() {
    let (sender, mut receiver) = channel(0);
    let mut waiting =
        Probe::waiting(async { *receiver.wait_for(|value| *value > 1).await.unwrap() });
    sender.send(1).unwrap();
    assert!(waiting.is_woken());
    waiting.assert_pending();
    sender.send(2).unwrap();
    assert_eq!(waiting.assert_woken(), 2);
}

#[test]
fn waiting_for_a_condition_that_can_hold_no_more_ends() {
    let (sender, mut receiver) = channel(0);
    let mut waiting =
        Probe::waiting(async { receiver.wait_for(|value| *value > 1).await.is_err() });
    drop(sender);
    assert!(waiting.assert_woken());
    drop(waiting);
    assert_eq!(*ready(receiver.wait_for(|value| *value == 0)).unwrap(), 0);
}

#[test]
fn a_look_that_is_held_too_long_is_told() {
    let (sender, receiver) = channel(0);
    let value = receiver.borrow();
    assert!(panic_of(|| sender.send_replace(1)).contains("across an await"));
    drop(value);
    assert_eq!(sender.send_replace(1), 0);
    let told = panic_of(|| sender.send_modify(|_| assert_eq!(*receiver.borrow(), 1)));
    assert!(told.contains("closure that modifies"), "{told}");
    assert_eq!(*receiver.borrow(), 1);
}

#[test]
fn dropped_at_any_await_point_a_receiver_misses_no_last_value() {
    at_every_await_point(|polls| {
        let (sender, mut receiver) = channel(0);
        let mut subject = Probe::new(async {
            for _ in 0..3 {
                receiver.changed().await.unwrap();
                let _ = *receiver.borrow_and_update();
            }
        });
        let mut sent = 0;
        let waits = poll_times(&mut subject, polls, |_| {
            sent += 1;
            sender.send(sent).unwrap();
        });
        drop(subject);
        if polls > 0 && waits {
            ready(receiver.changed()).expect("the last value was not seen");
        }
        assert_eq!(*receiver.borrow(), sent);
        waits
    });
}

#[test]
fn replaced_values_are_dropped() {
    let value = Rc::new(());
    let (sender, receiver) = channel(Rc::clone(&value));
    sender.send(Rc::default()).unwrap();
    assert_eq!(Rc::strong_count(&value), 1);
    assert!(format!("{sender:?} {receiver:?}").contains("Sender"));
}
