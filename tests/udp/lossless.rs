//! What cancelling may not lose: every datagram once, whole, in its order, with its sender.

use std::net::SocketAddr;
use std::time::Duration;

use annulus::BufResult;
use annulus::net::UdpSocket;
use annulus::time::{sleep, timeout};

use crate::common::bound::bound_loop;
use crate::support::{poll_once, run, socket};

/// A datagram that says its number, and whose length and bytes follow from it.
fn datagram(number: u32) -> Vec<u8> {
    let len = (number.wrapping_mul(2_654_435_761) >> 24) as usize;
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.extend((0..len).map(|at| (at as u32 ^ number) as u8));
    bytes
}

/// Receives in one way or another, and gives many of the receives up; what it got.
async fn recv_somehow(
    socket: &UdpSocket,
    random: &mut fastrand::Rng,
) -> Option<(Vec<u8>, Option<SocketAddr>)> {
    let limit = Duration::from_micros(random.u64(0..30));
    let buf = vec![0xee; 300];
    let cut = |BufResult(got, mut buf): BufResult<usize, Vec<u8>>| {
        buf.truncate(got.ok()?);
        Some((buf, None))
    };
    let named = |BufResult(got, mut buf): BufResult<(usize, SocketAddr), Vec<u8>>| {
        let (len, sender) = got.ok()?;
        buf.truncate(len);
        Some((buf, Some(sender)))
    };
    match random.u32(0..8) {
        0 => timeout(limit, socket.recv(buf)).await.ok().and_then(cut),
        1 => timeout(limit, socket.recv_from(buf)).await.ok().and_then(named),
        2 => cut(socket.recv(buf).timeout(limit).await),
        3 => named(socket.recv_from(buf).timeout(limit).await),
        4 => cut(socket.recv(buf).cancel().await),
        5 => {
            annulus::select! {
                got = socket.recv_from(buf) => named(got),
                () = sleep(limit) => None,
            }
        }
        6 => {
            let mut polled = socket.recv_from(buf);
            poll_once(&mut polled).await.and_then(named)
        }
        _ => {
            let _left = timeout(limit, socket.peek_from(buf)).await;
            None
        }
    }
}

async fn lose_none(seed: u64, count: u32) {
    println!("seed {seed}");
    let (server, address) = socket().await;
    let (client, own) = socket().await;
    // So few are on their way at a time that the receive buffer has room for them.
    let (to, mut from) = annulus::sync::mpsc::channel::<()>(20);
    let sender = annulus::spawn(async move {
        let mut random = fastrand::Rng::with_seed(seed);
        for number in 0..count {
            to.send(()).await.expect("a receiver");
            client.send_to(datagram(number), address).await.into_result().unwrap();
            if random.u8(..4) == 0 {
                sleep(Duration::from_micros(random.u64(0..60))).await;
            }
        }
        client
    });
    let mut random = fastrand::Rng::with_seed(seed + 1);
    let mut next = 0;
    while next < count {
        let Some((bytes, from_whom)) = recv_somehow(&server, &mut random).await else { continue };
        assert!(bytes == datagram(next), "number {next}: {bytes:?}");
        assert!(from_whom.is_none_or(|sender| sender == own));
        next += 1;
        from.recv().await.expect("one on its way");
    }
    sender.await.expect("a sender");
    let mut more = server.recv(vec![0; 9]);
    assert!(poll_once(&mut more).await.is_none(), "one too many");
}

#[test]
fn every_way_of_receiving_dropped_at_random_loses_no_datagram() {
    run(lose_none(fastrand::u64(1..u64::MAX), 3000));
}

#[test]
fn none_is_lost_where_the_queues_are_full() {
    let runtime = annulus::Builder::new().entries(2).cq_entries(4).build().unwrap();
    let _bound = bound_loop(&runtime);
    runtime.block_on(lose_none(fastrand::u64(1..u64::MAX), 1500));
}

#[test]
fn many_that_receive_at_once_and_give_up_lose_none() {
    const COUNT: u32 = 1000;
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    run(async {
        let (server, address) = socket().await;
        let (client, _) = socket().await;
        let mut random = fastrand::Rng::with_seed(seed);
        let mut seen = vec![false; COUNT as usize];
        for first in (0..COUNT).step_by(10) {
            let tasks: Vec<_> = (0..10)
                .map(|_| {
                    let (server, seed) = (server.try_clone().unwrap(), random.u64(..));
                    annulus::spawn(async move {
                        let mut random = fastrand::Rng::with_seed(seed);
                        loop {
                            if let Some((got, _)) = recv_somehow(&server, &mut random).await {
                                return got;
                            }
                        }
                    })
                })
                .collect();
            for number in first..first + 10 {
                client.send_to(datagram(number), address).await.into_result().unwrap();
            }
            for task in tasks {
                let bytes = task.await.unwrap();
                let number = u32::from_le_bytes(bytes[..4].try_into().unwrap());
                assert!(bytes == datagram(number));
                assert!(!std::mem::replace(&mut seen[number as usize], true), "{number} twice");
            }
        }
        assert!(seen.iter().all(|seen| *seen));
    });
}
