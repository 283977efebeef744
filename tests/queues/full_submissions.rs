//! More entries than the submission queue has room for.

use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use annulus::time::Instant;
use annulus::{BufResult, op, spawn};

use super::in_both_modes;
use crate::common::metrics;
use crate::common::net::{half_pair, pair};
use crate::common::poll::poll_once;

const OPS: usize = 10_000;

#[test]
fn ten_thousand_ops_go_through_a_queue_of_four() {
    in_both_modes(4, 8, || async {
        let tasks: Vec<_> = (0..OPS).map(|_| spawn(op::nop().into_future())).collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(metrics::here().ops_submitted, OPS as u64);
    });
}

#[test]
fn ten_thousand_timeouts_at_one_deadline_all_expire_on_a_queue_of_four() {
    in_both_modes(4, 8, || async {
        let (stream, _far) = half_pair();
        let stream = Rc::new(stream);
        let deadline = Instant::now() + Duration::from_millis(20);
        let tasks: Vec<_> = (0..OPS)
            .map(|_| {
                let stream = Rc::clone(&stream);
                spawn(async move { stream.readable().deadline(deadline).await })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap().unwrap_err().kind(), ErrorKind::TimedOut);
        }
    });
}

#[test]
fn an_op_and_its_timeout_go_through_the_smallest_queue() {
    for entries in [1, 2, 3] {
        in_both_modes(entries, 2, || async {
            let (stream, _far) = half_pair();
            for _ in 0..10 {
                let limit = Duration::from_millis(1);
                // Odd fill: the pair finds one place left and needs two.
                let nop = op::nop();
                let mut read = stream.read(vec![0; 8]).timeout(limit);
                let mut nops = [nop, op::nop(), op::nop()];
                for nop in &mut nops {
                    assert!(poll_once(nop).await.is_none());
                }
                assert!(poll_once(&mut read).await.is_none());
                let BufResult(read, buf) = read.await;
                assert_eq!(read.unwrap_err().kind(), ErrorKind::TimedOut);
                assert_eq!(buf.len(), 8);
                for nop in nops {
                    nop.await.unwrap();
                }
            }
        });
    }
}

#[test]
fn six_hundred_ops_dropped_while_they_wait_for_room_are_never_submitted() {
    in_both_modes(4, 8, || async {
        let before = metrics::here().completions;
        let mut nops: Vec<_> = (0..600).map(|_| op::nop()).collect();
        for nop in &mut nops {
            assert!(poll_once(nop).await.is_none());
        }
        drop(nops);
        metrics::settle().await;
        let metrics = metrics::here();
        assert_eq!(metrics.ops_abandoned, 600);
        // The four that were in the queue, and their cancels.
        assert!(metrics.completions - before <= 8, "{metrics:?}");
    });
}

#[test]
fn an_op_that_waits_for_room_can_be_cancelled_and_gives_its_buffer_back() {
    in_both_modes(4, 8, || async {
        let (near, far) = pair();
        let mut reads: Vec<_> = (0..100).map(|i| near.read(Vec::with_capacity(i + 1))).collect();
        for read in &mut reads {
            assert!(poll_once(read).await.is_none());
        }
        for (i, read) in reads.into_iter().enumerate() {
            let BufResult(read, buf) = read.cancel().await;
            assert!(op::is_cancelled(&read.unwrap_err()));
            assert!(buf.capacity() > i);
        }
        far.write_all("all is well").await.0.unwrap();
        assert_eq!(&*near.recv().await.unwrap(), b"all is well");
    });
}

#[test]
fn ops_of_other_tasks_go_on_while_the_queue_is_full_all_the_time() {
    in_both_modes(4, 8, || async {
        let flood: Vec<_> = (0..64)
            .map(|_| {
                spawn(async {
                    loop {
                        op::nop().await.unwrap();
                    }
                })
            })
            .collect();
        let (near, far) = pair();
        for round in 0..100_u8 {
            near.write_all(vec![round]).await.0.unwrap();
            assert_eq!(&*far.recv().await.unwrap(), &[round]);
        }
        for task in flood {
            task.cancel();
            assert!(task.await.unwrap_err().is_cancelled());
        }
    });
}
