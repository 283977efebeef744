//! What goes wrong, said at the call that it concerns.

use std::io::ErrorKind;
use std::net::Shutdown;
use std::time::Duration;

use annulus::BufResult;
use annulus::net::{TcpListener, TcpStream};

use crate::common::child::Child;
use crate::support::{
    half_foreign_pair, listen, loopback, pair, poll_once, run, run_really, settle,
};

#[test]
fn a_reset_is_read_once_and_then_the_end() {
    run_really(async {
        let (stream, foreign) = half_foreign_pair().await;
        stream.write_all("never read").await.into_result().unwrap();
        // Closed with bytes unread, the peer resets the connection.
        drop(foreign);
        let BufResult(result, buf) = stream.read(vec![9; 4]).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(buf, [9; 4]);
        assert_eq!(stream.read(vec![0; 4]).await.0.unwrap(), 0);
        assert_eq!(stream.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
        let BufResult(result, _) = stream.write("x").await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_reset_that_only_an_abandoned_operation_was_told_is_told_to_the_next() {
    run_really(async {
        for peek in [false, true] {
            let (stream, foreign) = half_foreign_pair().await;
            let mut read = stream.read(vec![0; 4]);
            let mut peeked = stream.peek(vec![0; 4]);
            if peek {
                assert!(poll_once(&mut peeked).await.is_none());
            } else {
                assert!(poll_once(&mut read).await.is_none());
            }
            settle().await;
            stream.write_all("never read").await.into_result().unwrap();
            drop(foreign);
            settle().await;
            drop((read, peeked));
            let BufResult(result, _) = stream.read(vec![0; 4]).await;
            assert_eq!(result.unwrap_err().kind(), ErrorKind::ConnectionReset, "peek: {peek}");
            assert_eq!(stream.read(vec![0; 4]).await.0.unwrap(), 0);
        }
    });
}

#[test]
fn an_error_that_waits_on_the_connection_can_be_taken() {
    run_really(async {
        let (stream, foreign) = half_foreign_pair().await;
        stream.write_all("never read").await.into_result().unwrap();
        drop(foreign);
        stream.readable().await.unwrap();
        let error = stream.take_error().unwrap().expect("the reset");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(stream.take_error().unwrap().is_none());
    });
}

#[test]
fn a_write_to_a_peer_that_has_gone_is_an_error_and_no_signal() {
    let child = Child::of(concat!(
        module_path!(),
        "::a_write_to_a_peer_that_has_gone_is_an_error_and_no_signal"
    ));
    child.run(|| {
        let_broken_pipes_kill();
        run_really(write_to_nobody());
    });
}

async fn write_to_nobody() {
    for way in 0..4 {
        let (stream, foreign) = half_foreign_pair().await;
        drop(foreign);
        let mut last = Ok(());
        // The first write may go out before the peer's answer to it has come.
        for _ in 0..10 {
            last = match way {
                0 => stream.write("x").await.0.map(drop),
                1 => stream.writev(vec!["x", "y"]).await.0.map(drop),
                2 => stream.write_all("x").await.0,
                _ => stream.write_vectored_all(vec!["x", "y"]).await.0,
            };
            if last.is_err() {
                break;
            }
            settle().await;
        }
        let kind = last.expect_err("the peer has gone").kind();
        assert!([ErrorKind::BrokenPipe, ErrorKind::ConnectionReset].contains(&kind), "{kind}");
        let BufResult(again, _) = stream.write("x").await;
        assert_eq!(again.unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
    let (one, _other) = pair().await;
    one.shutdown(Shutdown::Write).await.unwrap();
    assert_eq!(one.write("x").await.0.unwrap_err().kind(), ErrorKind::BrokenPipe);
}

/// Takes back what std does for every program: a `SIGPIPE` is to end the process from here on.
#[expect(unsafe_code, reason = "std has no call to restore a signal's default")]
fn let_broken_pipes_kill() {
    for before in [libc::SIG_IGN, libc::SIG_DFL] {
        // SAFETY: the default action needs no handler, and no other thread sets this signal's.
        assert_eq!(unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) }, before);
    }
}

#[test]
fn buffers_without_room_or_bytes_are_answered_at_once() {
    run(async {
        let (one, other) = pair().await;
        assert_eq!(one.write("").await.unwrap(), (0, ""));
        one.write_all("").await.into_result().unwrap();
        one.write_vectored_all(vec!["", ""]).await.into_result().unwrap();
        assert_eq!(one.read(Vec::new()).await.unwrap().0, 0);
        other.write_all("abc").await.into_result().unwrap();
        assert_eq!(one.read(Vec::new()).await.unwrap().0, 0);
        assert_eq!(one.peek(Vec::new()).await.unwrap().0, 0);
        assert_eq!(one.read(Vec::with_capacity(8)).await.unwrap().1, b"abc");
    });
}

#[test]
#[should_panic(expected = "polled outside an annulus loop")]
fn an_operation_that_is_polled_outside_a_loop_says_so() {
    use std::future::Future;
    let (stream, _foreign) = run_really(half_foreign_pair());
    let mut read = stream.read(vec![0; 4]);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let _panics = std::pin::Pin::new(&mut read).poll(&mut cx);
}

#[test]
#[should_panic(expected = "used in a loop that it does not belong to")]
fn a_handle_in_another_loop_says_so() {
    let (stream, _foreign) = run_really(half_foreign_pair());
    run_really(async {
        let _panics = stream.read(vec![0; 4]).await;
    });
}

#[test]
fn addresses_that_make_no_sense_are_named() {
    run(async {
        for text in ["here", "here:", "1.2.3.4:99999", "::1:http", ""] {
            let error = TcpStream::connect(text).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(&format!("\"{text}\"")), "{error}");
            let error = TcpListener::bind(text).await.unwrap_err();
            assert!(error.to_string().contains(&format!("\"{text}\"")), "{error}");
        }
    });
}

#[test]
fn a_refused_connection_is_said_at_the_connect() {
    run(async {
        let (listener, address) = listen().await;
        drop(listener);
        settle().await;
        let error = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let error = TcpStream::connect_addr(address).unwrap().timeout(Duration::from_secs(60));
        assert_eq!(error.await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        // An address that was never bound is the host itself, as everywhere.
        let unspecified = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = unspecified.local_addr().unwrap().port();
        TcpStream::connect(("0.0.0.0", port)).await.unwrap();
        assert_ne!(loopback().port(), port);
    });
}
