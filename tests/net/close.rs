//! The end of a connection: by drop, by close, in the middle of everything.

use std::io::ErrorKind;

use annulus::BufResult;
use annulus::net::{TcpSocket, TcpStream};

use crate::common::bound::bound_loop;
use crate::support::{
    LONG, foreign_end, half_foreign_pair, listen, loopback, pair, poll_once, read_to_end, run,
    run_really, settle,
};

#[test]
fn dropping_a_stream_with_a_read_in_flight_ends_both_ends() {
    run_really(async {
        let (stream, foreign) = half_foreign_pair().await;
        let mut read = stream.read(Vec::with_capacity(16));
        assert!(poll_once(&mut read).await.is_none());
        settle().await;
        drop(stream);
        let BufResult(result, buf) = read.await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::NotConnected);
        assert_eq!(buf.capacity(), 16);
        assert_eq!(foreign_end(foreign).await, b"");
    });
}

#[test]
fn dropping_a_stream_with_an_abandoned_read_ends_the_connection_in_the_next_turns() {
    run_really(async {
        let (stream, foreign) = half_foreign_pair().await;
        let mut read = stream.read(Vec::with_capacity(16));
        assert!(poll_once(&mut read).await.is_none());
        settle().await;
        drop((read, stream));
        settle().await;
        foreign.set_nonblocking(true).unwrap();
        assert_eq!(std::io::Read::read(&mut &foreign, &mut [0; 4]).unwrap(), 0);
    });
}

#[test]
fn dropping_a_stream_ends_a_write_that_waits_for_room() {
    run_really(async {
        let (stream, foreign) = half_foreign_pair().await;
        let sent = fill(&stream).await;
        let mut write = stream.write(vec![7; 1 << 20]);
        assert!(step(&mut write).await.is_none());
        drop(stream);
        let BufResult(result, buf) = write.await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::NotConnected);
        assert_eq!(buf.len(), 1 << 20);
        assert_eq!(foreign_end(foreign).await.len(), sent);
    });
}

/// Polls an op, and once more when the loop has turned.
async fn step<F: Future + Unpin>(op: &mut F) -> Option<F::Output> {
    if let Some(output) = poll_once(op).await {
        return Some(output);
    }
    settle().await;
    poll_once(op).await
}

#[test]
fn closing_ends_what_is_in_flight_and_then_says_so() {
    run_really(async {
        let (stream, foreign) = half_foreign_pair().await;
        let mut read = stream.read(Vec::with_capacity(16));
        let mut readable = stream.readable();
        assert!(poll_once(&mut read).await.is_none());
        assert!(poll_once(&mut readable).await.is_none());
        stream.close().await.unwrap();
        foreign.set_nonblocking(true).unwrap();
        assert_eq!(std::io::Read::read(&mut &foreign, &mut [0; 4]).unwrap(), 0);
        assert_eq!(read.await.0.unwrap_err().kind(), ErrorKind::NotConnected);
        assert_eq!(readable.await.unwrap_err().kind(), ErrorKind::NotConnected);
    });
}

#[test]
fn an_operation_that_was_not_begun_before_the_close_never_begins() {
    run_really(async {
        let (stream, foreign) = half_foreign_pair().await;
        let (read, write) = (stream.read(vec![0; 4]), stream.write("late"));
        let shutdown = stream.shutdown(std::net::Shutdown::Write);
        let mut in_flight = stream.read(vec![0; 4]);
        assert!(poll_once(&mut in_flight).await.is_none());
        drop(stream);
        assert_eq!(read.await.0.unwrap_err().kind(), ErrorKind::NotConnected);
        assert_eq!(write.await.0.unwrap_err().kind(), ErrorKind::NotConnected);
        assert_eq!(shutdown.await.unwrap_err().kind(), ErrorKind::NotConnected);
        assert_eq!(in_flight.await.0.unwrap_err().kind(), ErrorKind::NotConnected);
        assert_eq!(foreign_end(foreign).await, b"");
    });
}

#[test]
fn a_close_that_is_given_up_closes_all_the_same() {
    run_really(async {
        let (stream, foreign) = half_foreign_pair().await;
        let mut read = stream.read(vec![0; 4]);
        assert!(poll_once(&mut read).await.is_none());
        settle().await;
        let mut close = Box::pin(stream.close());
        assert!(poll_once(&mut close).await.is_none());
        drop(close);
        assert!(read.await.0.is_err());
        assert_eq!(foreign_end(foreign).await, b"");
    });
}

#[test]
fn what_was_written_is_read_before_the_end() {
    run(async {
        let (client, server) = pair().await;
        let sent: Vec<u8> = (0..3_000_000u32).map(|i| i as u8).collect();
        let expected = sent.clone();
        let writer = annulus::spawn(async move {
            client.write_all(sent).await.into_result().unwrap();
            client.close().await.unwrap();
        });
        assert!(read_to_end(&server).await.unwrap() == expected);
        writer.await.unwrap();
    });
}

#[test]
fn a_linger_of_zero_resets_the_connection() {
    run(async {
        let (client, server) = pair().await;
        client.set_linger(Some(std::time::Duration::ZERO)).unwrap();
        drop(client);
        let BufResult(result, _) = server.read(vec![0; 4]).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::ConnectionReset);
        let BufResult(result, _) = server.read(vec![0; 4]).await;
        assert_eq!(result.unwrap(), 0);
    });
}

#[test]
fn dropping_a_listener_ends_its_accepts_and_the_connections_that_nobody_accepted() {
    run(async {
        let (listener, address) = listen().await;
        let mut accept = listener.accept();
        let mut incoming = listener.incoming();
        assert!(poll_once(&mut accept).await.is_none());
        {
            let mut next = Box::pin(incoming.next());
            assert!(poll_once(&mut next).await.is_none());
        }
        settle().await;
        drop(listener);
        assert_eq!(accept.await.unwrap_err().kind(), ErrorKind::NotConnected);
        assert_eq!(incoming.next().await.unwrap_err().kind(), ErrorKind::NotConnected);
        settle().await;
        let refused = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_port_can_be_bound_again_as_soon_as_its_listener_is_closed() {
    run(async {
        let (listener, address) = listen().await;
        for _ in 0..50 {
            let mut accept = listener.accept();
            assert!(poll_once(&mut accept).await.is_none());
        }
        listener.close().await.unwrap();
        let mut listener = annulus::net::TcpListener::bind_addr(address).unwrap();
        for _ in 0..50 {
            let mut accept = listener.accept();
            assert!(poll_once(&mut accept).await.is_none());
            listener.close().await.unwrap();
            listener = annulus::net::TcpListener::bind_addr(address).unwrap();
        }
    });
}

#[test]
fn operations_that_wait_for_room_in_the_ring_end_with_their_handle() {
    let runtime = annulus::Builder::new().entries(1).build().unwrap();
    let _bound = bound_loop(&runtime);
    runtime.block_on(async {
        let (listener, _) = listen().await;
        let mut incoming = listener.incoming();
        let mut accepts: Vec<_> = (0..20).map(|_| listener.accept()).collect();
        for accept in &mut accepts {
            assert!(poll_once(accept).await.is_none());
        }
        assert!(poll_once(&mut Box::pin(incoming.next())).await.is_none());
        drop(listener);
        for accept in accepts {
            assert_eq!(accept.await.unwrap_err().kind(), ErrorKind::NotConnected);
        }
        assert_eq!(incoming.next().await.unwrap_err().kind(), ErrorKind::NotConnected);
    });
}

/// Writes until the peer takes no more; how many bytes that are.
async fn fill(stream: &TcpStream) -> usize {
    let mut sent = 0;
    let mut write = stream.write(vec![7; 1 << 20]);
    while let Some(BufResult(count, buf)) = step(&mut write).await {
        sent += count.unwrap();
        write = stream.write(buf);
    }
    sent
}

#[test]
fn a_close_that_lingers_does_not_hold_the_loop_up() {
    let linger = Some(LONG);
    run_really(async {
        let (set, set_peer) = half_foreign_pair().await;
        set.set_linger(linger).unwrap();
        let (closed, closed_peer) = half_foreign_pair().await;
        closed.set_linger(linger).unwrap();

        let socket = TcpSocket::new_v4().unwrap();
        socket.set_linger(linger).unwrap();
        socket.bind(loopback()).unwrap();
        let listener = socket.listen(8).unwrap();
        let connect = || std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let accepted_peer = connect();
        let (accepted, _) = listener.accept().await.unwrap();
        let incoming_peer = connect();
        let incoming = listener.incoming().next().await.unwrap();
        let (taken_out, taken_out_peer) = half_foreign_pair().await;
        taken_out.set_linger(linger).unwrap();
        let adopted = TcpStream::from_std(taken_out.into_std().unwrap()).unwrap();

        let mut ends = Vec::new();
        for (stream, peer) in [
            (set, set_peer),
            (accepted, accepted_peer),
            (incoming, incoming_peer),
            (adopted, taken_out_peer),
        ] {
            ends.push((fill(&stream).await, peer));
            drop(stream);
        }
        ends.push((fill(&closed).await, closed_peer));
        closed.close().await.unwrap();
        for (sent, peer) in ends {
            assert_eq!(foreign_end(peer).await.len(), sent);
        }
    });
}

#[test]
fn dropping_a_stream_with_kept_bytes_ends_the_connection() {
    run_really(async {
        for close in [false, true] {
            let (stream, mut foreign) = half_foreign_pair().await;
            let mut read = stream.read(vec![0; 16]);
            assert!(poll_once(&mut read).await.is_none());
            settle().await;
            std::io::Write::write_all(&mut foreign, b"kept").unwrap();
            settle().await;
            drop(read);
            if close {
                stream.close().await.unwrap();
            } else {
                drop(stream);
            }
            assert_eq!(foreign_end(foreign).await, b"");
        }
    });
}
