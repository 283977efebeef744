//! `cancel().await` says exactly what became of an op and gives its buffer back.

use std::io::{Read, Write};
use std::time::Duration;

use annulus::net::TcpStream;
use annulus::{BufResult, Builder, op};

use crate::common::bound::{bound_loop, run_really};
use crate::common::metrics;
use crate::common::net::{half_pair, listener, pair, std_pair};
use crate::common::poll::{poll_once, until_woken};

#[test]
fn an_op_that_was_never_polled_is_never_submitted() {
    run_really(async {
        let (stream, _far) = half_pair();
        let before = metrics::here().ops_submitted;
        let BufResult(read, buf) = stream.read(vec![7; 3]).cancel().await;
        assert!(op::is_cancelled(&read.unwrap_err()));
        assert_eq!(buf, [7; 3]);
        assert_eq!(metrics::here().ops_submitted, before);
    });
}

#[test]
fn an_op_in_flight_is_cancelled_and_its_buffer_comes_back() {
    run_really(async {
        let (stream, mut far) = half_pair();
        let mut read = stream.read(vec![7; 3]);
        assert!(poll_once(&mut read).await.is_none());
        let BufResult(read, buf) = read.cancel().await;
        assert!(op::is_cancelled(&read.unwrap_err()));
        assert_eq!(buf, [7; 3]);
        far.write_all(b"abc").unwrap();
        assert_eq!(&*stream.recv().await.unwrap(), b"abc");
    });
}

#[test]
fn an_op_that_was_done_before_the_cancel_gives_what_it_did() {
    run_really(async {
        let (stream, mut far) = half_pair();
        let mut read = stream.read(Vec::with_capacity(8));
        assert!(poll_once(&mut read).await.is_none());
        far.write_all(b"abc").unwrap();
        until_woken(&mut read).await;
        let BufResult(read, buf) = read.cancel().await;
        assert_eq!((read.unwrap(), &buf[..]), (3, &b"abc"[..]));
    });
}

#[test]
fn a_cancel_that_is_dropped_is_a_cancel() {
    run_really(async {
        let (stream, mut far) = half_pair();
        let mut read = stream.read(vec![0; 8]);
        assert!(poll_once(&mut read).await.is_none());
        let mut cancel = read.cancel();
        assert!(poll_once(&mut cancel).await.is_none());
        drop(cancel);
        far.write_all(b"abc").unwrap();
        assert_eq!(&*stream.recv().await.unwrap(), b"abc");
        metrics::settle().await;
    });
}

#[test]
fn a_cancelled_receive_that_finds_the_pool_empty_is_not_begun_anew() {
    let runtime = Builder::new().buffer_pool(1, 64).build().unwrap();
    let _bound = bound_loop(&runtime);
    runtime.block_on(async {
        let (stream, mut far) = half_pair();
        far.write_all(b"held").unwrap();
        let held = stream.recv().await.unwrap();
        for turns in 0..3 {
            let mut recv = stream.recv();
            assert!(poll_once(&mut recv).await.is_none());
            for _ in 0..turns {
                op::nop().await.unwrap();
            }
            let error = recv.cancel().await.unwrap_err();
            assert!(op::is_cancelled(&error), "{error}");
        }
        drop(held);
        far.write_all(b"next").unwrap();
        assert_eq!(&*stream.recv().await.unwrap(), b"next");
    });
}

#[test]
fn a_receive_that_has_to_be_begun_anew_is_not_when_it_is_cancelled() {
    let runtime = Builder::new().buffer_pool(1, 64).build().unwrap();
    let _bound = bound_loop(&runtime);
    runtime.block_on(async {
        let (near, mut far) = std_pair();
        let mut thief = near.try_clone().unwrap();
        let stream = TcpStream::from_std(near).unwrap();
        far.write_all(b"held").unwrap();
        let _held = stream.recv().await.unwrap();
        let mut recv = stream.recv();
        assert!(poll_once(&mut recv).await.is_none());
        far.write_all(b"gone").unwrap();
        // It found no buffer, and by now there are no bytes any more.
        until_woken(&mut recv).await;
        assert_eq!(thief.read(&mut [0; 8]).unwrap(), 4);
        let error = recv.cancel().await.unwrap_err();
        assert!(op::is_cancelled(&error), "{error}");
    });
}

#[test]
fn an_accept_is_cancelled_or_gives_its_connection() {
    run_really(async {
        let (listener, address) = listener();
        let mut accept = listener.accept();
        assert!(poll_once(&mut accept).await.is_none());
        let error = accept.cancel().await.unwrap_err();
        assert!(op::is_cancelled(&error), "{error}");
        let mut accept = listener.accept();
        assert!(poll_once(&mut accept).await.is_none());
        let client = std::net::TcpStream::connect(address).unwrap();
        until_woken(&mut accept).await;
        let (stream, peer) = accept.cancel().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        assert_eq!(stream.peer_addr().unwrap(), peer);
    });
}

#[test]
fn a_cancel_beats_the_timeout_of_its_op_in_what_it_says() {
    run_really(async {
        let (stream, _far) = half_pair();
        let mut read = stream.read(vec![0; 8]).timeout(Duration::from_secs(3600));
        assert!(poll_once(&mut read).await.is_none());
        let BufResult(read, _buf) = read.cancel().await;
        assert!(op::is_cancelled(&read.unwrap_err()));
        metrics::settle().await;
    });
}

#[test]
fn a_write_that_is_cancelled_says_how_much_of_it_was_sent() {
    run_really(async {
        let (near, far) = pair();
        near.set_send_buffer_size(4096).unwrap();
        far.set_recv_buffer_size(4096).unwrap();
        let mut write = near.write(vec![5; 10_000_000]);
        assert!(poll_once(&mut write).await.is_none());
        op::nop().await.unwrap();
        let BufResult(write, buf) = write.cancel().await;
        assert_eq!(buf.len(), 10_000_000);
        let sent = write.unwrap_or_else(|error| {
            assert!(op::is_cancelled(&error));
            0
        });
        near.shutdown(std::net::Shutdown::Write).await.unwrap();
        let mut received = 0;
        loop {
            match far.recv().await.unwrap().len() {
                0 => break,
                count => received += count,
            }
        }
        assert_eq!(received, sent);
    });
}
