//! Numbers of descriptors: each is given back, and none means another connection than its own.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use annulus::net::{TcpListener, TcpSocket, TcpStream};

use crate::common::child::Child;
use crate::common::net::origin;
use crate::support::{listen, open_descriptors, poll_once, read_to_end, run, run_really, settle};

/// Rounds of [`every_connection_gives_its_descriptors_back`], unless this variable says more.
const ROUNDS: usize = 2_000;
const ROUNDS_VARIABLE: &str = "ANNULUS_CONNECTION_ROUNDS";

#[test]
fn every_connection_gives_its_descriptors_back() {
    let child = Child::of(concat!(module_path!(), "::every_connection_gives_its_descriptors_back"));
    child.run(|| run(rounds(number_of_rounds())));
}

fn number_of_rounds() -> usize {
    match std::env::var(ROUNDS_VARIABLE) {
        Ok(number) => number.parse().expect("a number of rounds"),
        Err(_) => ROUNDS,
    }
}

async fn rounds(rounds: usize) {
    let (listener, address) = listen().await;
    // Whatever is made once for the loop is there afterwards.
    let mut before = 0;
    for round in 0..rounds {
        if round == 10 {
            take_what_waits(&listener, address).await;
            settle().await;
            before = open_descriptors();
        }
        if round % 1000 == 999 {
            // A full backlog would refuse the next client.
            take_what_waits(&listener, address).await;
        }
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(origin(round)).unwrap();
        let client = socket.connect(address).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        match round % 5 {
            0 => client.close().await.unwrap(),
            1 => drop((client, server)),
            2 => {
                let mut read = server.read(vec![0; 8]);
                assert!(poll_once(&mut read).await.is_none());
                drop((server, client, read));
            }
            3 => {
                let (reader, writer) = server.into_split();
                client.set_linger(Some(Duration::ZERO)).unwrap();
                drop((writer, client, reader));
            }
            _ => {
                let mut accept = listener.accept();
                assert!(poll_once(&mut accept).await.is_none());
                drop(TcpStream::connect_addr(address).unwrap().timeout(Duration::ZERO).await);
                drop((accept, client.into_std().unwrap()));
            }
        }
    }
    // On a slow machine the last ones are still under way.
    for _ in 0..100 {
        take_what_waits(&listener, address).await;
        settle().await;
        if open_descriptors() == before {
            return;
        }
    }
    assert_eq!(open_descriptors(), before, "after {rounds} rounds");
}

/// Takes the connections of earlier rounds that wait to be accepted, or were kept for a next accept.
async fn take_what_waits(listener: &TcpListener, address: SocketAddr) {
    // They are given in the order of their arrival, so this one is the last.
    let last = TcpStream::connect(address).await.unwrap();
    while listener.accept().await.unwrap().1 != last.local_addr().unwrap() {}
}

/// What a connection sends, over and over.
fn tag(number: u32) -> Vec<u8> {
    number.to_le_bytes().repeat(50)
}

#[test]
fn bytes_never_go_to_another_connection_that_has_the_number_now() {
    const CONNECTIONS: u32 = 2_000;
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    run_really(async move {
        let mut random = fastrand::Rng::with_seed(seed);
        let (listener, address) = listen().await;
        let server = annulus::spawn(serve(listener, CONNECTIONS + 1));
        let mut tags: HashMap<SocketAddr, VecDeque<u32>> = HashMap::new();
        let mut next = reopen(address);
        for number in 0..CONNECTIONS {
            let stream = next;
            let own = stream.local_addr().unwrap();
            // A port that is free again may come again.
            tags.entry(own).or_default().push_back(number);
            let mut write = stream.write(tag(number));
            let mut read = stream.read(Vec::with_capacity(200));
            assert!(poll_once(&mut write).await.is_none());
            assert!(poll_once(&mut read).await.is_none());
            // In the same tick it is gone and the next one is there, with its number if that is
            // free, before the kernel has seen the write.
            match random.u32(0..4) {
                0 => {
                    drop((stream, write, read));
                    next = reopen(address);
                }
                1 => {
                    drop((write, read, stream));
                    next = reopen(address);
                }
                2 => {
                    drop(stream);
                    next = reopen(address);
                    let _ended = write.await;
                    drop(read);
                }
                _ => {
                    drop(write);
                    if let Ok((count, buf)) = read.await.into_result() {
                        let expected = tag(u32::from(own.port()));
                        assert!(expected.starts_with(&buf[..count]), "bytes of another connection");
                    }
                    drop(stream);
                    next = reopen(address);
                }
            }
        }
        tags.entry(next.local_addr().unwrap()).or_default().push_back(CONNECTIONS);
        next.write_all(tag(CONNECTIONS)).await.into_result().unwrap();
        drop(next);
        let mut whole = 0;
        for (peer, bytes) in server.await.unwrap() {
            let number = tags.get_mut(&peer).and_then(VecDeque::pop_front).unwrap();
            let expected = tag(number);
            assert!(expected.starts_with(&bytes), "bytes of another connection: {bytes:?}");
            whole += usize::from(bytes.len() == expected.len());
        }
        println!("{whole} of {CONNECTIONS} arrived whole");
        assert!(whole > 0);
    });
}

/// Accepts that many connections and reads each to its end; in the order of the accepts.
async fn serve(listener: TcpListener, connections: u32) -> Vec<(SocketAddr, Vec<u8>)> {
    let mut readers = Vec::new();
    for _ in 0..connections {
        let (stream, peer) = listener.accept().await.unwrap();
        readers.push(annulus::spawn(async move {
            // Every connection gets bytes of its own too, to be read by nobody else.
            let own = tag(u32::from(peer.port()));
            let _may_be_gone = stream.write_all(own).await;
            (peer, read_to_end(&stream).await.unwrap_or_default())
        }));
    }
    let mut all = Vec::new();
    for reader in readers {
        all.push(reader.await.unwrap());
    }
    all
}

/// Connects without letting the loop turn.
fn reopen(address: SocketAddr) -> TcpStream {
    TcpStream::from_std(std::net::TcpStream::connect(address).unwrap()).unwrap()
}
