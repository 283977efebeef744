//! Operations with a time limit: what was done by then is told, and what was not is not lost.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use annulus::buf::IoBuf;
use annulus::net::TcpStream;
use annulus::time::Instant;
use annulus::{BufResult, op};

use crate::support::{half_foreign_pair, listen, pair, poll_once, run, run_really, settle};

#[test]
fn a_read_whose_time_is_over_gives_its_buffer_back_and_the_next_one_reads_on() {
    run(async {
        let (one, other) = pair().await;
        let limit = Duration::from_millis(2);
        let BufResult(result, buf) = one.read(vec![5; 8]).timeout(limit).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(buf, [5; 8]);
        let error = one.recv().timeout(limit).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let error = one.readable().timeout(limit).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let BufResult(result, _) = one.peek(vec![0; 8]).timeout(limit).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::TimedOut);
        other.write_all("there").await.into_result().unwrap();
        let far = Duration::from_secs(60);
        assert_eq!(one.peek(vec![0; 8]).timeout(far).await.unwrap().0, 5);
        one.readable().deadline(Instant::now() + far).await.unwrap();
        assert_eq!(one.read(vec![0; 8]).timeout(far).await.unwrap().0, 5);
    });
}

#[test]
fn a_deadline_that_has_passed_already_may_still_be_met_and_loses_nothing() {
    run(async {
        let (one, other) = pair().await;
        let past = Instant::now();
        let mut received = 0;
        for round in 0..100 {
            if round % 2 == 0 {
                other.write_all("x").await.into_result().unwrap();
            }
            match one.read(vec![0; 8]).deadline(past).await {
                BufResult(Ok(count), _) => received += count,
                BufResult(Err(error), _) => assert_eq!(error.kind(), ErrorKind::TimedOut),
            }
        }
        while received < 50 {
            received += one.read(vec![0; 8]).await.unwrap().0;
        }
        assert_eq!(received, 50);
    });
}

/// Sends numbers, four bytes each, in pieces of any length at any time.
fn send_numbers(address: SocketAddr, seed: u64) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let mut random = fastrand::Rng::with_seed(seed);
        let all: Vec<u8> = (0..30_000u32).flat_map(u32::to_le_bytes).collect();
        let mut rest = &all[..];
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(random.usize(1..100).min(rest.len()));
            stream.write_all(piece).unwrap();
            rest = behind;
            for _ in 0..random.u32(0..5000) {
                std::hint::spin_loop();
            }
        }
        all
    })
}

#[test]
fn reads_with_short_limits_lose_no_byte() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    run_really(async {
        let (listener, address) = listen().await;
        let sender = send_numbers(address, seed);
        let (stream, _) = listener.accept().await.unwrap();
        let mut random = fastrand::Rng::with_seed(!seed);
        let (mut all, mut expired, mut cancelled) = (Vec::new(), 0, 0);
        loop {
            let limit = Duration::from_micros(random.u64(0..40));
            let mut read = stream.read(Vec::with_capacity(random.usize(1..300))).timeout(limit);
            let done = match (poll_once(&mut read).await, random.u32(0..3)) {
                (Some(done), _) => done,
                (None, 0) => read.await,
                (None, 1) => read.cancel().await,
                (None, _) => {
                    drop(read);
                    continue;
                }
            };
            let BufResult(result, buf) = done;
            match result {
                Ok(0) => break,
                Ok(count) => all.extend_from_slice(&buf[..count]),
                Err(error) if error.kind() == ErrorKind::TimedOut => expired += 1,
                Err(error) => {
                    assert!(op::is_cancelled(&error), "{error}");
                    cancelled += 1;
                }
            }
        }
        println!("expired {expired}, cancelled {cancelled}");
        assert!(all == sender.join().unwrap());
    });
}

#[test]
fn writes_with_short_limits_send_what_they_say_and_no_more() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    run_really(async {
        let (stream, mut foreign) = half_foreign_pair().await;
        stream.set_send_buffer_size(8192).unwrap();
        let reader = std::thread::spawn(move || {
            let mut random = fastrand::Rng::with_seed(seed);
            let (mut all, mut buf) = (Vec::new(), vec![0; 9000]);
            loop {
                let room = random.usize(1..9000);
                match foreign.read(&mut buf[..room]).unwrap() {
                    0 => return all,
                    count => all.extend_from_slice(&buf[..count]),
                }
                for _ in 0..random.u32(0..2000) {
                    std::hint::spin_loop();
                }
            }
        });
        let all: Vec<u8> = (0..500_000u32).flat_map(u32::to_le_bytes).collect();
        let mut random = fastrand::Rng::with_seed(!seed);
        let (mut rest, mut sent, mut expired) = (all.clone(), 0, 0);
        while sent < all.len() {
            let limit = Duration::from_micros(random.u64(0..100));
            let BufResult(result, slice) = stream.write(rest.slice(sent..)).timeout(limit).await;
            rest = slice.into_inner();
            match result {
                Ok(count) => sent += count,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::TimedOut);
                    expired += 1;
                }
            }
        }
        println!("expired {expired}");
        drop(stream);
        settle().await;
        assert!(reader.join().unwrap() == all);
    });
}

#[test]
fn writing_all_to_who_does_not_read_ends_with_its_limit_or_its_cancel() {
    run(async {
        let (stream, peer) = pair().await;
        let large = vec![4; 8 << 20];
        let limit = Duration::from_millis(5);
        // A part of it has gone out: what is left is submitted anew, and is late.
        let BufResult(result, large) = stream.write_all(large).timeout(limit).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(large.len(), 8 << 20);
        let mut writing = stream.write_all(large);
        assert!(poll_once(&mut writing).await.is_none());
        settle().await;
        let BufResult(result, large) = writing.cancel().await;
        assert!(op::is_cancelled(&result.unwrap_err()));
        assert_eq!(large.len(), 8 << 20);
        // Nothing to write is written at once, also to who has gone.
        drop(peer);
        let BufResult(result, _) = stream.write_all(Vec::new()).await;
        assert!(result.is_ok());
    });
}

#[test]
fn a_write_that_is_cancelled_says_how_much_went_out() {
    run_really(async {
        let (stream, foreign) = half_foreign_pair().await;
        let mut sent = 0;
        loop {
            let mut write = stream.write(vec![3; 300_000]);
            assert!(poll_once(&mut write).await.is_none());
            settle().await;
            match write.cancel().await {
                BufResult(Ok(count), _) => sent += count,
                BufResult(Err(error), buf) => {
                    assert!(op::is_cancelled(&error), "{error}");
                    assert_eq!(buf.len(), 300_000);
                    break;
                }
            }
        }
        assert!(sent > 0);
        drop(stream);
        assert_eq!(crate::support::foreign_end(foreign).await.len(), sent);
    });
}

#[test]
fn a_cancelled_read_gives_its_bytes_or_its_buffer() {
    run(async {
        let (one, other) = pair().await;
        let BufResult(never_begun, buf) = one.read(vec![1; 3]).cancel().await;
        assert!(op::is_cancelled(&never_begun.unwrap_err()));
        assert_eq!(buf, [1; 3]);

        let mut waiting = one.read(vec![1; 3]);
        assert!(poll_once(&mut waiting).await.is_none());
        settle().await;
        let BufResult(result, buf) = waiting.cancel().await;
        assert!(op::is_cancelled(&result.unwrap_err()));
        assert_eq!(buf, [1; 3]);

        let mut won = one.read(vec![1; 3]);
        assert!(poll_once(&mut won).await.is_none());
        other.write_all("abc").await.into_result().unwrap();
        settle().await;
        let (count, buf) = won.cancel().await.unwrap();
        assert_eq!((count, &buf[..]), (3, &b"abc"[..]));
    });
}

#[test]
fn connects_with_no_time_at_all_are_made_or_not_and_leave_nothing_behind() {
    run(async {
        let (listener, address) = listen().await;
        let (mut made, mut expired) = (0, 0);
        for _ in 0..200 {
            match TcpStream::connect_addr(address).unwrap().timeout(Duration::ZERO).await {
                Ok(stream) => {
                    made += 1;
                    stream.close().await.unwrap();
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::TimedOut);
                    expired += 1;
                }
            }
        }
        println!("made {made}, expired {expired}");
        settle().await;
        let mut accept = listener.accept();
        while let Some(accepted) = {
            let ready = poll_once(&mut accept).await;
            settle().await;
            match ready {
                None => poll_once(&mut accept).await,
                ready => ready,
            }
        } {
            // Each of them was closed.
            let ended = accepted.unwrap().0.read(vec![0; 4]).await.0;
            assert!(matches!(ended, Ok(0) | Err(_)));
            accept = listener.accept();
        }
    });
}
