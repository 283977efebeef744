//! Broadcasts.

use std::rc::Rc;

use crate::sync::broadcast::{RecvError, SendError, Sender, TryRecvError, channel};
use crate::sync::testing::{
    Probe, at_every_await_point, for_each_seed, panic_of, poll_times, ready, rounds,
};

// tokio: tests/sync_broadcast.rs.

#[test]
fn every_receiver_gets_every_value() {
    let (sender, mut one) = channel(4);
    let mut two = sender.subscribe();
    assert_eq!(sender.send(1), Ok(2));
    assert_eq!(sender.send(2), Ok(2));
    for receiver in [&mut one, &mut two] {
        assert_eq!(ready(receiver.recv()), Ok(1));
        assert_eq!(receiver.try_recv(), Ok(2));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    }
}

#[test]
fn those_who_wait_are_all_woken() {
    let (sender, mut one) = channel(4);
    let mut two = sender.subscribe();
    let mut waiting = [&mut one, &mut two].map(|receiver| Probe::waiting(receiver.recv()));
    sender.send(1).unwrap();
    for waiter in &mut waiting {
        assert_eq!(waiter.assert_woken(), Ok(1));
    }
}

#[test]
fn a_new_receiver_gets_what_is_sent_from_then_on() {
    let (sender, mut old) = channel(4);
    sender.send(1).unwrap();
    let mut new = sender.subscribe();
    let mut newer = old.resubscribe();
    sender.send(2).unwrap();
    assert_eq!((new.try_recv(), newer.try_recv()), (Ok(2), Ok(2)));
    assert_eq!((old.try_recv(), old.try_recv()), (Ok(1), Ok(2)));
    assert!(old.same_channel(&new) && sender.same_channel(&sender.clone()));
}

#[test]
fn a_receiver_that_falls_behind_is_told_how_much_it_missed() {
    let (sender, mut receiver) = channel(2);
    let mut quick = sender.subscribe();
    for value in 0..5 {
        sender.send(value).unwrap();
        assert_eq!(quick.try_recv(), Ok(value));
    }
    assert_eq!(receiver.len(), 2);
    assert_eq!(ready(receiver.recv()), Err(RecvError::Lagged(3)));
    assert_eq!(ready(receiver.recv()), Ok(3));
    sender.send(5).unwrap();
    sender.send(6).unwrap();
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Lagged(1)));
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(5), Ok(6)));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn without_receivers_a_value_comes_back() {
    let sender = Sender::new(1);
    ready(sender.closed());
    assert_eq!(sender.send(1), Err(SendError(1)));
    assert_eq!(sender.send(1).unwrap_err().into_inner(), 1);
    let (one, two) = (sender.subscribe(), sender.subscribe());
    let mut closed = Probe::waiting(sender.closed());
    drop(Probe::waiting(sender.closed()));
    drop(one);
    assert!(!closed.is_woken());
    closed.assert_pending();
    drop(two);
    closed.assert_woken();
    assert_eq!(sender.receiver_count(), 0);
}

#[test]
fn without_senders_the_rest_is_received_and_then_the_end() {
    let (sender, mut receiver) = channel(2);
    let other = sender.clone();
    sender.send(1).unwrap();
    drop(sender);
    assert!(!receiver.is_closed());
    drop(other);
    assert!(receiver.is_closed());
    assert_eq!(ready(receiver.recv()), Ok(1));
    assert_eq!(ready(receiver.recv()), Err(RecvError::Closed));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn the_last_sender_to_go_wakes_those_who_wait() {
    let (sender, mut receiver) = channel::<u8>(2);
    let other = sender.clone();
    let mut waiting = Probe::waiting(receiver.recv());
    drop(sender);
    assert!(!waiting.is_woken());
    drop(other);
    assert_eq!(waiting.assert_woken(), Err(RecvError::Closed));
}

#[test]
fn a_value_is_let_go_when_the_last_receiver_has_it() {
    let value = Rc::new(());
    let (sender, mut one) = channel(4);
    let mut two = sender.subscribe();
    sender.send(Rc::clone(&value)).unwrap();
    drop(one.try_recv().unwrap());
    assert_eq!((sender.len(), Rc::strong_count(&value)), (1, 2));
    let last = two.try_recv().unwrap();
    assert_eq!((sender.is_empty(), Rc::strong_count(&value)), (true, 2));
    assert!(Rc::ptr_eq(&last, &value));
}

#[test]
fn the_last_receiver_gets_the_value_and_no_clone() {
    struct Counted(Rc<()>);
    impl Clone for Counted {
        fn clone(&self) -> Self {
            panic!("there is one receiver, and no need to clone")
        }
    }
    let (sender, mut receiver) = channel(1);
    let value = Rc::new(());
    assert!(sender.send(Counted(Rc::clone(&value))).is_ok());
    let got = receiver.try_recv().unwrap_or_else(|_| panic!("it was sent"));
    assert!(Rc::ptr_eq(&got.0, &value));
}

#[test]
fn a_receiver_that_goes_lets_go_of_what_only_it_had_to_see() {
    let values = [Rc::new(()), Rc::new(()), Rc::new(())];
    let (sender, slow) = channel(4);
    let mut quick = sender.subscribe();
    for value in &values {
        sender.send(Rc::clone(value)).unwrap();
    }
    drop(quick.try_recv().unwrap());
    drop(slow);
    assert_eq!(values.each_ref().map(Rc::strong_count), [1, 2, 2]);
    assert_eq!((quick.len(), quick.is_empty()), (2, false));
    drop(quick);
    assert_eq!(values.each_ref().map(Rc::strong_count), [1, 1, 1]);
}

#[test]
fn a_receiver_far_behind_goes_quietly() {
    let (sender, slow) = channel(2);
    let mut quick = sender.subscribe();
    for value in 0..5 {
        sender.send(value).unwrap();
    }
    drop(slow);
    assert_eq!(quick.try_recv(), Err(TryRecvError::Lagged(3)));
    assert_eq!(quick.try_recv(), Ok(3));
    assert_eq!(sender.len(), 1);
}

#[test]
fn a_capacity_of_zero_is_refused() {
    assert!(panic_of(|| channel::<u8>(0)).contains("one value at least"));
}

#[test]
fn the_task_that_polled_last_is_woken() {
    let (sender, mut receiver) = channel(1);
    let mut waiting = Probe::waiting(receiver.recv());
    assert!(waiting.poll_elsewhere().is_pending());
    sender.send(1).unwrap();
    assert_eq!(waiting.assert_woken(), Ok(1));
}

#[test]
fn dropped_at_any_await_point_a_receiver_loses_nothing() {
    at_every_await_point(|polls| {
        let (sender, mut receiver) = channel(8);
        let mut got = 0;
        let mut sent = 0;
        let mut subject = Probe::new(async {
            for _ in 0..3 {
                receiver.recv().await.unwrap();
                got += 1;
            }
        });
        let waits = poll_times(&mut subject, polls, |_| {
            sender.send(0).unwrap();
            sent += 1;
        });
        drop(subject);
        assert_eq!(got + receiver.len(), sent, "after {polls} polls");
        waits
    });
}

#[test]
fn any_order_of_calls_agrees_with_a_list_of_all_values() {
    for_each_seed(100, |rng| {
        let capacity = rng.usize(1..6);
        let sender = Sender::new(capacity);
        let mut receivers = vec![(sender.subscribe(), 0)];
        let mut sent = 0_usize;
        for _ in 0..rounds(300) {
            match rng.u32(..10) {
                0 => receivers.push((sender.subscribe(), sent)),
                1 if receivers.len() > 1 => drop(receivers.remove(rng.usize(..receivers.len()))),
                2..5 => {
                    assert_eq!(sender.send(sent), Ok(receivers.len()));
                    sent += 1;
                }
                _ => {
                    let index = rng.usize(..receivers.len());
                    let (receiver, next) = &mut receivers[index];
                    let missed = (sent - *next).saturating_sub(capacity);
                    let expected = match () {
                        () if missed > 0 => Err(TryRecvError::Lagged(missed as u64)),
                        () if *next == sent => Err(TryRecvError::Empty),
                        () => Ok(*next),
                    };
                    assert_eq!(receiver.try_recv(), expected);
                    *next += if missed > 0 { missed } else { usize::from(expected.is_ok()) };
                }
            }
            let most = receivers.iter().map(|(_, next)| (sent - next).min(capacity)).max();
            assert_eq!(sender.len(), most.unwrap(), "values are kept that nobody needs");
        }
    });
}
