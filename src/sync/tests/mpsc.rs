//! Channels with one receiver: sending and receiving.

use crate::sync::mpsc::{SendError, TryRecvError, TrySendError, channel, unbounded_channel};
use crate::sync::testing::{Probe, at_every_await_point, panic_of, poll_times, ready, rounds};

// tokio: tests/sync_mpsc.rs.

#[test]
fn messages_arrive_in_the_order_in_which_they_were_sent() {
    let (sender, mut receiver) = channel(4);
    let other = sender.clone();
    ready(sender.send(1)).unwrap();
    ready(other.send(2)).unwrap();
    sender.try_send(3).unwrap();
    assert_eq!((receiver.len(), receiver.is_empty()), (3, false));
    assert_eq!(ready(receiver.recv()), Some(1));
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(ready(receiver.recv()), Some(3));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn a_full_channel_holds_senders_back() {
    let (sender, mut receiver) = channel(1);
    sender.try_send(1).unwrap();
    assert_eq!((sender.capacity(), sender.max_capacity()), (0, 1));
    assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    let mut sending = Probe::waiting(sender.send(2));
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(sending.assert_woken(), Ok(()));
    assert_eq!(receiver.try_recv(), Ok(2));
}

#[test]
fn senders_that_wait_take_turns_and_cannot_be_overtaken() {
    let (sender, mut receiver) = channel(1);
    sender.try_send(0).unwrap();
    let mut sending: Vec<_> = (1..4).map(|message| Probe::waiting(sender.send(message))).collect();
    for (message, waiting) in sending.iter_mut().enumerate() {
        assert_eq!(receiver.try_recv(), Ok(message));
        assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)));
        assert_eq!(waiting.assert_woken(), Ok(()));
    }
}

#[test]
fn a_receiver_is_woken_by_each_way_of_sending() {
    let (sender, mut receiver) = channel(4);
    let mut waiting = Probe::waiting(receiver.recv());
    sender.try_send(1).unwrap();
    assert_eq!(waiting.assert_woken(), Some(1));
    drop(waiting);
    let mut waiting = Probe::waiting(receiver.recv());
    ready(sender.send(2)).unwrap();
    assert_eq!(waiting.assert_woken(), Some(2));
    drop(waiting);
    let mut waiting = Probe::waiting(receiver.recv());
    let permit = ready(sender.reserve()).unwrap();
    assert!(!waiting.is_woken());
    permit.send(3);
    assert_eq!(waiting.assert_woken(), Some(3));
}

#[test]
fn an_unbounded_channel_never_holds_back() {
    let (sender, mut receiver) = unbounded_channel();
    let other = sender.clone();
    assert!(sender.same_channel(&other));
    for message in 0..rounds(1000) {
        other.send(message).unwrap();
    }
    assert_eq!(receiver.len(), rounds(1000));
    assert_eq!(sender.strong_count(), 2);
    drop((sender, other));
    assert_eq!(std::iter::from_fn(|| ready(receiver.recv())).count(), rounds(1000));
}

#[test]
fn a_bound_of_zero_is_refused() {
    assert!(panic_of(|| channel::<u8>(0)).contains("one message at least"));
}

#[test]
fn many_messages_come_in_one_go() {
    let (sender, mut receiver) = channel(4);
    for message in 0..4 {
        sender.try_send(message).unwrap();
    }
    let mut sending = Probe::waiting(sender.send(4));
    let mut buf = vec![9];
    assert_eq!(ready(receiver.recv_many(&mut buf, 3)), 3);
    assert_eq!(buf, [9, 0, 1, 2]);
    assert_eq!(sending.assert_woken(), Ok(()));
    assert_eq!(ready(receiver.recv_many(&mut buf, usize::MAX)), 2);
    assert_eq!(buf, [9, 0, 1, 2, 3, 4]);
    assert_eq!(sender.capacity(), 4);
}

#[test]
fn receiving_many_waits_for_the_first_and_tells_the_end() {
    let (sender, mut receiver) = channel(4);
    let mut buf = Vec::new();
    assert_eq!(ready(receiver.recv_many(&mut buf, 0)), 0);
    let mut waiting = Probe::waiting(receiver.recv_many(&mut buf, 8));
    sender.try_send(1).unwrap();
    assert_eq!(waiting.assert_woken(), 1);
    drop(waiting);
    let mut waiting = Probe::waiting(receiver.recv_many(&mut buf, 8));
    drop(sender);
    assert_eq!(waiting.assert_woken(), 0);
    drop(waiting);
    assert_eq!(buf, [1]);
}

#[test]
fn a_cancelled_recv_leaves_its_message() {
    let (sender, mut receiver) = channel(1);
    let waiting = Probe::waiting(receiver.recv());
    sender.try_send(1).unwrap();
    assert!(waiting.is_woken());
    drop(waiting);
    assert_eq!(ready(receiver.recv()), Some(1));
}

#[test]
fn the_task_that_received_last_is_woken() {
    let (sender, mut receiver) = channel(1);
    let mut waiting = Probe::waiting(receiver.recv());
    assert!(waiting.poll_elsewhere().is_pending());
    sender.try_send(1).unwrap();
    assert_eq!(waiting.assert_woken(), Some(1));
}

#[test]
fn a_cancelled_send_leaves_its_room_to_the_next() {
    let (sender, mut receiver) = channel(1);
    sender.try_send(0).unwrap();
    let first = Probe::waiting(sender.send(1));
    let mut second = Probe::waiting(sender.send(2));
    receiver.try_recv().unwrap();
    drop(first);
    assert_eq!(second.assert_woken(), Ok(()));
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(sender.capacity(), 1);
}

#[test]
fn reserved_room_is_for_the_permit_alone() {
    let (sender, mut receiver) = channel(1);
    let permit = sender.try_reserve().unwrap();
    assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    assert!(matches!(sender.try_reserve(), Err(TrySendError::Full(()))));
    let mut reserving = Probe::waiting(sender.reserve());
    drop(permit);
    reserving.assert_woken().unwrap().send(3);
    assert_eq!(receiver.try_recv(), Ok(3));
}

#[test]
fn an_owned_permit_gives_the_sender_back() {
    let (sender, mut receiver) = channel(1);
    let other = sender.clone();
    let permit = ready(sender.reserve_owned()).unwrap();
    let refused = other.try_reserve_owned();
    let Err(TrySendError::Full(other)) = refused else { panic!("there is no room") };
    let sender = permit.send(1);
    assert_eq!(receiver.try_recv(), Ok(1));
    let sender = sender.try_reserve_owned().unwrap().release();
    assert_eq!(sender.capacity(), 1);
    drop(other.try_reserve_owned().unwrap());
    assert_eq!((sender.capacity(), sender.strong_count()), (1, 1));
    drop(receiver);
    assert_eq!(ready(sender.clone().reserve_owned()).unwrap_err(), SendError(()));
    assert!(matches!(sender.try_reserve_owned(), Err(TrySendError::Closed(_))));
}

#[test]
fn dropped_at_any_await_point_a_sender_leaves_its_room() {
    at_every_await_point(|polls| {
        let (sender, mut receiver) = channel(1);
        sender.try_send(0).unwrap();
        let mut subject = Probe::new(async {
            sender.send(1).await.unwrap();
            sender.reserve().await.unwrap().send(2);
            let permit = sender.clone().reserve_owned().await.unwrap();
            sender.closed().await;
            drop(permit);
        });
        let waits = poll_times(&mut subject, polls, |poll| {
            let _ = receiver.try_recv();
            if poll == 3 {
                receiver.close();
            }
        });
        drop(subject);
        while receiver.try_recv().is_ok() {}
        assert_eq!(sender.capacity(), 1, "after {polls} polls");
        waits
    });
}

#[test]
fn dropped_at_any_await_point_a_receiver_loses_nothing() {
    at_every_await_point(|polls| {
        let (sender, mut receiver) = channel(4);
        let mut got = 0;
        let mut sent = 0;
        let mut buf = Vec::new();
        let mut subject = Probe::new(async {
            receiver.recv().await.unwrap();
            got += 1;
            receiver.recv_many(&mut buf, 5).await;
            receiver.recv().await.unwrap();
            got += 1;
        });
        let waits = poll_times(&mut subject, polls, |_| {
            sender.try_send(0).unwrap();
            sent += 1;
        });
        drop(subject);
        let left = std::iter::from_fn(|| receiver.try_recv().ok()).count();
        assert_eq!(got + buf.len() + left, sent, "after {polls} polls");
        waits
    });
}

#[test]
fn debug_needs_nothing_of_the_message() {
    struct Plain;
    let (sender, receiver) = channel(2);
    sender.try_send(Plain).unwrap();
    assert!(format!("{sender:?}").contains("capacity: 1"));
    assert!(format!("{receiver:?}").contains("len: 1"));
    assert_eq!(format!("{:?}", SendError(Plain)), "SendError { .. }");
    assert_eq!(format!("{:?}", TrySendError::Full(Plain)), "Full(..)");
}
