//! Accepting, by several at once, in time or not, and with no descriptor left.

use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use annulus::net::{TcpListener, TcpStream};
use annulus::{BufResult, Handle, op};

use crate::common::child::Child;
use crate::support::{foreign_end, listen, pair, poll_once, read_exact, run, run_really, settle};

fn foreign(address: SocketAddr, word: &[u8]) -> std::net::TcpStream {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(word).unwrap();
    stream
}

#[test]
fn accepts_in_flight_at_the_same_time_get_a_connection_each() {
    run_really(async {
        let (listener, address) = listen().await;
        let mut accepts: Vec<_> = (0..16).map(|_| listener.accept()).collect();
        for accept in &mut accepts {
            assert!(poll_once(accept).await.is_none());
        }
        let clients: Vec<_> = (0..16u8).map(|i| foreign(address, &[i])).collect();
        let mut seen = Vec::new();
        for accept in accepts {
            let (stream, peer) = accept.await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), peer);
            seen.extend(read_exact(&stream, 1).await);
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..16).collect::<Vec<_>>());
        drop(clients);
    });
}

#[test]
fn what_an_abandoned_accept_has_won_goes_to_one_that_waits_already() {
    run_really(async {
        let (listener, address) = listen().await;
        for round in 0..200u8 {
            let mut first = listener.accept();
            let mut second = listener.accept();
            assert!(poll_once(&mut first).await.is_none());
            assert!(poll_once(&mut second).await.is_none());
            settle().await;
            // The first in the queue is given up when it has won already, or is about to.
            let client = foreign(address, &[round]);
            if round % 2 == 0 {
                settle().await;
            }
            drop(first);
            let (stream, peer) = second.await.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
            assert_eq!(read_exact(&stream, 1).await, [round]);
        }
    });
}

#[test]
fn what_a_cancelled_accept_was_woken_for_goes_to_one_that_waits_already() {
    run_really(async {
        let (listener, address) = listen().await;
        let (mut won, mut passed_on) = (0, 0);
        for round in 0..200u8 {
            let mut first = listener.accept();
            let mut second = listener.accept();
            if round % 4 == 0 {
                first = first.timeout(Duration::from_micros(50));
            }
            assert!(poll_once(&mut first).await.is_none());
            assert!(poll_once(&mut second).await.is_none());
            settle().await;
            let _client = foreign(address, &[round]);
            if round % 4 == 1 {
                settle().await;
            }
            let outcome = if round % 4 == 0 { first.await } else { first.cancel().await };
            let stream = match outcome {
                Ok((stream, _)) => {
                    won += 1;
                    stream
                }
                Err(_) => {
                    passed_on += 1;
                    second.await.unwrap().0
                }
            };
            assert_eq!(read_exact(&stream, 1).await, [round]);
        }
        println!("won {won}, passed on {passed_on}");
        assert!(won > 0 && passed_on > 0);
    });
}

#[test]
fn accepts_that_were_told_to_look_again_do_so_once() {
    run_really(async {
        let (listener, address) = listen().await;
        let listener = Rc::new(listener);
        // More than one turn brings the completions of.
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let listener = Rc::clone(&listener);
                annulus::spawn(async move { drop(listener.accept().await.unwrap()) })
            })
            .collect();
        settle().await;
        tasks[0].abort();
        tasks[50].abort();
        let submitted = || Handle::current().metrics().unwrap().ops_submitted;
        for _ in 0..20 {
            settle().await;
        }
        let before = submitted();
        for _ in 0..20 {
            settle().await;
        }
        assert_eq!(submitted() - before, 20 * 4, "accepts were submitted again and again");
        let _client = foreign(address, b"x");
        settle().await;
        assert_eq!(tasks.iter().filter(|task| task.is_finished()).count(), 3);
    });
}

#[test]
fn a_stream_of_connections_gets_what_an_abandoned_accept_has_won() {
    run_really(async {
        let (listener, address) = listen().await;
        for round in 0..100u8 {
            let mut first = listener.accept();
            assert!(poll_once(&mut first).await.is_none());
            let mut incoming = listener.incoming();
            assert!(poll_once(&mut Box::pin(incoming.next())).await.is_none());
            settle().await;
            let _client = foreign(address, &[round]);
            if round % 2 == 0 {
                settle().await;
            }
            drop(first);
            let stream = incoming.next().await.unwrap();
            assert_eq!(read_exact(&stream, 1).await, [round]);
        }
    });
}

#[test]
fn what_an_abandoned_read_has_received_goes_to_one_that_waits_already() {
    run(async {
        let (client, server) = pair().await;
        for round in 0..200u8 {
            let mut first = server.read(Vec::with_capacity(8));
            let mut second = server.read(Vec::with_capacity(8));
            assert!(poll_once(&mut first).await.is_none());
            assert!(poll_once(&mut second).await.is_none());
            settle().await;
            client.write_all(vec![round; 3]).await.into_result().unwrap();
            if round % 2 == 0 {
                settle().await;
            }
            drop(first);
            let BufResult(count, buf) = second.await;
            assert_eq!((count.unwrap(), buf), (3, vec![round; 3]));
        }
    });
}

#[test]
fn a_stream_is_readable_by_what_an_abandoned_read_has_received() {
    run(async {
        let (client, server) = pair().await;
        for round in 0..100u8 {
            let mut read = server.read(Vec::with_capacity(8));
            assert!(poll_once(&mut read).await.is_none());
            let mut readable = server.readable();
            assert!(poll_once(&mut readable).await.is_none());
            settle().await;
            client.write_all(vec![round]).await.into_result().unwrap();
            settle().await;
            drop(read);
            // The kernel has nothing any more.
            readable.await.unwrap();
            server.readable().await.unwrap();
            let BufResult(count, buf) = server.peek(vec![0; 4]).await;
            assert_eq!((count.unwrap(), buf[0]), (1, round));
            assert_eq!(read_exact(&server, 1).await, [round]);
            assert!(poll_once(&mut server.readable()).await.is_none());
        }
    });
}

#[test]
fn an_accept_ends_in_time_and_the_next_one_has_the_connection() {
    run_really(async {
        let (listener, address) = listen().await;
        let limit = Duration::from_millis(5);
        let error = listener.accept().timeout(limit).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let client = foreign(address, b"x");
        let (_, peer) = listener.accept().timeout(Duration::from_secs(60)).await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        // One whose time is over may still win, and says so.
        let _late = foreign(address, b"y");
        match listener.accept().timeout(Duration::ZERO).await {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::TimedOut);
                listener.accept().await.unwrap();
            }
        }
    });
}

#[test]
fn a_cancelled_accept_says_what_became_of_it() {
    run_really(async {
        let (listener, address) = listen().await;
        assert!(op::is_cancelled(&listener.accept().cancel().await.unwrap_err()));
        let mut accept = listener.accept();
        assert!(poll_once(&mut accept).await.is_none());
        settle().await;
        assert!(op::is_cancelled(&accept.cancel().await.unwrap_err()));

        let mut accept = listener.accept();
        assert!(poll_once(&mut accept).await.is_none());
        let client = foreign(address, b"x");
        settle().await;
        let (_, peer) = accept.cancel().await.expect("it had won");
        assert_eq!(peer, client.local_addr().unwrap());
    });
}

#[test]
fn handles_on_a_listener_share_its_connections() {
    run_really(async {
        let (listener, address) = listen().await;
        let clone = listener.try_clone().unwrap();
        assert_eq!(clone.local_addr().unwrap(), address);
        let mut accept = listener.accept();
        assert!(poll_once(&mut accept).await.is_none());
        let _client = foreign(address, b"x");
        settle().await;
        drop(accept);
        clone.accept().await.unwrap();
        drop(listener);
        let _client = foreign(address, b"y");
        clone.accept().await.unwrap();
        clone.close().await.unwrap();
        let refused = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn closing_one_of_two_handles_leaves_the_listener_open() {
    run_really(async {
        let (listener, address) = listen().await;
        let clone = listener.try_clone().unwrap();
        let mut accept = clone.accept();
        assert!(poll_once(&mut accept).await.is_none());
        listener.close().await.unwrap();
        let _client = foreign(address, b"x");
        accept.await.unwrap();
    });
}

#[test]
fn connections_that_nobody_took_are_closed_with_their_listener() {
    run_really(async {
        let (listener, address) = listen().await;
        let mut accept = listener.accept();
        assert!(poll_once(&mut accept).await.is_none());
        let accepted = foreign(address, b"");
        settle().await;
        drop(accept);
        let waiting = foreign(address, b"");
        drop(listener);
        assert_eq!(foreign_end(accepted).await, b"");
        assert_eq!(foreign_end(waiting).await, b"");
    });
}

#[test]
fn connections_that_a_stream_of_them_has_won_and_nobody_took_are_closed() {
    run_really(async {
        for listener_goes_first in [true, false] {
            let (listener, address) = listen().await;
            let mut incoming = listener.incoming();
            assert!(poll_once(&mut Box::pin(incoming.next())).await.is_none());
            let clients: Vec<_> = (0..4).map(|_| foreign(address, b"")).collect();
            settle().await;
            if listener_goes_first {
                drop(listener);
                settle().await;
                drop(incoming);
            } else {
                drop(incoming);
                drop(listener);
            }
            for client in clients {
                assert_eq!(foreign_end(client).await, b"");
            }
        }
    });
}

#[test]
fn connections_that_were_reset_before_they_were_accepted_are_no_error() {
    run_really(async {
        let (listener, address) = listen().await;
        for _ in 0..20 {
            let client = TcpStream::connect(address).await.unwrap();
            client.set_linger(Some(Duration::ZERO)).unwrap();
            client.close().await.unwrap();
        }
        let _good = foreign(address, b"good");
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let BufResult(Ok(4), buf) = stream.read(Vec::with_capacity(8)).await {
                assert_eq!(buf, b"good");
                break;
            }
        }
    });
}

#[test]
fn without_a_descriptor_left_an_accept_fails_and_loses_no_connection() {
    let child = Child::of(concat!(
        module_path!(),
        "::without_a_descriptor_left_an_accept_fails_and_loses_no_connection"
    ));
    child.under(&["prlimit", "--nofile=64"]).run(|| run(at_the_limit()));
}

async fn at_the_limit() {
    let (listener, address) = listen().await;
    let mut clients = vec![TcpStream::connect(address).await.unwrap()];
    let mut hoard = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        hoard.push(file);
    }
    for _ in 0..3 {
        let error = listener.accept().await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(24), "{error}");
        let error = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(24), "{error}");
        let error = TcpListener::bind(address).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(24), "{error}");
        let error = listener.incoming().next().await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(24), "{error}");
    }
    // The loop goes on, and as soon as there is room so does the server.
    annulus::time::sleep(Duration::from_millis(1)).await;
    drop(hoard);
    let (stream, _) = listener.accept().await.unwrap();
    clients[0].write_all("served").await.into_result().unwrap();
    assert_eq!(read_exact(&stream, 6).await, b"served");
    clients.push(TcpStream::connect(address).await.unwrap());
    listener.accept().await.unwrap();
}
