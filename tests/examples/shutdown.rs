//! Ctrl-C.

use super::client::Client;
use super::process::{Server, TempDirectory, pattern};

/// More than the buffers of a connection can take.
const LARGE: usize = 24 << 20;

#[test]
fn the_first_interrupt_ends_idle_connections_and_lets_a_download_finish() {
    let directory = TempDirectory::new("interrupt");
    let content = pattern(1 << 20).repeat(LARGE >> 20);
    directory.write("large", &content);
    let mut server = Server::start("http", &["--dir".as_ref(), directory.path().as_os_str()]);
    let mut idle = Client::connect(&server);
    assert_eq!(idle.get("/none", "").status, 404);
    let mut half = Client::connect(&server);
    half.send("GET / HT");
    let mut download = Client::connect(&server);
    download.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
    download.stream.peek(&mut [0]).expect("the answer has begun");
    server.interrupt();
    assert_eq!(server.line(), "http: finishing 3 connections; Ctrl-C again to end at once");
    idle.assert_closed();
    half.assert_closed();
    let response = download.response(true);
    assert!(response.status == 200 && response.body == content);
    download.assert_closed();
    assert_eq!(server.end(), (String::new(), Some(0)));
}

#[test]
fn an_answer_that_begins_after_the_interrupt_says_that_it_is_the_last() {
    let mut server = Server::start::<&str>("http", &[]);
    let mut client = Client::connect(&server);
    client.send(
        "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
    );
    assert_eq!(client.response(false).status, 100);
    server.interrupt();
    server.line();
    client.send("hi");
    let response = client.response(true);
    assert_eq!((response.text(), response.field("connection")), ("hi", Some("close")));
    client.assert_closed();
    assert_eq!(server.end().1, Some(0));
}

#[test]
fn the_second_interrupt_ends_at_once() {
    let directory = TempDirectory::new("interrupt-twice");
    directory.write("large", &vec![7; LARGE]);
    let mut server = Server::start("http", &["--dir".as_ref(), directory.path().as_os_str()]);
    let mut download = Client::connect(&server);
    download.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
    download.stream.peek(&mut [0]).expect("the answer has begun");
    server.interrupt();
    server.line();
    server.interrupt();
    assert_eq!(server.end(), (String::new(), Some(130)));
}

#[test]
fn an_idle_server_ends_at_the_first_interrupt() {
    for example in ["http", "echo"] {
        let server = Server::start::<&str>(example, &[]);
        server.interrupt();
        assert_eq!(server.end().1, Some(0), "{example}");
    }
}
