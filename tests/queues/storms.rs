//! Thousands of cancels at once.

use annulus::{BufResult, op, spawn};

use super::in_both_modes;
use crate::common::counted::Count;
use crate::common::metrics;
use crate::common::net::half_pair;
use crate::common::poll::poll_once;

const OPS: usize = 3000;

#[test]
fn ops_dropped_all_at_once_give_every_buffer_back() {
    for (entries, cq_entries) in [(4, 8), (256, 4096)] {
        in_both_modes(entries, cq_entries, || async {
            let (stream, _far) = half_pair();
            let count = Count::default();
            let mut reads: Vec<_> = (0..OPS).map(|_| stream.read(count.buf(100))).collect();
            for read in &mut reads {
                assert!(poll_once(read).await.is_none());
            }
            op::nop().await.unwrap();
            drop(reads);
            metrics::settle().await;
            assert_eq!(count.alive(), 0);
        });
    }
}

#[test]
fn ops_cancelled_all_at_once_say_so_each_and_give_their_buffer_back() {
    for (entries, cq_entries) in [(4, 8), (256, 4096)] {
        in_both_modes(entries, cq_entries, || async {
            let (stream, _far) = half_pair();
            let mut cancels = Vec::new();
            for i in 0..OPS {
                let mut read = stream.read(Vec::with_capacity(i + 1));
                assert!(poll_once(&mut read).await.is_none());
                cancels.push((i, read));
            }
            op::nop().await.unwrap();
            let cancels = cancels.into_iter();
            let tasks: Vec<_> = cancels.map(|(i, read)| (i, spawn(read.cancel()))).collect();
            for (i, task) in tasks {
                let BufResult(read, buf) = task.await.unwrap();
                assert!(op::is_cancelled(&read.unwrap_err()));
                assert!(buf.capacity() > i);
            }
        });
    }
}

#[test]
fn the_loop_lives_on_beside_a_storm() {
    in_both_modes(4, 8, || async {
        let (stream, _far) = half_pair();
        let (other, far) = crate::common::net::pair();
        for round in 0..20_u8 {
            let mut reads: Vec<_> = (0..200).map(|_| stream.read(vec![0; 16])).collect();
            for read in &mut reads {
                let _gated_or_pending = poll_once(read).await;
            }
            drop(reads);
            other.write_all(vec![round]).await.0.unwrap();
            assert_eq!(&*far.recv().await.unwrap(), &[round]);
        }
    });
}
