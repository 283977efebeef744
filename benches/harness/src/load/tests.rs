//! The load generator against small servers of the test's own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::*;

const WINDOW: Window =
    Window { warm_up: Duration::from_millis(5), measure: Duration::from_millis(50) };

/// A server that does `serve` with every connection, each on a thread of its own; its port, and
/// how many connections it has accepted.
fn server(serve: fn(TcpStream, &AtomicU64)) -> (u16, Arc<AtomicU64>, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let port = listener.local_addr().expect("its address").port();
    let (accepted, served) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let counters = (Arc::clone(&accepted), Arc::clone(&served));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            accepted.fetch_add(1, Ordering::Relaxed);
            let served = Arc::clone(&served);
            thread::spawn(move || serve(stream, &served));
        }
    });
    (port, counters.0, counters.1)
}

fn echo(mut stream: TcpStream, served: &AtomicU64) {
    let mut buf = [0; 4096];
    while let Ok(received @ 1..) = stream.read(&mut buf) {
        served.fetch_add(received as u64, Ordering::SeqCst);
        if stream.write_all(&buf[..received]).is_err() {
            return;
        }
    }
}

/// Right for the first exchange, which is checked whole, and wrong afterwards.
fn lie(mut stream: TcpStream, served: &AtomicU64) {
    let mut buf = [0; 64];
    while stream.read_exact(&mut buf).is_ok() {
        if served.fetch_add(1, Ordering::Relaxed) > 0 {
            buf[0] ^= 1;
        }
        if stream.write_all(&buf).is_err() {
            return;
        }
    }
}

/// Answers the first exchange and then no other.
fn stall(mut stream: TcpStream, _: &AtomicU64) {
    let mut buf = [0; 64];
    if stream.read_exact(&mut buf).is_ok() && stream.write_all(&buf).is_ok() {
        while stream.read_exact(&mut buf).is_ok() {}
    }
}

#[test]
fn streams_can_be_counted_over_again_and_again() {
    let (port, _, _) = server(echo);
    let exchange = Exchange::echo(64);
    let streams = connect(port, 8, &exchange).expect("connections");
    for round in 0..200 {
        let count = counted(&streams, &exchange, 8);
        assert_eq!(count.map_err(|error| error.to_string()), Ok(8), "round {round}");
    }
}

#[test]
fn counted_exchanges_are_exactly_as_many() {
    let (port, _, served) = server(echo);
    let exchange = Exchange::echo(64);
    let streams = connect(port, 3, &exchange).expect("connections");
    let before = served.load(Ordering::SeqCst);
    assert_eq!(counted(&streams, &exchange, 100).expect("exchanges"), 100);
    assert_eq!(served.load(Ordering::SeqCst) - before, 100 * 64);
}

#[test]
fn a_closed_loop_counts_each_exchange_and_marks_both_ends() {
    let (port, _, _) = server(echo);
    let exchange = Exchange::echo(1024);
    let streams = connect(port, 4, &exchange).expect("connections");
    let mut marks = 0;
    let load = closed_loop(&streams, &exchange, WINDOW, || {
        marks += 1;
        Ok(())
    });
    let load = load.expect("a load");
    assert_eq!(marks, 2);
    assert_eq!(load.requests, load.latency.len());
    assert!(load.wall >= WINDOW.measure);
}

#[test]
fn a_wrong_answer_ends_the_measurement() {
    let (port, _, _) = server(lie);
    let exchange = Exchange::echo(64);
    let streams = connect(port, 1, &exchange).expect("a connection");
    let error = closed_loop(&streams, &exchange, WINDOW, || Ok(())).expect_err("a wrong answer");
    assert!(error.to_string().contains("wrong"), "{error}");
}

#[test]
fn what_arrives_while_a_server_stalls_is_charged_to_it() {
    let (port, _, _) = server(stall);
    let exchange = Exchange::echo(64);
    let first = connect(port, 1, &exchange).expect("a connection");
    let second = connect(port, 1, &exchange).expect("a connection");
    let streams: Vec<TcpStream> = first.into_iter().chain(second).collect();
    let load = open_loop(&streams, &exchange, 2000.0, WINDOW, || Ok(())).expect("a load");
    assert_eq!(load.requests, 0);
    // Two are under way; a load generator that waits for answers would know of no others.
    assert!(load.latency.len() > 20, "{} with seed {:#x}", load.latency.len(), Arrivals::SEED);
}

#[test]
fn a_storm_is_of_whole_connections() {
    let (port, accepted, _) = server(echo);
    let load = storm(port, 4, &Exchange::echo(64), WINDOW, || Ok(())).expect("a load");
    assert!(load.requests <= accepted.load(Ordering::SeqCst));
    assert_eq!(load.requests, load.latency.len());
}
