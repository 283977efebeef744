//! Static files of the HTTP server.

use std::time::{Duration, SystemTime};

use super::client::{Client, Response};
use super::process::{Server, TempDirectory, pattern};

/// A directory to serve, and its server.
struct Site {
    directory: TempDirectory,
    server: Server,
}

impl Site {
    fn new(name: &str) -> Site {
        let directory = TempDirectory::new(name);
        directory.write("site/index.html", b"<p>index");
        directory.write("site/sub dir/index.html", b"<p>sub");
        directory.write("site/data.bin", &pattern(1000));
        directory.write("site/empty.txt", b"");
        directory.write("site/.hidden", b"hidden");
        directory.write("site/.git/config", b"hidden");
        directory.write("site/..odd", b"hidden");
        directory.write("secret", b"secret");
        std::fs::create_dir(directory.path().join("site/bare")).expect("a directory");
        let root = directory.path().join("site/");
        let server = Server::start("http", &["--dir".as_ref(), root.as_os_str()]);
        Site { directory, server }
    }

    fn get(&self, path: &str, fields: &str) -> Response {
        Client::connect(&self.server).get(path, fields)
    }
}

#[test]
fn files_are_served_as_they_are() {
    let site = Site::new("as-they-are");
    for (path, content_type, content) in [
        ("/", "text/html; charset=utf-8", b"<p>index".to_vec()),
        ("/index.html", "text/html; charset=utf-8", b"<p>index".to_vec()),
        ("//index.html", "text/html; charset=utf-8", b"<p>index".to_vec()),
        ("/%69ndex%2Ehtml?x", "text/html; charset=utf-8", b"<p>index".to_vec()),
        ("/sub%20dir/", "text/html; charset=utf-8", b"<p>sub".to_vec()),
        ("/sub%20dir%2findex.html", "text/html; charset=utf-8", b"<p>sub".to_vec()),
        ("/data.bin", "application/octet-stream", pattern(1000)),
        ("/empty.txt", "text/plain; charset=utf-8", Vec::new()),
    ] {
        let response = site.get(path, "");
        assert_eq!((response.status, response.body == content), (200, true), "{path}");
        assert_eq!(response.field("content-type"), Some(content_type), "{path}");
        assert_eq!(response.field("accept-ranges"), Some("bytes"), "{path}");
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: h\r\n\r\n");
        let head = Client::connect(&site.server).ask(request);
        for field in ["content-length", "content-type", "etag", "last-modified"] {
            assert_eq!(head.field(field), response.field(field), "{path}");
        }
    }
}

#[test]
fn sizes_around_those_of_buffers_are_served_whole() {
    let site = Site::new("sizes");
    let mut client = Client::connect(&site.server);
    for len in [1, 4095, 65_535, 65_536, 65_537, 262_143, 262_144, 262_145, 3_000_000] {
        let content = pattern(len);
        site.directory.write("site/file", &content);
        let response = client.get("/file", "");
        assert!(response.status == 200 && response.body == content, "{len}");
    }
}

#[test]
fn pipelined_files_come_in_their_order() {
    let site = Site::new("pipelined");
    site.directory.write("site/large", &pattern(1_000_000));
    let mut client = Client::connect(&site.server);
    let paths = ["/data.bin", "/large", "/none", "/", "/large", "/empty.txt", "/data.bin"];
    let requests: String =
        paths.iter().map(|path| format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")).collect();
    client.send(requests);
    for path in paths {
        let response = client.response(true);
        let content = match path {
            "/data.bin" => pattern(1000),
            "/large" => pattern(1_000_000),
            "/none" => b"404 Not Found\n".to_vec(),
            "/" => b"<p>index".to_vec(),
            _ => Vec::new(),
        };
        assert!(response.body == content, "{path}");
    }
}

#[test]
fn nothing_outside_the_directory_is_served_and_nothing_hidden() {
    let site = Site::new("outside");
    for path in [
        "/../secret",
        "/..",
        "/../",
        "/./index.html",
        "/sub%20dir/../../secret",
        "/%2e%2e/secret",
        "/%2E%2E%2Fsecret",
        "/sub%20dir%2f..%2f..%2fsecret",
        "/..%2fsecret",
        "/.hidden",
        "/%2ehidden",
        "/.git/config",
        "/..odd",
        "/sub%20dir/%2e%2e/index.html",
        "http://h/../secret",
        "/none",
        "/bare/",
        "/index.html/",
        "/index.html/x",
        "/%ff%fe",
    ] {
        let response = site.get(path, "");
        assert_eq!((response.status, response.text()), (404, "404 Not Found\n"), "{path}");
    }
    for path in ["/%", "/%2", "/%zz", "/%+1", "/%00", "/index.html%00"] {
        assert_eq!(site.get(path, "").status, 400, "{path}");
    }
    let long = "/x".repeat(4000);
    assert_eq!(site.get(&long, "").status, 404);
    assert_eq!(site.get(&format!("/{}", "x".repeat(256)), "").status, 404);
}

#[test]
fn a_link_is_followed_as_the_file_system_says() {
    let site = Site::new("links");
    let root = site.directory.path().join("site");
    std::os::unix::fs::symlink("data.bin", root.join("link")).expect("a link");
    std::os::unix::fs::symlink("nowhere", root.join("dangling")).expect("a link");
    assert_eq!(site.get("/link", "").body, pattern(1000));
    assert_eq!(site.get("/dangling", "").status, 404);
}

#[test]
fn a_directory_is_asked_for_with_a_slash() {
    let site = Site::new("slash");
    let response = site.get("/sub%20dir", "");
    assert_eq!((response.status, response.field("location")), (301, Some("/sub%20dir/")));
    // Two slashes at the begin would name another host.
    std::fs::create_dir(site.directory.path().join("site/host")).expect("a directory");
    assert_eq!(site.get("//host", "").field("location"), Some("/host/"));
    let root = site.directory.path().join("site");
    let server = Server::start("http", &["--dir".as_ref(), root.as_os_str()]);
    assert_eq!(Client::connect(&server).get("/host", "").field("location"), Some("/host/"));
}

#[test]
fn files_can_only_be_read() {
    let site = Site::new("read-only");
    let mut client = Client::connect(&site.server);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        let response = client.ask(format!("{method} /data.bin HTTP/1.1\r\nHost: h\r\n\r\n"));
        assert_eq!((response.status, response.field("allow")), (405, Some("GET, HEAD")));
    }
}

#[test]
fn a_range_is_the_bytes_that_it_names() {
    let site = Site::new("range");
    let content = pattern(1000);
    let mut client = Client::connect(&site.server);
    for (range, begin, end) in [
        ("0-0", 0, 1),
        ("0-", 0, 1000),
        ("10-19", 10, 20),
        ("999-", 999, 1000),
        ("990-5000", 990, 1000),
        ("-1", 999, 1000),
        ("-1000", 0, 1000),
        ("-5000", 0, 1000),
        ("500-99999999999999999999999", 500, 1000),
        (" 5-6 ", 5, 7),
    ] {
        let response = client.get("/data.bin", &format!("Range: bytes={range}\r\n"));
        assert_eq!(response.status, 206, "{range}");
        assert_eq!(response.body, content[begin..end], "{range}");
        let expected = format!("bytes {begin}-{}/1000", end - 1);
        assert_eq!(response.field("content-range"), Some(expected.as_str()));
    }
}

#[test]
fn a_range_past_the_end_is_refused_and_what_is_no_range_is_the_whole_file() {
    let site = Site::new("no-range");
    let mut client = Client::connect(&site.server);
    for range in ["bytes=1000-", "bytes=5000-6000", "bytes=-0", "bytes=99999999999999999999999-"] {
        let response = client.get("/data.bin", &format!("Range: {range}\r\n"));
        assert_eq!(response.status, 416, "{range}");
        assert_eq!(response.field("content-range"), Some("bytes */1000"), "{range}");
    }
    for range in [
        "bytes=0-1,4-5",
        "bytes=5-4",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=+1-2",
        "bytes=1-2x",
        "bytes 0-1",
        "lines=0-1",
        "0-1",
    ] {
        let response = client.get("/data.bin", &format!("Range: {range}\r\n"));
        assert_eq!((response.status, response.body.len()), (200, 1000), "{range}");
    }
    let head = client.ask("HEAD /data.bin HTTP/1.1\r\nHost: h\r\nRange: bytes=0-1\r\n\r\n");
    assert_eq!((head.status, head.field("content-length")), (200, Some("1000")));
    assert_eq!(client.get("/empty.txt", "Range: bytes=0-\r\n").status, 416);
}

#[test]
fn a_client_that_has_the_file_does_not_get_it_again() {
    let site = Site::new("conditions");
    let mut client = Client::connect(&site.server);
    let first = client.get("/data.bin", "");
    let etag = first.field("etag").expect("an etag").to_owned();
    let modified = first.field("last-modified").expect("a date").to_owned();
    let time = httpdate::parse_http_date(&modified).expect("a date");
    let day = Duration::from_secs(86_400);
    let earlier = httpdate::fmt_http_date(time - day);
    let later = httpdate::fmt_http_date(SystemTime::now() + day);
    for (fields, status) in [
        (format!("If-None-Match: {etag}\r\n"), 304),
        (format!("If-None-Match: W/{etag}\r\n"), 304),
        (format!("If-None-Match: \"x\", {etag}\r\n"), 304),
        ("If-None-Match: *\r\n".to_owned(), 304),
        ("If-None-Match: \"x\"\r\n".to_owned(), 200),
        (format!("If-None-Match: \"x\"\r\nIf-Modified-Since: {later}\r\n"), 200),
        (format!("If-None-Match: {etag}\r\nIf-Modified-Since: {earlier}\r\n"), 304),
        (format!("If-Modified-Since: {modified}\r\n"), 304),
        (format!("If-Modified-Since: {later}\r\n"), 304),
        (format!("If-Modified-Since: {earlier}\r\n"), 200),
        ("If-Modified-Since: yesterday\r\n".to_owned(), 200),
        (format!("Range: bytes=0-1\r\nIf-Range: {etag}\r\n"), 206),
        (format!("Range: bytes=0-1\r\nIf-Range: W/{etag}\r\n"), 200),
        ("Range: bytes=0-1\r\nIf-Range: \"x\"\r\n".to_owned(), 200),
        (format!("Range: bytes=0-1\r\nIf-Range: {modified}\r\n"), 206),
        (format!("Range: bytes=0-1\r\nIf-Range: {earlier}\r\n"), 200),
    ] {
        let response = client.get("/data.bin", &fields);
        assert_eq!(response.status, status, "{fields}");
        assert_eq!(response.field("etag"), Some(etag.as_str()), "{fields}");
        let expected = match status {
            200 => 1000,
            206 => 2,
            _ => 0,
        };
        assert_eq!(response.body.len(), expected, "{fields}");
    }
}

#[test]
fn a_file_that_changes_has_another_etag() {
    let site = Site::new("etag");
    let before = site.get("/data.bin", "");
    site.directory.write("site/data.bin", &pattern(1001));
    let after = site.get("/data.bin", "");
    assert_ne!(before.field("etag"), after.field("etag"));
}

#[test]
fn a_file_that_became_shorter_ends_the_connection() {
    let site = Site::new("shorter");
    let path = site.directory.write("site/large", &[]);
    let len: u64 = 1 << 30;
    std::fs::File::options().write(true).open(&path).unwrap().set_len(len).expect("a sparse file");
    let mut client = Client::connect(&site.server);
    client.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
    client.stream.peek(&mut [0]).expect("the answer has begun");
    std::fs::File::options().write(true).open(&path).unwrap().set_len(0).expect("a short file");
    let received = std::io::copy(&mut client.stream, &mut std::io::sink());
    assert!(received.is_ok_and(|received| received < len));
    assert_eq!(site.get("/", "").status, 200);
}
