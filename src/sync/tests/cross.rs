//! Channels between threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::sync::cross::mpsc::{self, SendError, TryRecvError, TrySendError};
use crate::sync::cross::oneshot;
use crate::sync::testing::{
    OnDrop, Probe, WAKER_PANIC, at_every_await_point, for_each_seed, panic_of, panicking_waker,
    poll_times, ready, rounds,
};

fn assert_send<T: Send>(value: T) -> T {
    value
}

// tokio: tests/sync_mpsc.rs, tests/sync_oneshot.rs, and their loom tests.

#[test]
fn the_ends_and_their_futures_move_between_threads() {
    let (sender, mut receiver) = assert_send(mpsc::channel::<u8>(1));
    drop(assert_send(sender.send(1)));
    drop(assert_send(sender.closed()));
    drop(assert_send(receiver.recv()));
    drop(assert_send(mpsc::unbounded_channel::<u8>()));
    drop(assert_send(oneshot::channel::<u8>()));
}

#[test]
fn messages_come_from_another_thread_in_order() {
    let (sender, mut receiver) = mpsc::channel(2);
    let thread = thread::spawn(move || {
        for message in 0..rounds(1000) {
            sender.blocking_send(message).unwrap();
        }
    });
    for message in 0..rounds(1000) {
        assert_eq!(receiver.blocking_recv(), Some(message));
    }
    assert_eq!(receiver.blocking_recv(), None);
    thread.join().unwrap();
}

#[test]
fn a_full_channel_holds_senders_back_in_turn() {
    let (sender, mut receiver) = mpsc::channel(1);
    sender.try_send(0).unwrap();
    assert_eq!((sender.capacity(), sender.max_capacity(), receiver.capacity()), (0, 1, 0));
    assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)));
    let mut sending: Vec<_> = (1..4).map(|message| Probe::waiting(sender.send(message))).collect();
    for (message, waiting) in sending.iter_mut().enumerate() {
        assert_eq!(receiver.try_recv(), Ok(message));
        assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)));
        assert_eq!(waiting.assert_woken(), Ok(()));
    }
    assert_eq!(receiver.try_recv(), Ok(3));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn a_cancelled_send_leaves_its_room_to_the_next() {
    let (sender, mut receiver) = mpsc::channel(1);
    sender.try_send(0).unwrap();
    let first = Probe::waiting(sender.send(1));
    let mut second = Probe::waiting(sender.send(2));
    receiver.try_recv().unwrap();
    drop(first);
    assert_eq!(second.assert_woken(), Ok(()));
    assert_eq!(receiver.try_recv(), Ok(2));
}

#[test]
fn without_a_receiver_messages_come_back() {
    let (sender, receiver) = mpsc::channel(1);
    let message = Arc::new(());
    sender.try_send(Arc::clone(&message)).unwrap();
    let mut sending = Probe::waiting(sender.send(Arc::clone(&message)));
    let mut closed = Probe::waiting(sender.closed());
    drop(Probe::waiting(sender.closed()));
    drop(receiver);
    closed.assert_woken();
    assert!(sender.is_closed());
    assert!(sending.assert_woken().is_err());
    assert_eq!(Arc::strong_count(&message), 1);
    let refused = sender.blocking_send(Arc::clone(&message)).unwrap_err().into_inner();
    assert!(Arc::ptr_eq(&refused, &message));
    assert!(matches!(sender.try_send(message), Err(TrySendError::Closed(_))));
}

#[test]
fn a_closed_channel_is_drained_and_then_ends() {
    let (sender, mut receiver) = mpsc::channel(2);
    let other = sender.clone();
    assert!(sender.same_channel(&other));
    sender.try_send(1).unwrap();
    other.try_send(2).unwrap();
    assert!(!receiver.is_closed());
    receiver.close();
    assert!(receiver.is_closed());
    assert_eq!(ready(sender.send(3)), Err(SendError(3)));
    assert_eq!((receiver.len(), receiver.is_empty(), receiver.max_capacity()), (2, false, 2));
    let mut buf = Vec::new();
    assert_eq!(ready(receiver.recv_many(&mut buf, 9)), 2);
    assert_eq!(buf, [1, 2]);
    assert_eq!(ready(receiver.recv()), None);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn an_unbounded_channel_never_holds_back() {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let other = sender.clone();
    assert!(sender.same_channel(&other));
    let thread =
        thread::spawn(move || (0..rounds(1000)).try_for_each(|message| other.send(message)));
    thread.join().unwrap().unwrap();
    assert_eq!(receiver.len(), rounds(1000));
    let mut closed = Probe::waiting(sender.closed());
    receiver.close();
    closed.assert_woken();
    assert!(sender.is_closed());
    assert_eq!(sender.send(1), Err(SendError(1)));
}

#[test]
fn a_blocked_receiver_hears_of_the_last_sender() {
    let (sender, mut receiver) = mpsc::channel::<u8>(1);
    let thread = thread::spawn(move || (receiver.blocking_recv(), receiver.is_closed()));
    drop(sender.clone());
    assert!(!sender.is_closed());
    drop(sender);
    assert_eq!(thread.join().unwrap(), (None, true));
}

#[test]
fn a_blocked_sender_hears_of_the_receiver() {
    let (sender, mut receiver) = mpsc::channel(1);
    sender.try_send(1).unwrap();
    let thread = thread::spawn(move || sender.blocking_send(2));
    receiver.close();
    // Whether the send was in line or came later, it was not let in.
    assert_eq!(thread.join().unwrap(), Err(SendError(2)));
}

#[test]
fn nothing_is_lost_or_doubled_between_many_threads() {
    let (sender, mut receiver) = mpsc::channel(3);
    let threads: Vec<_> = (0..4_usize)
        .map(|thread| {
            let sender = sender.clone();
            thread::spawn(move || {
                for message in 0..rounds(500) {
                    let message = (thread, message);
                    if message.1 % 3 > 0 {
                        sender.blocking_send(message).unwrap();
                        continue;
                    }
                    let mut refused = sender.try_send(message);
                    while let Err(TrySendError::Full(message)) = refused {
                        thread::yield_now();
                        refused = sender.try_send(message);
                    }
                    refused.unwrap();
                }
            })
        })
        .collect();
    drop(sender);
    let mut next = [0; 4];
    while let Some((thread, message)) = receiver.blocking_recv() {
        assert_eq!(message, next[thread], "each sender's messages arrive in order");
        next[thread] += 1;
    }
    assert_eq!(next, [rounds(500); 4]);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn sends_that_are_given_up_under_way_lose_no_room() {
    for_each_seed(4, |rng| {
        let (sender, mut receiver) = mpsc::channel(2);
        let arrived = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&arrived);
        let consumer = thread::spawn(move || {
            while receiver.blocking_recv().is_some() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut sent = 0;
        for _ in 0..rounds(2000) {
            let mut sending = Probe::new(sender.send(()));
            for _ in 0..rng.u32(1..4) {
                if sending.poll().is_ready() {
                    sent += 1;
                    break;
                }
            }
        }
        // All room is free again, or this would block for good.
        for _ in 0..3 {
            sender.blocking_send(()).unwrap();
            sent += 1;
        }
        drop(sender);
        consumer.join().unwrap();
        assert_eq!(arrived.load(Ordering::Relaxed), sent);
    });
}

#[test]
fn a_message_may_use_its_channel_as_it_is_dropped() {
    let (sender, receiver) = mpsc::channel::<Box<dyn std::any::Any + Send>>(1);
    let other = sender.clone();
    let refused = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&refused);
    let message = OnDrop(move || {
        count.fetch_add(usize::from(other.try_send(Box::new(())).is_err()), Ordering::Relaxed);
    });
    assert!(sender.try_send(Box::new(message)).is_ok());
    drop(receiver);
    assert_eq!(refused.load(Ordering::Relaxed), 1);
}

#[test]
fn a_panicking_waker_poisons_nothing() {
    let (sender, mut receiver) = mpsc::channel(1);
    let mut receiving = Probe::new(receiver.recv());
    assert!(receiving.poll_with(&panicking_waker()).is_pending());
    assert_eq!(panic_of(|| sender.try_send(1)), WAKER_PANIC);
    assert_eq!(receiving.assert_ready(), Some(1));
    drop(receiving);
    sender.try_send(2).unwrap();
    assert_eq!(receiver.try_recv(), Ok(2));
}

#[test]
fn dropped_at_any_await_point_a_sender_leaves_its_room() {
    at_every_await_point(|polls| {
        let (sender, mut receiver) = mpsc::channel(1);
        sender.try_send(0).unwrap();
        let mut subject = Probe::new(async {
            for message in 1..4 {
                sender.send(message).await.unwrap();
            }
        });
        let waits = poll_times(&mut subject, polls, |_| {
            let _ = receiver.try_recv();
        });
        drop(subject);
        while receiver.try_recv().is_ok() {}
        assert_eq!(sender.capacity(), 1, "after {polls} polls");
        waits
    });
}

#[test]
fn one_value_comes_from_another_thread() {
    let (sender, receiver) = oneshot::channel();
    let thread = thread::spawn(move || sender.send(1));
    assert_eq!(receiver.blocking_recv(), Ok(1));
    assert_eq!(thread.join().unwrap(), Ok(()));
    let (sender, receiver) = oneshot::channel::<u8>();
    let thread = thread::spawn(move || receiver.blocking_recv());
    drop(sender);
    assert!(thread.join().unwrap().is_err());
}

#[test]
fn a_oneshot_value_is_awaited_tried_or_given_back() {
    let (sender, receiver) = oneshot::channel();
    let mut waiting = Probe::waiting(receiver);
    assert!(waiting.poll_elsewhere().is_pending());
    sender.send(1).unwrap();
    assert_eq!(waiting.assert_woken(), Ok(1));
    let (sender, mut receiver) = oneshot::channel();
    assert_eq!(receiver.try_recv(), Err(oneshot::TryRecvError::Empty));
    assert!(receiver.is_empty());
    sender.send(2).unwrap();
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(receiver.try_recv(), Err(oneshot::TryRecvError::Closed));
    assert!(receiver.is_terminated());
    let (mut sender, mut receiver) = oneshot::channel();
    let mut closed = Probe::waiting(sender.closed());
    receiver.close();
    closed.assert_woken();
    drop(closed);
    assert!(sender.is_closed());
    assert_eq!(sender.send(3), Err(3));
}

#[test]
fn each_of_many_oneshots_is_answered() {
    let (sender, mut receiver) = mpsc::channel::<(usize, oneshot::Sender<usize>)>(4);
    let server = thread::spawn(move || {
        while let Some((question, answer)) = receiver.blocking_recv() {
            let _ = answer.send(question + 1);
        }
    });
    for question in 0..rounds(500) {
        let (answer, answered) = oneshot::channel();
        sender.blocking_send((question, answer)).unwrap();
        if question % 5 > 0 {
            assert_eq!(answered.blocking_recv(), Ok(question + 1));
        }
    }
    drop(sender);
    server.join().unwrap();
}

#[test]
fn debug_tells_the_state() {
    let (sender, receiver) = mpsc::channel::<u8>(2);
    assert!(format!("{sender:?}").contains("capacity: 2"));
    assert!(format!("{receiver:?}").contains("len: 0"));
    let (sender, receiver) = oneshot::channel::<u8>();
    assert!(format!("{sender:?}").contains("is_closed: false"));
    assert!(format!("{receiver:?}").contains("is_empty: true"));
    assert!(panic_of(|| mpsc::channel::<u8>(0)).contains("one message at least"));
}
