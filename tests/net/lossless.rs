//! What cancelling may not lose.

use std::future::Future;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use annulus::buf::PooledBuf;
use annulus::net::TcpStream;
use annulus::time::{Elapsed, timeout};

use crate::common::bound::bound_loop;
use crate::support::{listen, run_really};

/// Sends numbers in pieces of up to `most` of them; how many were sent.
fn send_numbers(
    address: SocketAddr,
    seed: u64,
    pieces: u32,
    most: u32,
) -> std::thread::JoinHandle<u32> {
    std::thread::spawn(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let mut next = 0u32;
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..pieces {
            let count = random.u32(1..most);
            let bytes: Vec<u8> = (next..next + count).flat_map(u32::to_le_bytes).collect();
            stream.write_all(&bytes).unwrap();
            next += count;
            for _ in 0..random.u32(0..10_000) {
                std::hint::spin_loop();
            }
        }
        next
    })
}

#[test]
fn every_way_of_reading_dropped_at_random_loses_no_byte() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let runtime = annulus::Builder::new().buffer_pool(4, 64).entries(8).build().unwrap();
    let _bound = bound_loop(&runtime);
    runtime.block_on(async {
        let (listener, address) = listen().await;
        let writer = send_numbers(address, seed, 3000, 60);
        let (stream, _) = listener.accept().await.unwrap();
        let mut random = fastrand::Rng::with_seed(seed + 1);
        let mut reader = AnyReader { all: Vec::new(), held: Vec::new(), expired: 0 };
        while !reader.read_somehow(&stream, &mut random).await {}
        println!("expired {}", reader.expired);
        let total = writer.join().unwrap();
        let expected: Vec<u8> = (0..total).flat_map(u32::to_le_bytes).collect();
        assert_eq!(reader.all.len(), expected.len());
        assert!(reader.all == expected);
    });
}

/// Reads in one way or another, and gives many of the reads up.
struct AnyReader {
    all: Vec<u8>,
    /// Buffers of the pool that are not given back yet.
    held: Vec<PooledBuf>,
    expired: u32,
}

impl AnyReader {
    /// Whether the stream has ended.
    async fn read_somehow(&mut self, stream: &TcpStream, random: &mut fastrand::Rng) -> bool {
        let limit = Duration::from_micros(random.u64(0..20));
        match random.u32(0..4) {
            0 => {
                let read = stream.read(Vec::with_capacity(random.usize(1..200)));
                let read = timeout(limit, read).await.map(|read| read.unwrap().1);
                self.take(read)
            }
            1 => {
                let bufs = [Vec::with_capacity(3), Vec::with_capacity(50)];
                let read = timeout(limit, stream.readv(bufs)).await;
                self.take(read.map(|read| read.unwrap().1.concat()))
            }
            2 => {
                let read = timeout(limit, stream.recv()).await.map(|bytes| bytes.unwrap());
                let copied = read.as_ref().map(|bytes| bytes.to_vec()).map_err(|&error| error);
                self.held.extend(read);
                self.held.truncate(random.usize(0..6));
                self.take(copied)
            }
            _ => {
                let mut items = stream.recv_stream();
                for _ in 0..random.u32(0..5) {
                    let read = timeout(limit, items.next()).await;
                    let read =
                        read.map(|item| item.map_or(Vec::new(), |item| item.unwrap().to_vec()));
                    let is_expired = read.is_err();
                    if self.take(read) {
                        return true;
                    }
                    if is_expired {
                        break;
                    }
                }
                false
            }
        }
    }

    /// Whether that was the end of the stream.
    fn take(&mut self, read: Result<Vec<u8>, Elapsed>) -> bool {
        match read {
            Err(_) => self.expired += 1,
            Ok(bytes) if bytes.is_empty() => return true,
            Ok(bytes) => self.all.extend(bytes),
        }
        false
    }
}

#[test]
fn every_way_of_accepting_dropped_at_random_loses_no_connection() {
    const CONNECTIONS: u32 = 2000;
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    run_really(async {
        let (listener, address) = listen().await;
        let clients = std::thread::spawn(move || {
            let mut all = Vec::new();
            for i in 0..CONNECTIONS {
                let mut stream = std::net::TcpStream::connect(address).unwrap();
                stream.write_all(&i.to_le_bytes()).unwrap();
                all.push(stream);
            }
            all
        });
        let mut random = fastrand::Rng::with_seed(seed);
        let mut seen = vec![false; CONNECTIONS as usize];
        let mut count = 0;
        while count < CONNECTIONS {
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
    });
}

#[test]
fn a_close_that_is_cancelled_or_dropped_closes_all_the_same() {
    use std::io::Read;
    let runtime = annulus::Builder::new().entries(1).build().unwrap();
    let _bound = bound_loop(&runtime);
    runtime.block_on(async {
        let (listener, address) = listen().await;
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
