//! Channels with one receiver: how they end.

use std::cell::Cell;
use std::rc::Rc;
use std::task::Context;

use crate::sync::mpsc::{SendError, TryRecvError, TrySendError, channel, unbounded_channel};
use crate::sync::testing::{Probe, hooked_waker, ready};

// tokio: tests/sync_mpsc.rs, tests/sync_mpsc_weak.rs. trio: test_channel.py.

#[test]
fn without_senders_the_rest_is_received_and_then_the_end() {
    let (sender, mut receiver) = channel(2);
    sender.try_send(1).unwrap();
    let other = sender.clone();
    drop(sender);
    assert!(!receiver.is_closed());
    drop(other);
    assert!(receiver.is_closed());
    assert_eq!(ready(receiver.recv()), Some(1));
    assert_eq!(ready(receiver.recv()), None);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn the_last_sender_to_go_wakes_the_receiver() {
    let (sender, mut receiver) = channel::<u8>(1);
    let other = sender.clone();
    let mut waiting = Probe::waiting(receiver.recv());
    drop(sender);
    assert!(!waiting.is_woken());
    drop(other);
    assert_eq!(waiting.assert_woken(), None);
}

#[test]
fn without_a_receiver_messages_come_back() {
    let (sender, receiver) = channel(1);
    sender.try_send(1).unwrap();
    let mut sending = Probe::waiting(sender.send(2));
    let mut reserving = Probe::waiting(sender.reserve());
    let mut closed = Probe::waiting(sender.closed());
    drop(receiver);
    assert!(sender.is_closed());
    closed.assert_woken();
    assert_eq!(sending.assert_woken(), Err(SendError(2)));
    assert!(reserving.assert_woken().is_err());
    assert_eq!(ready(sender.send(3)).unwrap_err().into_inner(), 3);
    assert_eq!(sender.try_send(4), Err(TrySendError::Closed(4)));
    assert_eq!(sender.try_send(5).unwrap_err().into_inner(), 5);
    assert!(matches!(sender.try_reserve(), Err(TrySendError::Closed(()))));
    ready(sender.closed());
}

#[test]
fn an_unbounded_channel_without_a_receiver_gives_messages_back() {
    let (sender, receiver) = unbounded_channel();
    let mut closed = Probe::waiting(sender.closed());
    drop(receiver);
    closed.assert_woken();
    assert!(sender.is_closed());
    assert_eq!(sender.send(1), Err(SendError(1)));
}

#[test]
fn a_receiver_that_goes_drops_what_is_in_the_channel() {
    let (sender, receiver) = channel(2);
    let message = Rc::new(());
    sender.try_send(Rc::clone(&message)).unwrap();
    sender.try_send(Rc::clone(&message)).unwrap();
    drop(receiver);
    assert_eq!(Rc::strong_count(&message), 1);
    assert_eq!(sender.capacity(), 2);
}

#[test]
fn a_closed_channel_is_drained() {
    let (sender, mut receiver) = channel(2);
    sender.try_send(1).unwrap();
    sender.try_send(2).unwrap();
    let mut sending = Probe::waiting(sender.send(3));
    receiver.close();
    assert!(receiver.is_closed() && sender.is_closed());
    assert_eq!(sending.assert_woken(), Err(SendError(3)));
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(ready(receiver.recv()), Some(2));
    assert_eq!(ready(receiver.recv()), None);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn closing_wakes_a_receiver_with_nothing_to_wait_for() {
    let (_sender, mut receiver) = channel::<u8>(1);
    receiver.close();
    assert_eq!(ready(receiver.recv()), None);
    assert_eq!(ready(receiver.recv_many(&mut Vec::new(), 1)), 0);
}

#[test]
fn room_given_back_is_no_news_to_the_receiver_of_an_open_channel() {
    let (sender, mut receiver) = channel::<u8>(1);
    let waiting = Probe::waiting(receiver.recv());
    drop(sender.try_reserve().unwrap());
    assert!(!waiting.is_woken());
}

#[test]
fn closing_wakes_the_task_that_polled_and_has_nothing_to_wait_for() {
    let (_sender, mut receiver) = channel::<u8>(1);
    let woken = Rc::new(Cell::new(false));
    let waker = hooked_waker({
        let woken = Rc::clone(&woken);
        move || woken.set(true)
    });
    assert!(receiver.poll_recv(&mut Context::from_waker(&waker)).is_pending());
    receiver.close();
    assert!(woken.get());
}

#[test]
fn the_receiver_of_a_closed_channel_waits_for_the_permits_that_are_out() {
    let (sender, mut receiver) = channel(2);
    let (used, unused) = (sender.try_reserve().unwrap(), sender.try_reserve().unwrap());
    receiver.close();
    let mut waiting = Probe::waiting(receiver.recv());
    used.send(1);
    assert_eq!(waiting.assert_woken(), Some(1));
    drop(waiting);
    let mut waiting = Probe::waiting(receiver.recv());
    drop(unused);
    assert_eq!(waiting.assert_woken(), None);
}

#[test]
fn a_sender_let_in_before_the_close_still_sends() {
    let (sender, mut receiver) = channel(1);
    sender.try_send(1).unwrap();
    let mut sending = Probe::waiting(sender.send(2));
    receiver.try_recv().unwrap();
    receiver.close();
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(sending.assert_woken(), Ok(()));
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn a_sender_let_in_before_the_close_may_still_give_up() {
    let (sender, mut receiver) = channel(1);
    sender.try_send(1).unwrap();
    let sending = Probe::waiting(sender.send(2));
    receiver.try_recv().unwrap();
    receiver.close();
    let mut waiting = Probe::waiting(receiver.recv());
    drop(sending);
    assert_eq!(waiting.assert_woken(), None);
}

#[test]
fn a_sender_let_in_gets_its_message_back_when_the_receiver_goes() {
    let (sender, mut receiver) = channel(1);
    sender.try_send(1).unwrap();
    let mut sending = Probe::waiting(sender.send(2));
    let mut reserving = Probe::waiting(sender.reserve());
    receiver.try_recv().unwrap();
    let mut late = Probe::waiting(sender.reserve());
    drop(receiver);
    assert_eq!(sending.assert_woken(), Err(SendError(2)));
    assert!(reserving.assert_woken().is_err());
    assert!(late.assert_woken().is_err());
    assert_eq!(sender.capacity(), 1);
}

#[test]
fn room_reserved_by_a_waiter_is_refused_when_the_receiver_goes() {
    let (sender, mut receiver) = channel(1);
    sender.try_send(1).unwrap();
    let mut reserving = Probe::waiting(sender.reserve());
    receiver.try_recv().unwrap();
    drop(receiver);
    assert!(reserving.assert_woken().is_err());
    assert_eq!(sender.capacity(), 1);
}

#[test]
fn a_permit_used_after_the_receiver_has_gone_drops_its_message() {
    let (sender, receiver) = channel(1);
    let permit = sender.try_reserve().unwrap();
    drop(receiver);
    let message = Rc::new(());
    permit.send(Rc::clone(&message));
    assert_eq!(Rc::strong_count(&message), 1);
    assert_eq!(sender.capacity(), 1);
}

#[test]
fn waiting_for_the_end_can_be_given_up() {
    let (sender, mut receiver) = channel::<u8>(1);
    drop(Probe::waiting(sender.closed()));
    let mut closed = Probe::waiting(sender.closed());
    closed.assert_pending();
    receiver.close();
    closed.assert_woken();
}

#[test]
fn a_weak_sender_does_not_keep_the_channel_open() {
    let (sender, mut receiver) = channel(1);
    let weak = sender.downgrade();
    assert_eq!(sender.strong_count(), 1);
    let upgraded = weak.upgrade().expect("there is a sender");
    assert_eq!(receiver.sender_strong_count(), 2);
    drop(sender);
    upgraded.try_send(1).unwrap();
    let mut waiting = Probe::new(async {
        assert_eq!(receiver.recv().await, Some(1));
        receiver.recv().await
    });
    waiting.assert_pending();
    drop(upgraded);
    assert_eq!(waiting.assert_woken(), None);
    assert!(weak.clone().upgrade().is_none());
}

#[test]
fn a_weak_unbounded_sender_does_not_keep_the_channel_open() {
    let (sender, mut receiver) = unbounded_channel();
    let weak = sender.downgrade();
    weak.upgrade().expect("there is a sender").send(1).unwrap();
    drop(sender);
    assert!(weak.clone().upgrade().is_none());
    assert_eq!(ready(receiver.recv()), Some(1));
    assert_eq!(ready(receiver.recv()), None);
}
