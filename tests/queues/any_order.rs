//! Ops of many kinds, ended in every way, in an order that a seed decides.

use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};
use std::rc::Rc;
use std::time::Duration;

use annulus::net::TcpStream;
use annulus::time::timeout;
use annulus::{BufResult, op, spawn};

use super::in_both_modes;
use crate::common::counted::Count;
use crate::common::net::half_pair;
use crate::common::poll::poll_once;
use crate::common::soak;

/// What one task does with one op on a connection on which bytes come now and then.
async fn one(stream: &TcpStream, random: &mut fastrand::Rng, count: &Count) {
    let limit = Duration::from_micros(random.u64(0..300));
    let size = random.usize(1..64);
    match random.u8(0..9) {
        0 => op::nop().await.unwrap(),
        1 => drop(poll_once(&mut op::nop()).await),
        2 => drop(poll_once(&mut stream.read(count.buf(size))).await),
        3 => {
            let read = stream.read(count.buf(size)).timeout(limit).await;
            assert!(is_bytes_or_time(&read), "{read:?}");
        }
        4 => {
            let mut read = stream.read(count.buf(size));
            if poll_once(&mut read).await.is_none() {
                let BufResult(read, _buf) = read.cancel().await;
                assert!(read.as_ref().map_or_else(op::is_cancelled, |_| true), "{read:?}");
            }
        }
        5 => drop(timeout(limit, stream.read(count.buf(size))).await),
        6 => drop(timeout(limit, stream.recv()).await),
        7 => drop(timeout(limit, stream.readable()).await),
        _ => stream.write_all(count.full(b"answer")).await.0.unwrap(),
    }
}

fn is_bytes_or_time<B>(read: &BufResult<usize, B>) -> bool {
    match &read.0 {
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::TimedOut,
    }
}

#[test]
fn every_op_ends_once_whatever_becomes_of_its_future() {
    let mut seeds = soak::seed();
    for (entries, cq_entries) in [(2, 4), (4, 8), (16, 32), (256, 4096)] {
        let rounds = soak::rounds(300, 20_000);
        in_both_modes(entries, cq_entries, || {
            let seed = seeds.u64(..);
            async move {
                let (stream, far) = half_pair();
                let far = talk(far, seed);
                let (stream, count) = (Rc::new(stream), Count::default());
                let done = Rc::new(Cell::new(0));
                let tasks: Vec<_> = (0..20)
                    .map(|task| {
                        let (stream, count) = (Rc::clone(&stream), count.clone());
                        let (done, mut random) = (Rc::clone(&done), fastrand::Rng::with_seed(seed));
                        random.seed(seed ^ task);
                        spawn(async move {
                            for _ in 0..rounds {
                                one(&stream, &mut random, &count).await;
                                done.set(done.get() + 1);
                            }
                        })
                    })
                    .collect();
                for task in tasks {
                    task.await.unwrap();
                }
                assert_eq!(done.get(), 20 * rounds);
                crate::common::metrics::settle().await;
                assert_eq!(count.alive(), 0);
                stream.shutdown(std::net::Shutdown::Both).await.unwrap();
                far.join().unwrap();
            }
        });
    }
}

/// Sends bytes now and then, and reads what is answered, until the connection is shut down.
fn talk(far: std::net::TcpStream, seed: u64) -> std::thread::JoinHandle<()> {
    let mut reader = far.try_clone().unwrap();
    let drain =
        std::thread::spawn(move || while reader.read(&mut [0; 4096]).is_ok_and(|n| n > 0) {});
    std::thread::spawn(move || {
        let (mut far, mut random) = (far, fastrand::Rng::with_seed(seed));
        while far.write_all(&vec![7; random.usize(1..200)]).is_ok() {
            std::thread::sleep(Duration::from_micros(random.u64(0..500)));
        }
        drain.join().unwrap();
    })
}
