//! How long clients may take, and how many there may be.

use super::client::Client;
use super::process::{Server, pattern};

#[test]
fn a_head_that_does_not_end_in_time_is_refused() {
    let server = Server::start("http", &["--head-timeout", "0.1"]);
    for part in ["G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r"] {
        let mut client = Client::connect(&server);
        client.get("/", "");
        client.send(part);
        let response = client.response(true);
        assert_eq!((response.status, response.field("connection")), (408, Some("close")));
        client.assert_closed();
    }
}

#[test]
fn the_time_for_a_head_counts_from_its_first_byte() {
    let server = Server::start("http", &["--head-timeout", "0.3"]);
    let mut client = Client::connect(&server);
    client.send("GET / HTTP/1.1\r\n");
    // Each of these comes in time after the one before; the server must not be kept waiting.
    let sender = client.stream.try_clone().expect("a descriptor");
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let trickle = std::thread::spawn(move || {
        use std::io::Write;
        let pause = std::time::Duration::from_millis(20);
        let mut sender = sender;
        while stopped.recv_timeout(pause) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            if sender.write_all(b"X: y\r\n").is_err() {
                break;
            }
        }
    });
    // 431 would mean that only the number of fields has ended it.
    assert_eq!(client.response(true).status, 408);
    drop(stop);
    trickle.join().expect("the sender ends");
}

#[test]
fn a_connection_that_asks_nothing_is_closed_without_a_word() {
    let server = Server::start("http", &["--idle-timeout", "0.1"]);
    let mut silent = Client::connect(&server);
    let mut once = Client::connect(&server);
    assert_eq!(once.get("/", "").status, 200);
    silent.assert_closed();
    once.assert_closed();
    let page = Client::connect(&server).get("/metrics.json", "");
    assert!(page.text().contains("\"connections_idle_closed\": 2,"), "{}", page.text());
}

#[test]
fn a_body_that_does_not_end_in_time_is_refused() {
    let server = Server::start("http", &["--body-timeout", "0.1"]);
    for part in
        ["Content-Length: 5\r\n\r\nhell", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"]
    {
        let mut client = Client::connect(&server);
        let response = client.ask(format!("POST /echo HTTP/1.1\r\nHost: h\r\n{part}"));
        assert_eq!(response.status, 408);
        client.assert_closed();
    }
}

#[test]
fn a_refused_client_reads_the_answer_though_it_has_sent_more() {
    let server = Server::start::<&str>("http", &[]);
    let mut client = Client::connect(&server);
    client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n");
    client.try_send(&pattern(300_000));
    assert_eq!(client.response(true).status, 413);
    client.assert_closed();
}

#[test]
fn more_connections_than_are_wanted_wait_for_their_turn() {
    let server = Server::start("http", &["--connections", "2"]);
    let mut clients: Vec<_> = (0..6).map(|_| Client::connect(&server)).collect();
    for client in &mut clients {
        client.send("GET /metrics.json HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    for mut client in clients {
        let page = client.response(true);
        let open = page.text().split("\"connections_open\": ").nth(1).expect("the number is there");
        assert!(open.starts_with("1,") || open.starts_with("2,"), "{}", page.text());
    }
}

#[test]
fn more_connections_than_there_are_descriptors_wait_for_their_turn() {
    for example in ["http", "echo"] {
        let server = Server::start_with_descriptors(example, 24);
        let mut clients: Vec<_> = (0..100).map(|_| Client::connect(&server)).collect();
        for client in &mut clients {
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        }
        for client in clients {
            client.stream.peek(&mut [0]).expect("an answer comes");
        }
    }
}
