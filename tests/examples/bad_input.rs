//! What the HTTP server refuses, however it comes in.

use super::client::Client;
use super::process::Server;

/// Stands in many of the requests below, and must never come back.
const MARK: &str = "zq7<b>";

const HOST: &str = "GET / HTTP/1.1\r\nHost: h\r\n";
const POST: &str = "POST /echo HTTP/1.1\r\nHost: h\r\n";
const CHUNKED: &str = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";

/// What is wrong, the bytes, the status.
struct Case(&'static str, Vec<u8>, u16);

fn case(name: &'static str, parts: &[&str], status: u16) -> Case {
    Case(name, parts.concat().into_bytes(), status)
}

#[rustfmt::skip]
fn heads() -> Vec<Case> {
    vec![
        case("no host", &["GET / HTTP/1.1\r\n\r\n"], 400),
        case("two hosts", &[HOST, "Host: h\r\n\r\n"], 400),
        case("two hosts, 1.0", &["GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"], 400),
        case("a path in the host", &["GET / HTTP/1.1\r\nHost: h/x\r\n\r\n"], 400),
        case("a space in the host", &["GET / HTTP/1.1\r\nHost: h x\r\n\r\n"], 400),
        case("a user in the host", &["GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"], 400),
        case("a list of hosts", &["GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"], 400),
        case("space before the colon", &["GET / HTTP/1.1\r\nHost : h\r\n\r\n"], 400),
        case("tab before the colon", &[HOST, "X\t: 1\r\n\r\n"], 400),
        case("no colon", &[HOST, "X-", MARK, "\r\n\r\n"], 400),
        case("no field name", &[HOST, ": 1\r\n\r\n"], 400),
        case("space in a field name", &[HOST, "X Y: 1\r\n\r\n"], 400),
        case("brackets in a field name", &[HOST, MARK, ": 1\r\n\r\n"], 400),
        case("NUL in a field name", &[HOST, "X\0: 1\r\n\r\n"], 400),
        case("NUL in a value", &[HOST, "X: a\0b\r\n\r\n"], 400),
        case("bare CR in a value", &[HOST, "X: a\rb\r\n\r\n"], 400),
        case("control character in a value", &[HOST, "X: a\x01b\r\n\r\n"], 400),
        case("DEL in a value", &[HOST, "X: a\x7fb\r\n\r\n"], 400),
        case("folded value", &[HOST, "X: a\r\n b\r\n\r\n"], 400),
        case("folded first field", &["GET / HTTP/1.1\r\n X: 1\r\nHost: h\r\n\r\n"], 400),
        case("bare LF after a field", &["GET / HTTP/1.1\r\nHost: h\n\r\n"], 400),
        case("bare LF after the request line", &["GET / HTTP/1.1\nHost: h\r\n\r\n"], 400),
        case("bare LF everywhere", &["GET / HTTP/1.1\nHost: h\n\n"], 400),
        case("bare LF at the end", &[HOST, "\n"], 400),
        case("LF before the request", &["\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"], 400),
        case("two empty lines before it", &["\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"], 400),
        case("space before the method", &[" GET / HTTP/1.1\r\nHost: h\r\n\r\n"], 400),
        case("two spaces", &["GET  / HTTP/1.1\r\nHost: h\r\n\r\n"], 400),
        case("tab for a space", &["GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n"], 400),
        case("space after the version", &["GET / HTTP/1.1 \r\nHost: h\r\n\r\n"], 400),
        case("no target", &["GET HTTP/1.1\r\nHost: h\r\n\r\n"], 400),
        case("a space in the target", &["GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"], 400),
        case("target without slash", &["GET ", MARK, " HTTP/1.1\r\nHost: h\r\n\r\n"], 400),
        case("fragment", &["GET /#", MARK, " HTTP/1.1\r\nHost: h\r\n\r\n"], 400),
        case("NUL in the target", &["GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n"], 400),
        case("letters past ASCII in the target", &["GET /ä HTTP/1.1\r\nHost: h\r\n\r\n"], 400),
        case("another scheme", &["GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n"], 400),
        case("authority form", &["GET h:80 HTTP/1.1\r\nHost: h\r\n\r\n"], 400),
        case("HTTP/0.9", &["GET /\r\n\r\n"], 400),
        case("HTTP/2.0", &["GET / HTTP/2.0\r\nHost: h\r\n\r\n"], 505),
        case("HTTP/1.2", &["GET / HTTP/1.2\r\nHost: h\r\n\r\n"], 505),
        case("HTTP/11.1", &["GET / HTTP/11.1\r\nHost: h\r\n\r\n"], 400),
        case("http/1.1", &["GET / http/1.1\r\nHost: h\r\n\r\n"], 400),
        case("another protocol", &["GET / ", MARK, "/1.1\r\nHost: h\r\n\r\n"], 400),
        case("no HTTP at all", &["\x16\x03\x01\x02\0\x01\0\x01\u{7c}\x03\x03\r\n\r\n"], 400),
        case("unknown method", &["BREW / HTTP/1.1\r\nHost: h\r\n\r\n"], 501),
        case("method in small letters", &["get / HTTP/1.1\r\nHost: h\r\n\r\n"], 501),
        case("CONNECT", &["CONNECT /", MARK, " HTTP/1.1\r\nHost: h\r\n\r\n"], 501),
        case("brackets in the method", &[MARK, " / HTTP/1.1\r\nHost: h\r\n\r\n"], 400),
        case("unknown expectation", &[HOST, "Expect: ", MARK, "\r\n\r\n"], 417),
    ]
}

#[rustfmt::skip]
fn bodies() -> Vec<Case> {
    vec![
        case("length and encoding",
            &[POST, "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"], 400),
        case("encoding and length",
            &[POST, "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"], 400),
        case("two lengths", &[POST, "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"], 400),
        case("one length twice", &[POST, "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"], 400),
        case("a list of lengths", &[POST, "Content-Length: 3, 3\r\n\r\nabc"], 400),
        case("plus in a length", &[POST, "Content-Length: +3\r\n\r\nabc"], 400),
        case("minus in a length", &[POST, "Content-Length: -3\r\n\r\nabc"], 400),
        case("hexadecimal length", &[POST, "Content-Length: 0x3\r\n\r\nabc"], 400),
        case("space in a length", &[POST, "Content-Length: 1 3\r\n\r\nabc"], 400),
        case("empty length", &[POST, "Content-Length:\r\n\r\n"], 400),
        case("length past all numbers",
            &[POST, "Content-Length: 99999999999999999999999\r\n\r\nabc"], 413),
        case("length past the limit", &[POST, "Content-Length: 1048577\r\n\r\nabc"], 413),
        case("length past the limit, where no body is wanted",
            &[HOST, "Content-Length: 1048577\r\n\r\nabc"], 413),
        case("another encoding", &[POST, "Transfer-Encoding: gzip\r\n\r\n"], 501),
        case("chunked is not last", &[POST, "Transfer-Encoding: chunked, gzip\r\n\r\n"], 501),
        case("chunked misspelt", &[POST, "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"], 501),
        case("identity", &[POST, "Transfer-Encoding: identity\r\n\r\n"], 501),
        case("chunked twice",
            &[POST, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"], 400),
        case("chunked in 1.0",
            &["POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"], 400),
        case("chunk size of 17 digits", &[CHUNKED, "00000000000000003\r\nabc\r\n0\r\n\r\n"], 400),
        case("underscore in a chunk size", &[CHUNKED, "0_3\r\nabc\r\n0\r\n\r\n"], 400),
        case("plus in a chunk size", &[CHUNKED, "+3\r\nabc\r\n0\r\n\r\n"], 400),
        case("minus in a chunk size", &[CHUNKED, "-3\r\nabc\r\n0\r\n\r\n"], 400),
        case("0x in a chunk size", &[CHUNKED, "0x3\r\nabc\r\n0\r\n\r\n"], 400),
        case("no chunk size", &[CHUNKED, "\r\nabc\r\n0\r\n\r\n"], 400),
        case("only an extension", &[CHUNKED, ";x\r\n\r\n"], 400),
        case("letters for a chunk size", &[CHUNKED, MARK, "\r\nabc\r\n0\r\n\r\n"], 400),
        case("space before a chunk size", &[CHUNKED, " 3\r\nabc\r\n0\r\n\r\n"], 400),
        case("bare LF after a chunk size", &[CHUNKED, "3\nabc\r\n0\r\n\r\n"], 400),
        case("bare LF in an extension", &[CHUNKED, "3;a\nb\r\nabc\r\n0\r\n\r\n"], 400),
        case("NUL in an extension", &[CHUNKED, "3;a\0\r\nabc\r\n0\r\n\r\n"], 400),
        case("bare LF after a chunk", &[CHUNKED, "3\r\nabc\n0\r\n\r\n"], 400),
        case("nothing after a chunk", &[CHUNKED, "3\r\nabcd\r\n0\r\n\r\n"], 400),
        case("chunk past the limit", &[CHUNKED, "100001\r\nabc"], 413),
        case("chunk past all numbers", &[CHUNKED, "ffffffffffffffff\r\nabc"], 413),
        case("chunks past the limit together", &[CHUNKED, "3\r\nabc\r\nffffe\r\nabc"], 413),
        case("bare LF after the last chunk", &[CHUNKED, "0\n\r\n"], 400),
        case("bare LF after a trailer", &[CHUNKED, "0\r\nX: 1\n\r\n"], 400),
        case("trailer that is none", &[CHUNKED, "0\r\n", MARK, "\r\n\r\n"], 400),
    ]
}

fn large() -> Vec<Case> {
    let long = "x".repeat(1 << 17);
    let fields: String = (0..101).map(|number| format!("X{number}: 1\r\n")).collect();
    vec![
        case("long target", &["GET /", &long[..8192], " HTTP/1.1\r\nHost: h\r\n\r\n"], 414),
        case("target without end", &["GET /", &long[..20_000]], 414),
        case("long value", &[HOST, "X: ", &long[..16_384], "\r\n\r\n"], 431),
        case("value without end", &[HOST, "X: ", &long[..20_000]], 431),
        case("long name", &[HOST, &long[..17_000], ": 1\r\n\r\n"], 431),
        case("many fields", &[HOST, &fields, "\r\n"], 431),
        case("long extension", &[CHUNKED, "3;", &long[..300], "\r\nabc\r\n0\r\n\r\n"], 400),
        case("extension without end", &[CHUNKED, "3;", &long[..300]], 400),
        case("long trailers", &[CHUNKED, "0\r\nX: ", &long[..17_000], "\r\n\r\n"], 431),
        case("many trailers", &[CHUNKED, "0\r\n", &fields, "\r\n"], 431),
    ]
}

#[track_caller]
fn assert_refused(name: &str, client: &mut Client, status: u16) {
    let response = client.response(true);
    assert_eq!(response.status, status, "{name}: {response:?}");
    assert_eq!(response.field("connection"), Some("close"), "{name}");
    assert!(!format!("{response:?}").contains(MARK), "{name}: {response:?}");
    client.assert_closed();
}

#[test]
fn a_bad_request_is_refused_and_the_connection_ends() {
    let server = Server::start::<&str>("http", &[]);
    for Case(name, bytes, status) in [heads(), bodies(), large()].into_iter().flatten() {
        let mut client = Client::connect(&server);
        client.try_send(&bytes);
        assert_refused(name, &mut client, status);
    }
}

#[test]
fn a_bad_request_behind_a_good_one_leaves_the_good_one_its_answer() {
    let server = Server::start::<&str>("http", &[]);
    for Case(name, bytes, status) in [heads(), bodies(), large()].into_iter().flatten() {
        let mut client = Client::connect(&server);
        client.try_send(&[b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", &bytes[..]].concat());
        assert_eq!(client.response(true).status, 200, "{name}");
        // Where a request begins is where the one before ended: one empty line is allowed there.
        assert_refused(name, &mut client, status);
    }
}

#[test]
fn a_bad_request_that_comes_byte_by_byte_is_refused_all_the_same() {
    let server = Server::start::<&str>("http", &[]);
    for Case(name, bytes, status) in [heads(), bodies()].into_iter().flatten() {
        let mut client = Client::connect(&server);
        for byte in bytes {
            client.try_send(&[byte]);
        }
        assert_refused(name, &mut client, status);
    }
}

#[test]
fn a_bad_request_that_comes_in_two_parts_is_refused_all_the_same() {
    let server = Server::start::<&str>("http", &[]);
    let mut other = Client::connect(&server);
    for Case(name, bytes, status) in heads() {
        for split in 1..bytes.len() {
            let mut client = Client::connect(&server);
            client.send(&bytes[..split]);
            other.pass_by();
            client.try_send(&bytes[split..]);
            assert_refused(name, &mut client, status);
        }
    }
}

#[test]
fn a_bad_request_of_a_client_that_says_no_more_is_refused_all_the_same() {
    let server = Server::start::<&str>("http", &[]);
    for Case(name, bytes, status) in [heads(), bodies(), large()].into_iter().flatten() {
        let mut client = Client::connect(&server);
        client.try_send(&bytes);
        client.shut_down();
        assert_refused(name, &mut client, status);
    }
}

#[test]
fn a_request_that_is_cut_off_gets_no_answer_and_harms_nobody() {
    let server = Server::start::<&str>("http", &[]);
    let request = b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
    for len in 0..request.len() {
        let mut client = Client::connect(&server);
        client.send(&request[..len]);
        client.shut_down();
        client.assert_closed();
    }
    assert_eq!(Client::connect(&server).ask(request).body, b"hello");
}
