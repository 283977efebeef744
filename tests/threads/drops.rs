//! Handles that are dropped on other threads.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use annulus::buf::PooledBuf;
use annulus::net::{TcpListener, TcpStream};
use annulus::time::Sleep;
use annulus::{Builder, Runtime, spawn};

use crate::common::bound::bound_loop;
use crate::common::child::Child;
use crate::common::metrics;
use crate::common::net::{half_pair, listener, pair};
use crate::common::poll::{poll_once, until_woken};
use crate::common::soak::rounds;

/// A little of everything that a loop hands out and that may leave it.
#[expect(dead_code, reason = "held to be dropped")]
struct Things {
    listener: TcpListener,
    near: TcpStream,
    far: TcpStream,
    pooled: PooledBuf,
    bytes: bytes::Bytes,
    sleep: Sleep,
    join: annulus::task::JoinHandle<String>,
    ended: annulus::task::JoinHandle<String>,
    ops: Box<dyn Send>,
}

async fn things() -> Things {
    let (listener, _) = listener();
    let (near, far) = pair();
    let (other, mut std) = half_pair();
    let mut pooled = Vec::new();
    for _ in 0..2 {
        std::io::Write::write_all(&mut std, b"bytes").unwrap();
        pooled.push(other.recv().await.unwrap());
    }
    let mut flying = (near.read(vec![0; 100]), listener.accept(), near.readable());
    assert!(poll_once(&mut flying.0).await.is_none());
    assert!(poll_once(&mut flying.1).await.is_none());
    let mut done = far.write(vec![1; 3]);
    until_woken(&mut done).await;
    let mut timed = far.read(vec![0; 1]).timeout(Duration::from_secs(3600));
    assert!(poll_once(&mut timed).await.is_none());
    let mut accepts = listener.incoming();
    let _gated = poll_once(&mut std::pin::pin!(accepts.next())).await;
    let mut sleep = annulus::time::sleep(Duration::from_secs(3600));
    assert!(poll_once(&mut sleep).await.is_none());
    let ended = spawn(async { String::from("an output") });
    annulus::yield_now().await;
    let join = spawn(std::future::pending());
    let ops: Box<dyn Send> = Box::new((flying, done, timed, accepts, other));
    let (pooled, bytes) = (pooled.remove(0), pooled.remove(0).into_bytes());
    Things { listener, near, far, pooled, bytes, sleep, join, ended, ops }
}

#[test]
fn things_dropped_on_another_thread_while_the_loop_runs_come_home() {
    let runtime = Runtime::new().unwrap();
    let _bound = bound_loop(&runtime);
    runtime.block_on(async {
        let before = metrics::here();
        for _ in 0..rounds(50, 5000) {
            let things = things().await;
            annulus::spawn_blocking(move || drop(things)).await.unwrap();
        }
        metrics::settle().await;
        while metrics::here().descriptors_open > before.descriptors_open {
            annulus::time::sleep(Duration::from_millis(1)).await;
        }
        let after = metrics::here();
        assert_eq!(after.buffers_held, 0);
        assert_eq!(after.tasks_alive, rounds(50, 5000) as u64, "detached");
    });
    assert_eq!(runtime.shutdown_timeout(Duration::from_secs(60)), 0);
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("/proc").count()
}

#[test]
fn things_dropped_on_another_thread_after_the_loop_has_ended_leave_nothing() {
    let path = concat!(
        module_path!(),
        "::things_dropped_on_another_thread_after_the_loop_has_ended_leave_nothing"
    );
    Child::of(path).run(|| {
        let before = descriptors();
        for _ in 0..rounds(50, 5000) {
            let runtime = Runtime::new().unwrap();
            let things = runtime.block_on(things());
            assert_eq!(runtime.shutdown_timeout(Duration::from_secs(60)), 0);
            assert_eq!((&*things.pooled, &*things.bytes), (&b"bytes"[..], &b"bytes"[..]));
            thread::spawn(move || drop(things)).join().unwrap();
        }
        assert_eq!(descriptors(), before);
    });
}

#[test]
fn things_dropped_on_another_thread_while_the_loop_ends_leave_nothing() {
    let path = concat!(
        module_path!(),
        "::things_dropped_on_another_thread_while_the_loop_ends_leave_nothing"
    );
    Child::of(path).run(|| {
        let before = descriptors();
        let mut random = crate::common::soak::seed();
        for _ in 0..rounds(600, 100_000) {
            let runtime = Builder::new().entries(8).cq_entries(16).buffer_pool(4, 64);
            let runtime = runtime.build().unwrap();
            let things = runtime.block_on(things());
            let barrier = Arc::new(Barrier::new(2));
            let (waits, late) = (Arc::clone(&barrier), random.u32(0..20_000));
            let dropping = thread::spawn(move || {
                waits.wait();
                (0..late).for_each(|_| std::hint::spin_loop());
                drop(things);
            });
            barrier.wait();
            assert_eq!(runtime.shutdown_timeout(Duration::from_secs(60)), 0);
            dropping.join().unwrap();
        }
        assert_eq!(descriptors(), before);
    });
}
