//! What receives that are given up leave for the next, step by step.

use std::time::Duration;

use annulus::BufResult;
use annulus::time::timeout;

use crate::support::{pair, poll_once, recv, run, settle, socket};

#[test]
fn a_datagram_of_a_receive_that_was_given_up_comes_next_with_its_sender() {
    run(async {
        let (server, address) = socket().await;
        let (client, own) = socket().await;
        for round in 0..30_u8 {
            let mut given_up = server.recv(vec![0; 100]);
            assert!(poll_once(&mut given_up).await.is_none());
            settle().await;
            // In one turn, the sends before the cancel; or the cancel when it has come.
            let mut sends = [0, 1, 2].map(|n| client.send_to(vec![round, n], address));
            for send in &mut sends {
                assert!(poll_once(send).await.is_none());
            }
            if round % 2 == 0 {
                settle().await;
            }
            drop(given_up);
            for send in sends {
                send.await.into_result().unwrap();
            }
            for n in 0..3 {
                let ((len, from), buf) = server.recv_from(vec![9; 50]).await.into_result().unwrap();
                assert_eq!((&buf[..len], from), (&[round, n][..], own));
            }
        }
    });
}

#[test]
fn receives_given_up_with_an_empty_datagram_keep_it() {
    run(async {
        let (one, other) = pair().await;
        for round in 0..10 {
            let mut given_up = other.recv(vec![0; 4]);
            assert!(poll_once(&mut given_up).await.is_none());
            settle().await;
            let mut send = one.send("");
            assert!(poll_once(&mut send).await.is_none());
            if round % 2 == 0 {
                settle().await;
            }
            drop(given_up);
            send.await.into_result().unwrap();
            one.send("x").await.into_result().unwrap();
            assert_eq!(recv(&other).await, b"");
            assert_eq!(recv(&other).await, b"x");
        }
    });
}

#[test]
fn what_is_kept_can_be_peeked_at_and_waited_for() {
    run(async {
        let (one, other) = pair().await;
        let mut given_up = other.recv(vec![0; 64]);
        assert!(poll_once(&mut given_up).await.is_none());
        settle().await;
        one.send("kept").await.into_result().unwrap();
        settle().await;
        drop(given_up);
        other.readable().await.unwrap();
        for _ in 0..2 {
            assert_eq!(other.peek(vec![0; 2]).await.into_result().unwrap(), (2, b"ke".to_vec()));
        }
        let (len, buf) = other.recv(vec![0; 64]).await.into_result().unwrap();
        assert_eq!(&buf[..len], b"kept");
    });
}

#[test]
fn a_receive_that_waits_gets_what_another_left() {
    run(async {
        let (one, other) = pair().await;
        for round in 0..10 {
            let mut given_up = other.recv(vec![0; 64]);
            assert!(poll_once(&mut given_up).await.is_none());
            let mut waits = other.recv(vec![0; 64]);
            assert!(poll_once(&mut waits).await.is_none());
            settle().await;
            let mut send = one.send("one");
            assert!(poll_once(&mut send).await.is_none());
            if round % 2 == 0 {
                settle().await;
            }
            drop(given_up);
            send.await.into_result().unwrap();
            // Whoever has got it: the one that waits has it in the end.
            let (len, buf) = waits.await.into_result().unwrap();
            assert_eq!(&buf[..len], b"one");
        }
    });
}

#[test]
fn a_receive_says_its_exact_outcome_and_gives_its_buffer_back() {
    run(async {
        let (one, other) = pair().await;
        let BufResult(outcome, buf) = other.recv(Vec::with_capacity(77)).cancel().await;
        assert!(annulus::op::is_cancelled(&outcome.unwrap_err()));
        assert_eq!(buf.capacity(), 77);
        let limited = other.recv_from(vec![0; 9]).timeout(Duration::from_millis(1)).await;
        assert_eq!(limited.0.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
        one.send("there").await.into_result().unwrap();
        assert_eq!(recv(&other).await, b"there");
    });
}

#[test]
fn a_close_ends_the_receives_that_wait() {
    run(async {
        let (socket, address) = socket().await;
        let clone = socket.try_clone().unwrap();
        let waits = annulus::spawn(async move {
            let ended = clone.recv(vec![0; 8]).await;
            drop(clone);
            ended.0
        });
        settle().await;
        let mut direct = socket.recv(vec![0; 8]);
        assert!(poll_once(&mut direct).await.is_none());
        settle().await;
        waits.abort();
        assert!(waits.await.unwrap_err().is_cancelled());
        socket.close().await.unwrap();
        assert!(direct.await.0.is_err());
        // The port is free at once.
        let again = annulus::net::UdpSocket::bind(address).await.unwrap();
        let never = timeout(Duration::from_millis(1), again.recv(vec![0; 1])).await;
        assert!(never.is_err());
    });
}
