//! The channels between threads, in the interleavings of their ends.

use super::{mpsc, oneshot};
use crate::threads::check;
use crate::threads::thread::spawn;

#[test]
fn a_value_arrives_at_a_thread_that_waits_for_it() {
    check(None, || {
        let (sender, receiver) = oneshot::channel();
        let thread = spawn(move || sender.send(1).expect("there is a receiver"));
        assert_eq!(receiver.blocking_recv(), Ok(1));
        thread.join().expect("no panic");
    });
}

#[test]
fn a_thread_that_waits_for_a_value_learns_that_its_sender_has_gone() {
    check(None, || {
        let (sender, receiver) = oneshot::channel::<u8>();
        let thread = spawn(move || drop(sender));
        assert!(receiver.blocking_recv().is_err());
        thread.join().expect("no panic");
    });
}

#[test]
fn a_value_sent_to_a_receiver_that_goes_comes_back_or_is_dropped_with_it() {
    check(None, || {
        let (sender, receiver) = oneshot::channel();
        let (value, kept) = (std::sync::Arc::new(()), std::sync::Weak::new());
        let watched = std::sync::Arc::downgrade(&value);
        let thread = spawn(move || {
            sender.send(value).err().map_or(kept, |back| std::sync::Arc::downgrade(&back))
        });
        drop(receiver);
        assert_eq!(thread.join().expect("no panic").strong_count(), 0);
        assert_eq!(watched.strong_count(), 0);
    });
}

#[test]
fn messages_through_a_channel_with_room_for_one_arrive_in_order() {
    check(Some(3), || {
        let (sender, mut receiver) = mpsc::channel(1);
        let thread = spawn(move || {
            for message in 0..2 {
                sender.blocking_send(message).expect("there is a receiver");
            }
        });
        for message in 0..2 {
            assert_eq!(receiver.blocking_recv(), Some(message));
        }
        assert_eq!(receiver.blocking_recv(), None);
        thread.join().expect("no panic");
    });
}

#[test]
fn two_senders_that_wait_for_room_both_get_it() {
    check(Some(2), || {
        let (sender, mut receiver) = mpsc::channel(1);
        let threads = [1, 2].map(|message| {
            let sender = sender.clone();
            spawn(move || sender.blocking_send(message).expect("there is a receiver"))
        });
        drop(sender);
        let sum: u32 = std::iter::from_fn(|| receiver.blocking_recv()).sum();
        assert_eq!(sum, 3);
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    });
}

#[test]
fn a_receiver_that_goes_ends_the_senders_that_wait() {
    check(Some(3), || {
        let (sender, receiver) = mpsc::channel(1);
        let thread = spawn(move || (0..3).take_while(|_| sender.blocking_send(()).is_ok()).count());
        drop(receiver);
        assert!(thread.join().expect("no panic") <= 1, "there was room for one");
    });
}
