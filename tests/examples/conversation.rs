//! Requests and responses of the HTTP server that are as they should be.

use std::time::SystemTime;

use super::client::Client;
use super::process::Server;

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const HELLO: &str = "Hello from the ring.\n";

#[test]
fn the_page_has_the_fields_that_it_must_have() {
    let server = Server::start::<&str>("http", &[]);
    let before = SystemTime::now();
    let response = Client::connect(&server).ask(GET);
    assert_eq!((response.status, response.text()), (200, HELLO));
    assert_eq!(response.field("content-length"), Some("21"));
    assert_eq!(response.field("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(response.field("connection"), None);
    let date = httpdate::parse_http_date(response.field("date").expect("a date")).expect("a date");
    let seconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    assert!((seconds(before)..=seconds(SystemTime::now())).contains(&seconds(date)));
}

#[test]
fn targets_have_several_forms_for_one_page() {
    let server = Server::start::<&str>("http", &[]);
    let mut client = Client::connect(&server);
    for target in ["/", "/?", "/?a=b#c", "http://h/", "http://h", "HTTP://h:1/?q", "http://h?q"] {
        let response = client.ask(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"));
        let expected = if target.contains('#') { 400 } else { 200 };
        assert_eq!(response.status, expected, "{target}");
        if expected == 400 {
            client = Client::connect(&server);
        }
    }
}

#[test]
fn head_has_the_fields_of_get_and_no_body() {
    let server = Server::start::<&str>("http", &[]);
    let mut client = Client::connect(&server);
    for path in ["/", "/none", "/echo"] {
        let get = client.get(path, "");
        let head = client.ask(format!("HEAD {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
        assert_eq!(head.status, get.status);
        for field in ["content-length", "content-type", "allow"] {
            assert_eq!(head.field(field), get.field(field), "{path}");
        }
    }
    // The body of a response to HEAD would be taken for the next response here.
    assert_eq!(client.ask(GET).text(), HELLO);
}

#[test]
fn pages_say_which_methods_they_have() {
    let server = Server::start::<&str>("http", &[]);
    let mut client = Client::connect(&server);
    for (request, status, allow) in [
        ("POST / ", 405, Some("GET, HEAD")),
        ("DELETE / ", 405, Some("GET, HEAD")),
        ("OPTIONS / ", 405, Some("GET, HEAD")),
        ("PUT /metrics.json ", 405, Some("GET, HEAD")),
        ("GET /echo ", 405, Some("POST")),
        ("PATCH /echo ", 405, Some("POST")),
        ("GET /none ", 404, None),
        ("POST /none ", 404, None),
    ] {
        let response = client.ask(format!("{request}HTTP/1.1\r\nHost: h\r\n\r\n"));
        assert_eq!((response.status, response.field("allow")), (status, allow), "{request}");
        assert_eq!(response.field("connection"), None, "{request}");
    }
}

#[test]
fn a_connection_lives_for_as_long_as_both_want() {
    let server = Server::start::<&str>("http", &[]);
    for (version, field, connection) in [
        ("1.1", "", None),
        ("1.1", "Connection: keep-alive\r\n", None),
        ("1.1", "Connection: upgrade, x\r\nConnection:\r\n", None),
        ("1.1", "Connection: close\r\n", Some("close")),
        ("1.1", "Connection: keep-alive, Close\r\n", Some("close")),
        ("1.1", "Connection: x\r\nConnection: CLOSE\r\n", Some("close")),
        ("1.0", "", Some("close")),
        ("1.0", "Connection: keep-alive\r\n", Some("keep-alive")),
        ("1.0", "Connection: Keep-Alive, x\r\n", Some("keep-alive")),
        ("1.0", "Connection: keep-alive, close\r\n", Some("close")),
    ] {
        let mut client = Client::connect(&server);
        let request = format!("GET / HTTP/{version}\r\nHost: h\r\n{field}\r\n");
        for _ in 0..3 {
            let response = client.ask(&request);
            assert_eq!(response.field("connection"), connection, "{version} {field}");
            if connection == Some("close") {
                client.assert_closed();
                break;
            }
        }
    }
}

#[test]
fn a_client_of_http_1_0_needs_no_host() {
    let server = Server::start::<&str>("http", &[]);
    let mut client = Client::connect(&server);
    assert_eq!(client.ask("GET / HTTP/1.0\r\n\r\n").text(), HELLO);
    client.assert_closed();
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let server = Server::start::<&str>("http", &[]);
    let mut client = Client::connect(&server);
    let requests: String = (0..16)
        .map(|number| match number % 4 {
            0 => GET.to_owned(),
            1 => format!("GET /none{number} HTTP/1.1\r\nHost: h\r\n\r\n"),
            2 => "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
            _ => format!("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{number:02}"),
        })
        .collect();
    client.send(&requests);
    client.shut_down();
    for number in 0..16 {
        let response = client.response(number % 4 != 2);
        match number % 4 {
            0 => assert_eq!(response.text(), HELLO),
            1 => assert_eq!(response.status, 404),
            2 => assert_eq!(response.field("content-length"), Some("21")),
            _ => assert_eq!(response.text(), format!("{number:02}")),
        }
    }
    client.assert_closed();
}

#[test]
fn many_pipelined_requests_are_answered_though_nobody_reads_meanwhile() {
    let server = Server::start::<&str>("http", &[]);
    let mut client = Client::connect(&server);
    let count = 20_000;
    let requests = GET.repeat(count);
    let mut writer = client.stream.try_clone().expect("a descriptor");
    let sender = std::thread::spawn(move || {
        use std::io::Write;
        writer.write_all(requests.as_bytes()).expect("the server reads");
    });
    for _ in 0..count {
        assert_eq!(client.response(true).text(), HELLO);
    }
    sender.join().expect("all was sent");
}

#[test]
fn a_request_may_come_in_two_parts_split_anywhere() {
    let server = Server::start::<&str>("http", &[]);
    let (mut client, mut other) = (Client::connect(&server), Client::connect(&server));
    let request = "\r\nPOST /echo?q HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
        3;x=y\r\nabc\r\n00A\r\n0123456789\r\n0\r\nX: y\r\n\r\n";
    for split in 0..request.len() {
        let (first, second) = request.split_at(split);
        client.send(first);
        other.pass_by();
        client.send(second);
        assert_eq!(client.response(true).text(), "abc0123456789", "split at {split}");
    }
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let server = Server::start::<&str>("http", &[]);
    let mut client = Client::connect(&server);
    let request = format!("{GET}POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
    for byte in request.bytes() {
        client.send([byte]);
    }
    assert_eq!(client.response(true).text(), HELLO);
    assert_eq!(client.response(true).text(), "abc");
}

#[test]
fn the_metrics_count_what_was_asked() {
    let server = Server::start::<&str>("http", &[]);
    let mut client = Client::connect(&server);
    for _ in 0..4 {
        client.get("/", "");
    }
    client.get("/none", "");
    let page = client.get("/metrics.json", "");
    assert_eq!(page.field("content-type"), Some("application/json"));
    assert_eq!(page.field("cache-control"), Some("no-store"));
    for line in [
        "\"connections_open\": 1,",
        "\"requests\": 6,",
        "\"responses_2xx\": 4,",
        "\"responses_4xx\": 1,",
        "\"buffers_held\":",
    ] {
        assert!(page.text().contains(line), "no {line} in {}", page.text());
    }
    let text = client.get("/metrics", "");
    assert!(text.text().contains("# TYPE annulus_tasks_alive gauge"), "{}", text.text());
}
