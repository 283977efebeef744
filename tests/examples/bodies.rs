//! Bodies of requests.

use super::client::Client;
use super::process::{Server, pattern};

#[test]
fn a_body_comes_back_however_it_is_framed() {
    let server = Server::start::<&str>("http", &[]);
    let mut client = Client::connect(&server);
    for len in [0, 1, 100, 8191, 8192, 8193, 65_536, 1_048_576] {
        let body = pattern(len);
        let head = format!("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: {len}\r\n\r\n");
        let response = client.ask([head.as_bytes(), &body].concat());
        assert!(response.status == 200 && response.body == body, "{len} with a length");

        let mut request =
            b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n".to_vec();
        for chunk in body.chunks(7001) {
            request.extend(format!("{:X} ; a=\"b\"\r\n", chunk.len()).bytes());
            request.extend(chunk);
            request.extend(b"\r\n");
        }
        request.extend(b"0\r\nTrailer: x\r\n\r\n");
        let response = client.ask(request);
        assert!(response.status == 200 && response.body == body, "{len} in chunks");
    }
}

#[test]
fn a_body_that_nobody_wants_is_read_and_forgotten() {
    let server = Server::start::<&str>("http", &[]);
    let mut client = Client::connect(&server);
    for request in ["GET / ", "GET /none ", "DELETE / ", "GET /metrics.json "] {
        let expected = client.ask(format!("{request}HTTP/1.1\r\nHost: h\r\n\r\n")).status;
        let fields = "Content-Length: 20\r\n\r\nGET / HTTP/1.1\r\n\r\n  ";
        let response = client.ask(format!("{request}HTTP/1.1\r\nHost: h\r\n{fields}"));
        assert_eq!(response.status, expected, "{request}");
        let fields = "Transfer-Encoding: chunked\r\n\r\n4\r\n\r\n\r\n\r\n0\r\n\r\n";
        let response = client.ask(format!("{request}HTTP/1.1\r\nHost: h\r\n{fields}"));
        assert_eq!(response.status, expected, "{request}");
    }
}

#[test]
fn a_client_that_asks_is_told_to_continue() {
    let server = Server::start::<&str>("http", &[]);
    let mut client = Client::connect(&server);
    for fields in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
        let head = format!("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\n{fields}");
        client.send(format!("{head}\r\n\r\n"));
        assert_eq!(client.response(false).status, 100);
        let is_chunked = fields.ends_with("chunked");
        client.send(if is_chunked { "5\r\nhello\r\n0\r\n\r\n" } else { "hello" });
        assert_eq!(client.response(true).text(), "hello");
    }
}

#[test]
fn a_client_that_asks_but_does_not_wait_is_told_nothing() {
    let server = Server::start::<&str>("http", &[]);
    let head =
        "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    assert_eq!(Client::connect(&server).ask(format!("{head}hello")).text(), "hello");
    let old = "POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    let mut client = Client::connect(&server);
    client.send(old);
    client.send("hello");
    assert_eq!(client.response(true).text(), "hello");
    let without_body = "GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n";
    assert_eq!(Client::connect(&server).ask(without_body).status, 200);
}

#[test]
fn a_client_whose_body_is_not_wanted_is_told_so_before_it_sends_it() {
    let server = Server::start::<&str>("http", &[]);
    for (request, length, status, allow) in [
        ("POST /", 5, 405, Some("GET, HEAD")),
        ("POST /none", 5, 404, None),
        ("POST /echo", 2_000_000, 413, None),
    ] {
        let mut client = Client::connect(&server);
        let fields = format!("Expect: 100-continue\r\nContent-Length: {length}\r\n");
        let response = client.ask(format!("{request} HTTP/1.1\r\nHost: h\r\n{fields}\r\n"));
        assert_eq!((response.status, response.field("allow")), (status, allow));
        assert_eq!(response.field("connection"), Some("close"));
        client.assert_closed();
    }
}

#[test]
fn the_largest_body_is_set_on_the_command_line() {
    let server = Server::start("http", &["--body-max", "10"]);
    let post = |len: usize| {
        let head = format!("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: {len}\r\n\r\n");
        Client::connect(&server).ask([head.into_bytes(), pattern(len)].concat()).status
    };
    assert_eq!((post(10), post(11)), (200, 413));
}
