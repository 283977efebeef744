//! Sends that the kernel makes from the buffer itself.

use std::io::ErrorKind;
use std::time::Duration;

use annulus::{BufResult, Builder, op};

use crate::common::bound::bound_loop;
use crate::common::counted::Count;
use crate::common::metrics;
use crate::common::net::{full_pair, pair};
use crate::support::{read_exact, run_really};

fn pattern(len: usize, from: usize) -> Vec<u8> {
    (from..from + len).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

#[test]
fn what_is_sent_without_a_copy_arrives_whole_and_in_order() {
    const TOTAL: usize = 4 << 20;
    run_really(async {
        let count = Count::default();
        let (near, far) = pair();
        let reader = annulus::spawn(async move { read_exact(&far, TOTAL).await });
        let mut sent = 0;
        let mut sizes = [1, 100, 16 * 1024 - 1, 16 * 1024, 64 * 1024, 1 << 20].iter().cycle();
        while sent < TOTAL {
            let size = (*sizes.next().unwrap()).min(TOTAL - sent);
            let BufResult(wrote, buf) = near.send_zc(count.full(&pattern(size, sent))).await;
            sent += wrote.unwrap();
            // The kernel reads it no more.
            drop(buf);
        }
        assert!(reader.await.unwrap() == pattern(TOTAL, 0));
        metrics::settle().await;
        assert_eq!(count.alive(), 0);
    });
}

#[test]
fn a_buffer_that_the_kernel_reads_is_not_freed_before_it_has_let_go() {
    run_really(async {
        let count = Count::default();
        let (near, far) = full_pair().await;
        for round in 0..20 {
            let mut send = near.send_zc(count.full(&[7; 100_000]));
            assert!(crate::support::poll_once(&mut send).await.is_none());
            if round % 2 == 0 {
                op::nop().await.unwrap();
            }
            drop(send);
        }
        metrics::settle().await;
        assert_eq!(count.alive(), 0);
        // What went out of those sends is the front of each; the stream goes on after it.
        let reader = annulus::spawn(async move {
            let mut all = Vec::new();
            while all.last() != Some(&9) {
                all.extend_from_slice(&far.recv().await.unwrap());
            }
            all
        });
        near.write_all("\u{9}").await.0.unwrap();
        let all = reader.await.unwrap();
        // First what filled the connection, then sevens, and then the mark.
        let fill = all.iter().take_while(|byte| **byte == 0).count();
        assert!(all[fill..all.len() - 1].iter().all(|byte| *byte == 7));
    });
}

#[test]
fn a_send_that_fails_gives_its_buffer_back_and_is_accounted_for() {
    run_really(async {
        let count = Count::default();
        let (near, _far) = pair();
        near.shutdown(std::net::Shutdown::Write).await.unwrap();
        for size in [10, 100_000] {
            let BufResult(sent, buf) = near.send_zc(count.full(&vec![1; size])).await;
            assert_eq!(sent.unwrap_err().kind(), ErrorKind::BrokenPipe);
            drop(buf);
        }
        metrics::settle().await;
        assert_eq!(count.alive(), 0);
    });
}

#[test]
fn a_send_under_a_limit_ends_in_time_and_the_runtime_ends_with_sends_in_flight() {
    let runtime = Builder::new().build().unwrap();
    let _bound = bound_loop(&runtime);
    let count = Count::default();
    let kept = runtime.block_on(async {
        let (near, far) = full_pair().await;
        let limit = Duration::from_millis(2);
        let BufResult(sent, _) = near.send_zc(count.full(&[1; 100_000])).timeout(limit).await;
        assert_eq!(sent.unwrap_err().kind(), ErrorKind::TimedOut);
        let send = near.send_zc(count.full(&[1; 100_000]));
        annulus::spawn(async move { drop(send.await) }).detach();
        op::nop().await.unwrap();
        (near, far)
    });
    assert_eq!(count.alive(), 1);
    assert_eq!(runtime.shutdown_timeout(Duration::from_secs(60)), 0);
    assert_eq!(count.alive(), 0);
    drop(kept);
}

#[test]
fn where_the_kernel_refuses_it_a_send_copies() {
    let runtime =
        Builder::new().allow_ops([annulus::Opcode::Send, annulus::Opcode::Recv]).build().unwrap();
    let _bound = bound_loop(&runtime);
    runtime.block_on(async {
        let (near, far) = pair();
        // A short one needs no other opcode; a ring that forbids one is no kernel without it.
        near.send_zc(vec![1; 100]).await.0.unwrap();
        assert_eq!(far.recv().await.unwrap().len(), 100);
        let refused = near.send_zc(vec![1; 100_000]).await.0.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    });
}
