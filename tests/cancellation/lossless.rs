//! Bytes and connections that come while nobody waits are not lost.

use std::future::Future;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use annulus::BufResult;
use annulus::net::TcpListener;
use annulus::time::timeout;

use crate::common::bound::bound;
use crate::common::net::{connect_as, loopback};
use crate::common::soak;

/// Has a client come late, about together with the end of one of the server's limits.
///
/// However busy the machine is, one limit runs out meanwhile: the client waits for word of it.
struct Latecomer {
    limit: Duration,
    /// A word for each limit that has run out.
    expiries: Receiver<()>,
    random: fastrand::Rng,
}

impl Latecomer {
    fn new(limit: Duration) -> (Sender<()>, Latecomer) {
        let (tell, expiries) = channel();
        (tell, Latecomer { limit, expiries, random: soak::seed() })
    }

    fn pause(&mut self) {
        // Those of before do not count.
        while self.expiries.try_recv().is_ok() {}
        let _server_is_gone = self.expiries.recv();
        // With that word the next limit began.
        std::thread::sleep(self.limit.mul_f64(0.8 + 0.3 * self.random.f64()));
    }
}

/// Connects again and again, each connection with its number; one in `pause_each` comes late.
fn connect_numbered(
    address: SocketAddr,
    connections: u32,
    mut late: Latecomer,
    pause_each: u32,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for i in 0..connections {
            if i % pause_each == 0 {
                late.pause();
            }
            let mut stream = connect_as(i as usize, address);
            stream.write_all(&i.to_le_bytes()).unwrap();
        }
    })
}

/// Accepts with a limit until every connection was seen once.
fn accepts_under(limit: Duration, connections: u32, pause_each: u32) {
    let _bound = bound();
    annulus::run(async {
        let listener = TcpListener::bind_addr(loopback()).unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, late) = Latecomer::new(limit);
        let clients = connect_numbered(address, connections, late, pause_each);
        let mut seen = vec![false; connections as usize];
        let (mut count, mut expired) = (0, 0);
        while count < connections {
            let Ok(accepted) = timeout(limit, listener.accept()).await else {
                expired += 1;
                let _all_have_come = tell.send(());
                continue;
            };
            let (stream, _) = accepted.unwrap();
            let BufResult(n, buf) = stream.read(Vec::with_capacity(4)).await;
            assert_eq!(n.unwrap(), 4);
            let i = u32::from_le_bytes(buf[..4].try_into().unwrap()) as usize;
            assert!(!std::mem::replace(&mut seen[i], true));
            count += 1;
        }
        println!("{connections} connections, {expired} accepts whose time was over");
        assert!(expired >= connections / pause_each, "no accept was given up");
        clients.join().unwrap();
    })
    .unwrap();
}

#[test]
fn accepts_under_a_short_timeout_lose_no_connection() {
    accepts_under(Duration::from_micros(20), soak::rounds(1000, 100_000) as u32, 100);
}

#[test]
fn accepts_under_a_millisecond_lose_no_connection() {
    accepts_under(Duration::from_millis(1), soak::rounds(1000, 100_000) as u32, 20);
}

/// Sends numbers in pieces of 1 to 19; one piece in `pause_each` comes late. How many it sent.
fn send_numbered(
    address: SocketAddr,
    pieces: usize,
    mut late: Latecomer,
    pause_each: usize,
) -> JoinHandle<u32> {
    std::thread::spawn(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut next = 0;
        for piece in 0..pieces {
            let count = late.random.u32(1..20);
            let bytes: Vec<u8> = (next..next + count).flat_map(u32::to_le_bytes).collect();
            stream.write_all(&bytes).unwrap();
            next += count;
            if piece % pause_each == 0 {
                late.pause();
            }
            for _ in 0..late.random.u32(0..5000) {
                std::hint::spin_loop();
            }
        }
        next
    })
}

/// Reads with a limit to the end of the stream: every number comes once and in order.
fn reads_under(limit: Duration, pieces: usize, pause_each: usize) {
    let _bound = bound();
    annulus::run(async {
        let listener = TcpListener::bind_addr(loopback()).unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, late) = Latecomer::new(limit);
        let writer = send_numbered(address, pieces, late, pause_each);
        let (stream, _) = listener.accept().await.unwrap();
        let mut all = Vec::new();
        let mut expired = 0;
        loop {
            let read = timeout(limit, stream.read(Vec::with_capacity(64))).await;
            let Ok(BufResult(n, buf)) = read else {
                expired += 1;
                let _all_was_sent = tell.send(());
                continue;
            };
            match n.unwrap() {
                0 => break,
                n => all.extend_from_slice(&buf[..n]),
            }
        }
        let total = writer.join().unwrap();
        println!("{total} numbers, {expired} reads whose time was over");
        assert!(expired >= pieces / pause_each, "no read was given up");
        let expected: Vec<u8> = (0..total).flat_map(u32::to_le_bytes).collect();
        assert_eq!(all.len(), expected.len());
        assert!(all == expected);
    })
    .unwrap();
}

#[test]
fn reads_under_a_short_timeout_lose_no_byte() {
    reads_under(Duration::from_micros(5), soak::rounds(1500, 100_000), 100);
}

#[test]
fn reads_under_a_millisecond_lose_no_byte() {
    reads_under(Duration::from_millis(1), soak::rounds(1000, 100_000), 20);
}

#[test]
fn every_way_of_reading_dropped_at_random_loses_no_byte() {
    let _bound = bound();
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let runtime = annulus::Builder::new().buffer_pool(4, 64).entries(8).build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind_addr(loopback()).unwrap();
        let address = listener.local_addr().unwrap();
        let writer = std::thread::spawn(move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            let mut next = 0u32;
            let mut random = fastrand::Rng::with_seed(seed);
            for _ in 0..soak::rounds(1000, 100_000) {
                let count = random.u32(1..60);
                let bytes: Vec<u8> = (next..next + count).flat_map(u32::to_le_bytes).collect();
                stream.write_all(&bytes).unwrap();
                next += count;
                for _ in 0..random.u32(0..20000) {
                    std::hint::spin_loop();
                }
            }
            next
        });
        let (stream, _) = listener.accept().await.unwrap();
        let mut random = fastrand::Rng::with_seed(seed + 1);
        let mut all = Vec::new();
        let mut expired = 0;
        let mut held = Vec::new();
        'outer: loop {
            let limit = Duration::from_micros(random.u64(0..20));
            match random.u32(0..4) {
                0 => {
                    match timeout(limit, stream.read(Vec::with_capacity(random.usize(1..200))))
                        .await
                    {
                        Err(_) => expired += 1,
                        Ok(BufResult(Ok(0), _)) => break,
                        Ok(BufResult(n, buf)) => all.extend_from_slice(&buf[..n.unwrap()]),
                    }
                }
                1 => {
                    let bufs = [Vec::with_capacity(3), Vec::with_capacity(50)];
                    match timeout(limit, stream.readv(bufs)).await {
                        Err(_) => expired += 1,
                        Ok(BufResult(Ok(0), _)) => break,
                        Ok(BufResult(_, bufs)) => {
                            bufs.iter().for_each(|b| all.extend_from_slice(b))
                        }
                    }
                }
                2 => match timeout(limit, stream.recv()).await {
                    Err(_) => expired += 1,
                    Ok(bytes) => {
                        let bytes = bytes.unwrap();
                        if bytes.is_empty() {
                            break;
                        }
                        all.extend_from_slice(&bytes);
                        held.push(bytes);
                        held.truncate(random.usize(0..6));
                    }
                },
                _ => {
                    let mut items = stream.recv_stream();
                    for _ in 0..random.u32(0..5) {
                        match timeout(limit, items.next()).await {
                            Err(_) => {
                                expired += 1;
                                break;
                            }
                            Ok(None) => break 'outer,
                            Ok(Some(bytes)) => all.extend_from_slice(&bytes.unwrap()),
                        }
                    }
                }
            }
        }
        eprintln!("expired {expired}");
        let total = writer.join().unwrap();
        let expected: Vec<u8> = (0..total).flat_map(u32::to_le_bytes).collect();
        assert_eq!(all.len(), expected.len());
        assert!(all == expected);
    });
}

#[test]
fn every_way_of_accepting_dropped_at_random_loses_no_connection() {
    let _bound = bound();
    let connections = soak::rounds(1000, 100_000) as u32;
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    annulus::run(async {
        let listener = TcpListener::bind_addr(loopback()).unwrap();
        let address = listener.local_addr().unwrap();
        let clients = std::thread::spawn(move || {
            let mut all = Vec::new();
            for i in 0..connections {
                let mut stream = connect_as(i as usize, address);
                stream.write_all(&i.to_le_bytes()).unwrap();
                all.push(stream);
            }
            all
        });
        let mut random = fastrand::Rng::with_seed(seed);
        let mut seen = vec![false; connections as usize];
        let mut count = 0;
        while count < connections {
            let limit = Duration::from_micros(random.u64(0..30));
            let mut got = Vec::new();
            if random.bool() {
                if let Ok(accepted) = timeout(limit, listener.accept()).await {
                    got.push(accepted.unwrap().0);
                }
            } else {
                let mut incoming = listener.incoming();
                for _ in 0..random.u32(0..4) {
                    match timeout(limit, incoming.next()).await {
                        Ok(stream) => got.push(stream.unwrap()),
                        Err(_) => break,
                    }
                }
            }
            for stream in got {
                let bytes = stream.recv().await.unwrap();
                let i = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
                assert!(!std::mem::replace(&mut seen[i], true));
                count += 1;
            }
        }
        drop(clients.join().unwrap());
    })
    .unwrap();
}

#[test]
fn a_close_that_is_cancelled_or_dropped_closes_all_the_same() {
    let _bound = bound();
    use std::io::Read;
    annulus::Builder::new().entries(1).build().unwrap().block_on(async {
        let listener = TcpListener::bind_addr(loopback()).unwrap();
        let address = listener.local_addr().unwrap();
        for round in 0..20 {
            let mut peer = std::net::TcpStream::connect(address).unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            // The queue of one entry is full, so the close waits in the backlog when it is dropped.
            let mut nops: Vec<_> = (0..4).map(|_| Box::pin(annulus::op::nop())).collect();
            let mut close = Box::pin(stream.close());
            for _ in 0..round % 3 {
                std::future::poll_fn(|cx| {
                    for nop in &mut nops {
                        let _pending = nop.as_mut().poll(cx);
                    }
                    let _pending = close.as_mut().poll(cx);
                    std::task::Poll::Ready(())
                })
                .await;
            }
            drop(close);
            drop(nops);
            let end = annulus::spawn_blocking(move || peer.read(&mut [0; 1])).await.unwrap();
            assert_eq!(end.unwrap(), 0);
        }
    });
}
