//! Datagrams keep their borders, their order, their sender and their bytes.

use annulus::net::UdpSocket;

use crate::support::{LONGEST, pair, poll_once, recv, run, settle, socket};

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + len) as u8).collect()
}

#[test]
fn datagrams_come_whole_and_in_order_with_their_sender() {
    run(async {
        let (server, address) = socket().await;
        let ((one, first), (other, second)) = (socket().await, socket().await);
        for n in 0..50_u8 {
            let from = if n % 3 == 0 { &one } else { &other };
            let sent = from.send_to(vec![n; usize::from(n)], address).await.into_result();
            assert_eq!(sent.unwrap(), (usize::from(n), vec![n; usize::from(n)]));
        }
        for n in 0..50_u8 {
            let ((len, peer), buf) =
                server.recv_from(Vec::with_capacity(64)).await.into_result().unwrap();
            assert_eq!(peer, if n % 3 == 0 { first } else { second });
            assert_eq!((len, &buf[..]), (usize::from(n), &vec![n; usize::from(n)][..]));
        }
    });
}

#[test]
fn datagrams_of_every_size_come_as_they_were_sent() {
    run(async {
        let (one, other) = pair().await;
        let mut sizes: Vec<usize> = (0..20).collect();
        sizes.extend([511, 1472, 1473, 4096, 9000, 32_768, 65_506, LONGEST]);
        for size in sizes {
            let (sent, _) = one.send(pattern(size)).await.into_result().unwrap();
            assert_eq!(sent, size);
            assert!(recv(&other).await == pattern(size), "{size} bytes");
        }
    });
}

#[test]
fn an_empty_datagram_is_no_end() {
    run(async {
        let (one, other) = pair().await;
        for text in ["", "a", "", ""] {
            one.send(text).await.into_result().unwrap();
        }
        for text in ["", "a", "", ""] {
            assert_eq!(recv(&other).await, text.as_bytes());
        }
        let mut more = other.recv(vec![0; 8]);
        assert!(poll_once(&mut more).await.is_none(), "there is no more");
    });
}

#[test]
fn what_is_longer_than_a_datagram_is_refused_whole() {
    run(async {
        let (one, other) = pair().await;
        let address = other.local_addr().unwrap();
        let (error, buf) =
            one.send(vec![7; LONGEST + 1]).await.into_result().unwrap_err().into_parts();
        assert_eq!((error.raw_os_error(), buf.len()), (Some(90), LONGEST + 1));
        let too_long = one.send_to(vec![7; 100_000], address).await.into_result();
        assert_eq!(std::io::Error::from(too_long.unwrap_err()).raw_os_error(), Some(90));
        one.send("after it").await.into_result().unwrap();
        assert_eq!(recv(&other).await, b"after it");
    });
}

#[test]
fn what_is_longer_than_the_buffer_is_cut_off_and_the_next_begins_anew() {
    run(async {
        let (one, other) = pair().await;
        for text in ["too long", "next", "taken by nothing", "last"] {
            one.send(text).await.into_result().unwrap();
        }
        let (len, buf) = other.recv(vec![b'.'; 4]).await.into_result().unwrap();
        assert_eq!((len, &buf[..]), (4, &b"too "[..]));
        let ((len, _), buf) = other.recv_from(vec![b'.'; 6]).await.into_result().unwrap();
        assert_eq!((len, &buf[..]), (4, &b"next.."[..]));
        // As of std: a buffer without room takes a datagram all the same.
        assert_eq!(other.recv(Vec::new()).await.into_result().unwrap().0, 0);
        assert_eq!(recv(&other).await, b"last");
    });
}

#[test]
fn a_peek_leaves_the_datagram() {
    run(async {
        let (server, address) = socket().await;
        let (client, own) = socket().await;
        let mut early = server.peek(vec![0; 3]);
        assert!(poll_once(&mut early).await.is_none());
        client.send_to("first", address).await.into_result().unwrap();
        client.send_to("second", address).await.into_result().unwrap();
        assert_eq!(early.await.into_result().unwrap(), (3, b"fir".to_vec()));
        for _ in 0..3 {
            let ((len, peer), buf) = server.peek_from(vec![0; 9]).await.into_result().unwrap();
            assert_eq!((&buf[..len], peer), (&b"first"[..], own));
        }
        assert_eq!(recv(&server).await, b"first");
        assert_eq!(server.peek(vec![0; 9]).await.into_result().unwrap().0, 6);
        assert_eq!(recv(&server).await, b"second");
    });
}

#[test]
fn a_socket_waits_for_datagrams_without_a_buffer() {
    run(async {
        let (one, other) = pair().await;
        one.writable().await.unwrap();
        let mut readable = other.readable();
        assert!(poll_once(&mut readable).await.is_none());
        settle().await;
        one.send("").await.into_result().unwrap();
        readable.await.unwrap();
        other.readable().await.unwrap();
        assert_eq!(recv(&other).await, b"");
    });
}

#[test]
fn each_of_many_receivers_gets_one_of_many_datagrams() {
    run(async {
        let (server, address) = socket().await;
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let server = server.try_clone().unwrap();
                annulus::spawn(async move { recv(&server).await })
            })
            .collect();
        settle().await;
        let (client, _) = socket().await;
        for n in 0..20_u8 {
            client.send_to(vec![n], address).await.into_result().unwrap();
        }
        let mut seen = Vec::new();
        for task in tasks {
            seen.push(task.await.unwrap()[0]);
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..20).collect::<Vec<u8>>());
    });
}

#[test]
fn what_finds_the_buffer_full_is_dropped_and_nothing_else() {
    run(async {
        let (server, address) = socket().await;
        server.set_recv_buffer_size(4096).unwrap();
        let (client, _) = socket().await;
        for n in 0..200_u32 {
            let mut bytes = n.to_le_bytes().to_vec();
            bytes.resize(300, n as u8);
            client.send_to(bytes, address).await.into_result().unwrap();
        }
        let mut seen = Vec::new();
        loop {
            let mut next = server.recv(vec![0; 400]);
            let Some(got) = poll_to_end(&mut next).await else { break };
            let (len, buf) = got.into_result().unwrap();
            let n = u32::from_le_bytes(buf[..4].try_into().unwrap());
            assert!(len == 300 && buf[4..len].iter().all(|&byte| byte == n as u8));
            seen.push(n);
        }
        assert!(seen.len() < 200, "all of them fit");
        assert!(seen.len() > 3, "{} fit", seen.len());
        // There is no gap among the first, and what had no room was the newest.
        assert!(seen.iter().enumerate().all(|(at, n)| at as u32 == *n), "{seen:?}");
    });
}

/// What a receive gives by itself within a few turns.
async fn poll_to_end<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    for _ in 0..4 {
        if let Some(done) = poll_once(future).await {
            return Some(done);
        }
        settle().await;
    }
    None
}

#[test]
fn datagrams_go_over_ipv6() {
    run(async {
        let one = match UdpSocket::bind("[::1]:0").await {
            Ok(socket) => socket,
            Err(error) => return eprintln!("skipped: {error}"),
        };
        let other = UdpSocket::bind("[::1]:0").await.unwrap();
        let (first, second) = (one.local_addr().unwrap(), other.local_addr().unwrap());
        assert!(first.is_ipv6());
        one.send_to(pattern(20_000), second).await.into_result().unwrap();
        let ((len, peer), buf) = other.recv_from(vec![0; 30_000]).await.into_result().unwrap();
        assert!((len, peer) == (20_000, first) && buf[..len] == pattern(20_000));
        other.connect(first).await.unwrap();
        other.send("back").await.into_result().unwrap();
        assert_eq!(recv(&one).await, b"back");
    });
}
