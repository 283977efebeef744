//! Channels for one value.

use std::rc::Rc;

use crate::sync::oneshot::{RecvError, TryRecvError, channel};
use crate::sync::testing::{Probe, at_every_await_point, poll_times, ready};

// tokio: tests/sync_oneshot.rs.

#[test]
fn the_value_arrives() {
    let (sender, receiver) = channel();
    let mut waiting = Probe::waiting(receiver);
    assert_eq!(sender.send(1), Ok(()));
    assert_eq!(waiting.assert_woken(), Ok(1));
}

#[test]
fn a_value_sent_before_it_is_awaited_arrives() {
    let (sender, receiver) = channel();
    sender.send(1).unwrap();
    assert!(!receiver.is_empty() && !receiver.is_terminated());
    assert_eq!(ready(receiver), Ok(1));
}

#[test]
fn a_sender_that_goes_without_a_value_says_so() {
    let (sender, receiver) = channel::<u8>();
    let mut waiting = Probe::waiting(receiver);
    drop(sender);
    assert_eq!(waiting.assert_woken(), Err(RecvError(())));
}

#[test]
fn a_receiver_that_goes_gives_the_value_back() {
    let (sender, receiver) = channel();
    drop(receiver);
    assert!(sender.is_closed());
    assert_eq!(sender.send(1), Err(1));
}

#[test]
fn a_sender_can_wait_for_the_receiver_to_go() {
    let (mut sender, mut receiver) = channel::<u8>();
    {
        let mut closed = Probe::waiting(sender.closed());
        assert!(closed.poll_elsewhere().is_pending());
        receiver.close();
        closed.assert_woken();
    }
    ready(sender.closed());
    drop(receiver);
    let (mut sender, receiver) = channel::<u8>();
    let mut closed = Probe::waiting(sender.closed());
    drop(receiver);
    closed.assert_woken();
}

#[test]
fn a_closed_channel_takes_no_value() {
    let (sender, mut receiver) = channel();
    receiver.close();
    assert!(receiver.is_terminated());
    assert_eq!(sender.send(1), Err(1));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    assert_eq!(ready(receiver), Err(RecvError(())));
}

#[test]
fn a_value_sent_before_the_close_is_received() {
    let (sender, mut receiver) = channel();
    sender.send(1).unwrap();
    receiver.close();
    assert_eq!(ready(&mut receiver), Ok(1));
    assert_eq!(ready(&mut receiver), Err(RecvError(())));
}

#[test]
fn trying_tells_what_there_is() {
    let (sender, mut receiver) = channel();
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert!(receiver.is_empty());
    sender.send(1).unwrap();
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    assert!(receiver.is_terminated());
    let (sender, mut receiver) = channel::<u8>();
    drop(sender);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn the_task_that_polled_last_is_woken() {
    let (sender, receiver) = channel();
    let mut waiting = Probe::waiting(receiver);
    assert!(waiting.poll_elsewhere().is_pending());
    sender.send(1).unwrap();
    assert_eq!(waiting.assert_woken(), Ok(1));
}

#[test]
fn a_value_that_is_not_received_is_dropped_with_the_receiver() {
    let value = Rc::new(());
    let (sender, receiver) = channel();
    sender.send(Rc::clone(&value)).unwrap();
    drop(receiver);
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn dropped_at_any_await_point_a_receiver_by_reference_loses_nothing() {
    at_every_await_point(|polls| {
        let (sender, mut receiver) = channel();
        let mut sender = Some(sender);
        let mut got = false;
        let mut subject = Probe::new(async {
            (&mut receiver).await.unwrap();
            got = true;
        });
        let waits = poll_times(&mut subject, polls, |_| {
            if let Some(sender) = sender.take() {
                sender.send(1).unwrap();
            }
        });
        drop(subject);
        let sent = sender.is_none();
        assert_eq!(got || receiver.try_recv().is_ok(), sent, "after {polls} polls");
        waits
    });
}

#[test]
fn debug_tells_the_state() {
    let (sender, receiver) = channel::<u8>();
    assert!(format!("{sender:?}").contains("is_closed: false"));
    assert!(format!("{receiver:?}").contains("is_empty: true"));
}
