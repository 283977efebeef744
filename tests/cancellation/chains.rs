//! Operations that are linked: in their order, by one system call, and all accounted for.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use annulus::fs::File;
use annulus::{BufResult, Builder, op};

use crate::common::bound::{bound_loop, run_really};
use crate::common::counted::Count;
use crate::common::metrics;
use crate::common::net::{half_pair, pair};
use crate::common::poll::poll_once;

fn scratch(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("annulus-chain-{}-{name}", std::process::id()))
}

#[test]
fn a_chain_runs_in_its_order_by_one_system_call() {
    run_really(async {
        let path = scratch("order");
        let file = File::options().read(true).write(true).create(true).open(&path).await.unwrap();
        for round in 0..50_u8 {
            let before = metrics::here();
            // Each writes where the next one does, so only the order gives this end.
            let (a, b, c, read) = op::chain((
                file.write_at(vec![1; 64], 0),
                file.write_at(vec![2; 32], 0),
                file.write_at(vec![round; 16], 0),
                file.read_at(Vec::with_capacity(64), 0),
            ))
            .await;
            assert_eq!((a.unwrap().0, b.unwrap().0, c.unwrap().0), (64, 32, 16));
            let (count, buf) = read.unwrap();
            let expected = [vec![round; 16], vec![2; 16], vec![1; 32]].concat();
            assert_eq!((count, buf), (64, expected));
            let now = metrics::here();
            assert_eq!(now.ops_submitted - before.ops_submitted, 4);
            // One that submits all; more only wait for completions.
            assert!(now.enters - before.enters <= 4, "{}", now.enters - before.enters);
        }
        std::fs::remove_file(path).unwrap();
    });
}

#[test]
fn what_follows_a_failure_is_not_begun() {
    run_really(async {
        let count = Count::default();
        let path = scratch("failure");
        let file = File::create(&path).await.unwrap();
        // The file was not opened to be read.
        let (written, failed, skipped, also) = op::chain((
            file.write_at(count.full(b"first"), 0),
            file.read_at(count.buf(4), 0),
            file.write_at(count.full(b"never"), 0),
            file.sync_all(),
        ))
        .await;
        assert_eq!(written.unwrap().0, 5);
        assert_eq!(failed.0.unwrap_err().raw_os_error(), Some(libc::EBADF));
        assert!(op::is_cancelled(&skipped.0.unwrap_err()));
        assert!(op::is_cancelled(&also.unwrap_err()));
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(count.alive(), 2, "the outcomes that are here have their buffers");
        std::fs::remove_file(path).unwrap();
    });
}

#[test]
fn a_question_and_its_answer_are_one_chain() {
    run_really(async {
        let (near, mut far) = half_pair();
        let server = std::thread::spawn(move || {
            for round in 0..20_u8 {
                let mut question = [0; 4];
                far.read_exact(&mut question).unwrap();
                assert_eq!(question, [round; 4]);
                far.write_all(&[round; 6]).unwrap();
            }
        });
        for round in 0..20_u8 {
            let ops = (near.write(vec![round; 4]), near.read(Vec::with_capacity(6)));
            let (asked, answered) = op::chain(ops).await;
            assert_eq!(asked.unwrap().0, 4);
            assert_eq!(answered.unwrap().1[..1], [round]);
            metrics::assert_conserved(&metrics::here());
            // The rest of an answer that came in parts.
            while near.read(vec![0; 6]).timeout(Duration::ZERO).await.0.is_ok_and(|n| n > 0) {}
        }
        server.join().unwrap();
    });
}

#[test]
fn a_chain_looks_at_what_was_kept_before_it_begins() {
    run_really(async {
        let (near, far) = pair();
        let mut given_up = near.read(Vec::with_capacity(8));
        assert!(poll_once(&mut given_up).await.is_none());
        far.write_all("kept").await.0.unwrap();
        drop(given_up);
        let (read, answer) =
            op::chain((near.read(Vec::with_capacity(8)), near.write("answer"))).await;
        assert_eq!(read.unwrap().1, b"kept");
        assert_eq!(answer.unwrap().0, 6);
        assert_eq!(&*far.recv().await.unwrap(), b"answer");
    });
}

#[test]
fn a_chain_that_is_dropped_or_times_out_loses_nothing() {
    run_really(async {
        let count = Count::default();
        let (near, far) = pair();
        let mut chain = op::chain((near.read(count.buf(8)), near.write(count.full(b"never"))));
        assert!(poll_once(&mut chain).await.is_none());
        op::nop().await.unwrap();
        drop(chain);
        metrics::settle().await;
        assert_eq!(count.alive(), 0);

        let limit = Duration::from_millis(2);
        let (read, write) =
            op::chain((near.read(count.buf(8)).timeout(limit), near.write(count.full(b"never"))))
                .await;
        assert_eq!(read.0.unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(op::is_cancelled(&write.0.unwrap_err()));
        far.write_all("still there").await.0.unwrap();
        assert_eq!(&*near.recv().await.unwrap(), b"still there");
        metrics::settle().await;
    });
}

#[test]
fn chains_go_through_a_small_queue_and_too_long_ones_are_refused() {
    let runtime = Builder::new().entries(4).build().unwrap();
    let _bound = bound_loop(&runtime);
    runtime.block_on(async {
        let path = scratch("small");
        let file = File::create(&path).await.unwrap();
        let mut tasks = Vec::new();
        for place in 0..100_u64 {
            let chain = op::chain((
                file.write_at(vec![1; 8], place * 8),
                file.write_at(vec![place as u8; 8], place * 8),
                file.write_at(vec![place as u8; 4], place * 8),
            ));
            tasks.push(annulus::spawn(chain));
        }
        for task in tasks {
            let (a, b, c) = task.await.unwrap();
            assert_eq!((a.unwrap().0, b.unwrap().0, c.unwrap().0), (8, 8, 4));
        }
        let expected: Vec<u8> = (0..100).flat_map(|place| [place; 8]).collect();
        assert_eq!(std::fs::read(&path).unwrap(), expected);
        let nops = (op::nop(), op::nop(), op::nop(), op::nop(), op::nop());
        let (first, .., last) = op::chain(nops).await;
        for refused in [first, last] {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        let BufResult(closed, _) = {
            let (near, _far) = half_pair();
            let ops = (near.write("x"), near.write("y"));
            drop(near);
            op::chain(ops).await.0
        };
        assert_eq!(closed.unwrap_err().kind(), ErrorKind::NotConnected);
        std::fs::remove_file(path).unwrap();
    });
    assert_eq!(runtime.shutdown_timeout(Duration::from_secs(60)), 0);
}
