//! `Submit::cancel_with`: the exact outcome and the buffer come back, whoever wins.
//!
//! After compio's `cancel_token_already_cancelled` and `cancel_token_multiple_operations`, and
//! liburing's `cancel-race`: done or cancelled, never both, never neither.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use annulus::net::{TcpListener, TcpStream};
use annulus::task::CancellationToken;
use annulus::{BufResult, op, spawn, yield_now};

use crate::polls::poll_once;
use crate::support::run_really;

async fn pair() -> (TcpStream, std::net::TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().await.unwrap().0, peer)
}

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

#[test]
fn a_read_that_waits_is_ended_and_gives_its_buffer_back() {
    run_really(async {
        let (stream, mut peer) = pair().await;
        let token = CancellationToken::new();
        let read = stream.read(Vec::with_capacity(100)).cancel_with(&token);
        let stop = token.clone();
        spawn(async move { stop.cancel() }).detach();
        let BufResult(read, buf) = read.await;
        assert!(op::is_cancelled(&read.unwrap_err()));
        assert_eq!((buf.len(), buf.capacity()), (0, 100));
        // Nothing of the stream was lost.
        peer.write_all(b"later").unwrap();
        let BufResult(read, buf) = stream.read(buf).await;
        assert_eq!((read.unwrap(), &buf[..]), (5, &b"later"[..]));
    });
}

#[test]
fn an_op_under_a_cancelled_token_is_not_submitted() {
    run_really(async {
        let (stream, mut peer) = pair().await;
        peer.write_all(b"there").unwrap();
        let token = CancellationToken::new();
        token.cancel();
        let BufResult(read, buf) = stream.read(Vec::with_capacity(8)).cancel_with(&token).await;
        assert!(op::is_cancelled(&read.unwrap_err()));
        assert!(buf.is_empty());
        let BufResult(read, buf) = stream.read(buf).await;
        assert_eq!((read.unwrap(), &buf[..]), (5, &b"there"[..]));
    });
}

#[test]
fn an_op_that_has_completed_before_the_cancel_keeps_its_success() {
    run_really(async {
        let (stream, mut peer) = pair().await;
        let token = CancellationToken::new();
        let mut read = stream.read(Vec::with_capacity(8)).cancel_with(&token);
        assert!(poll_once(&mut read).await.is_none());
        peer.write_all(b"won").unwrap();
        // Sent by the same kernel before these turns, the bytes are there after them.
        for _ in 0..3 {
            op::nop().await.unwrap();
        }
        token.cancel();
        let BufResult(read, buf) = read.await;
        assert_eq!((read.unwrap(), &buf[..]), (3, &b"won"[..]));
    });
}

#[test]
fn an_accept_is_ended_and_the_next_connection_goes_to_the_next_accept() {
    run_really(async {
        let listener = TcpListener::bind_addr(loopback()).unwrap();
        let token = CancellationToken::new();
        let accept = listener.accept().cancel_with(&token);
        let stop = token.clone();
        spawn(async move { stop.cancel() }).detach();
        assert!(op::is_cancelled(&accept.await.unwrap_err()));
        let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_, from) = listener.accept().await.unwrap();
        assert_eq!(from, peer.local_addr().unwrap());
    });
}

#[test]
fn one_token_ends_many_ops_and_each_says_what_became_of_it() {
    run_really(async {
        let listener = TcpListener::bind_addr(loopback()).unwrap();
        let token = CancellationToken::new();
        let (stream, mut peer) = pair().await;
        peer.write_all(b"x").unwrap();
        let done = stream.read(Vec::with_capacity(1)).cancel_with(&token).await;
        assert_eq!(done.0.unwrap(), 1);
        let (a, b) = (token.clone(), token.child_token());
        let reader = spawn(async move { stream.read(vec![0; 4]).cancel_with(&a).await });
        let acceptor = spawn(async move { listener.accept().cancel_with(&b).await });
        yield_now().await;
        token.cancel();
        let BufResult(read, buf) = reader.await.unwrap();
        assert!(op::is_cancelled(&read.unwrap_err()) && buf == [0; 4]);
        assert!(op::is_cancelled(&acceptor.await.unwrap().unwrap_err()));
    });
}

#[test]
fn a_cancel_and_a_timeout_are_told_apart() {
    run_really(async {
        let (stream, _peer) = pair().await;
        let token = CancellationToken::new();
        let limited = stream.read(vec![0; 4]).timeout(Duration::from_millis(1));
        let BufResult(read, buf) = limited.cancel_with(&token).await;
        assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
        let limited = stream.read(buf).timeout(Duration::from_secs(60));
        let stop = token.clone();
        spawn(async move { stop.cancel() }).detach();
        let BufResult(read, _) = limited.cancel_with(&token).await;
        assert!(op::is_cancelled(&read.unwrap_err()));
    });
}

#[test]
fn an_op_dropped_under_a_token_keeps_its_bytes_for_the_next() {
    run_really(async {
        let (stream, mut peer) = pair().await;
        let token = CancellationToken::new();
        let mut read = stream.read(vec![0; 4]).cancel_with(&token);
        assert!(poll_once(&mut read).await.is_none());
        drop(read);
        peer.write_all(b"kept").unwrap();
        let BufResult(read, buf) = stream.read(vec![0; 4]).cancel_with(&token).await;
        assert_eq!((read.unwrap(), &buf[..]), (4, &b"kept"[..]));
        token.cancel();
    });
}

/// A cancel at a random time against bytes at a random time: each byte comes once, in order.
#[test]
fn reads_cancelled_at_random_lose_no_byte() {
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    run_really(async {
        let (stream, mut peer) = pair().await;
        let writer = std::thread::spawn(move || {
            let mut random = fastrand::Rng::with_seed(seed);
            for byte in 0..=255u8 {
                peer.write_all(&[byte]).unwrap();
                (0..random.u32(0..20_000)).for_each(|_| std::hint::spin_loop());
            }
        });
        let mut random = fastrand::Rng::with_seed(seed + 1);
        let (mut got, mut cancelled) = (Vec::new(), 0);
        loop {
            let token = CancellationToken::new();
            let stop = token.clone();
            let turns = random.u32(0..3);
            let canceller = spawn(async move {
                for _ in 0..turns {
                    op::nop().await.unwrap();
                }
                stop.cancel();
            });
            let BufResult(read, buf) = stream.read(Vec::with_capacity(9)).cancel_with(&token).await;
            canceller.await.unwrap();
            match read {
                Ok(0) => break,
                Ok(_) => got.extend(buf),
                Err(error) => {
                    assert!(op::is_cancelled(&error), "{error}");
                    assert!(buf.is_empty());
                    cancelled += 1;
                }
            }
        }
        eprintln!("cancelled {cancelled}");
        writer.join().unwrap();
        assert_eq!(got, (0..=255).collect::<Vec<u8>>());
    });
}
