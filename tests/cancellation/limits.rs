//! Timeouts that the kernel keeps: what they say and what they may not lose.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use annulus::time::Instant;
use annulus::{BufResult, op};

use crate::common::bound::run_really;
use crate::common::metrics;
use crate::common::net::{full_pair, half_pair};
use crate::common::soak;

#[test]
fn an_op_that_is_ready_beats_a_time_that_is_over() {
    run_really(async {
        let (stream, mut far) = half_pair();
        for _ in 0..100 {
            far.write_all(b"abc").unwrap();
            let now = Instant::now();
            let reads = [
                stream.read(Vec::with_capacity(1)).timeout(Duration::ZERO),
                stream.read(Vec::with_capacity(1)).deadline(now),
                stream.read(Vec::with_capacity(1)).timeout(Duration::MAX),
            ];
            let mut all = Vec::new();
            for read in reads {
                let BufResult(read, buf) = read.await;
                match read {
                    Ok(count) => all.extend_from_slice(&buf[..count]),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::TimedOut),
                }
            }
            while all.len() < 3 {
                all.extend_from_slice(&stream.recv().await.unwrap());
            }
            assert_eq!(all, b"abc");
        }
        metrics::settle().await;
    });
}

#[test]
fn a_time_that_is_over_ends_an_op_that_is_not_ready() {
    run_really(async {
        let (stream, _far) = half_pair();
        for limit in [Duration::ZERO, Duration::from_nanos(1), Duration::from_millis(2)] {
            let BufResult(read, buf) = stream.read(vec![1; 4]).timeout(limit).await;
            assert_eq!(read.unwrap_err().kind(), ErrorKind::TimedOut);
            assert_eq!(buf, [1; 4]);
        }
        let nop = op::nop().timeout(Duration::ZERO).await;
        assert!(nop.is_ok() || nop.is_err_and(|error| error.kind() == ErrorKind::TimedOut));
        metrics::settle().await;
    });
}

#[test]
fn bytes_that_were_sent_before_the_time_was_over_are_counted() {
    run_really(async {
        let (near, far) = full_pair().await;
        // Room for a part of what comes.
        let mut before = 0;
        while before < 2000 {
            before += far.recv().await.unwrap().len();
        }
        let write = near.write(vec![9; 10_000_000]).timeout(Duration::from_millis(20));
        let BufResult(write, buf) = write.await;
        assert_eq!(buf.len(), 10_000_000);
        let sent = match write {
            Ok(count) => count,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::TimedOut);
                0
            }
        };
        near.shutdown(std::net::Shutdown::Write).await.unwrap();
        let mut nines = 0;
        loop {
            let bytes = far.recv().await.unwrap();
            if bytes.is_empty() {
                break;
            }
            nines += bytes.iter().filter(|&&byte| byte == 9).count();
        }
        assert_eq!(nines, sent);
    });
}

#[test]
fn reads_under_a_linked_timeout_lose_no_byte() {
    run_really(async {
        let (stream, mut far) = half_pair();
        let total = soak::rounds(4000, 400_000) as u32;
        let writer = std::thread::spawn(move || {
            let mut random = fastrand::Rng::with_seed(11);
            for byte in 0..total {
                far.write_all(&[byte as u8]).unwrap();
                (0..random.u32(0..2000)).for_each(|_| std::hint::spin_loop());
            }
        });
        let (mut next, mut expired) = (0_u32, 0);
        while next < total {
            let read = stream.read(Vec::with_capacity(16)).timeout(Duration::from_micros(3));
            let BufResult(read, buf) = read.await;
            match read {
                Ok(count) => {
                    for &byte in &buf[..count] {
                        assert_eq!(byte, next as u8);
                        next += 1;
                    }
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::TimedOut);
                    expired += 1;
                }
            }
        }
        eprintln!("expired {expired}");
        writer.join().unwrap();
        metrics::settle().await;
    });
}
