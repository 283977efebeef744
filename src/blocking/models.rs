//! The pool in the interleavings of its threads with those who hand jobs over, take them back and
//! end it.
//!
//! Everything is the pool's own but its threads, which are the checker's, and their time: a sleep
//! that is limited is over at once, so a keep-alive of zero stands for any that ends just then.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::{BlockingHandle, BlockingPool, PoolConfig};
use crate::task::JoinError;
use crate::threads::thread::{block_on, spawn};
use crate::threads::{AtomicUsize, check};

fn pool(max_threads: usize, queue: usize, keep_alive: Duration) -> Arc<BlockingPool> {
    let default = PoolConfig::default();
    Arc::new(BlockingPool::new(PoolConfig { max_threads, queue, keep_alive, ..default }))
}

/// Ends the pool, and sees that nothing of it is left and no job was forgotten.
fn end(pool: &BlockingPool, jobs: u64) {
    assert_eq!(pool.shutdown(Duration::MAX), 0);
    let metrics = pool.metrics();
    let now = (metrics.queued, metrics.waiting, metrics.running, metrics.idle, metrics.threads);
    assert_eq!(now, (0, 0, 0, 0, 0));
    assert_eq!(metrics.completed + metrics.cancelled, jobs);
}

/// Counts what becomes of one closure.
#[derive(Default)]
struct Fate {
    called: AtomicUsize,
    dropped: AtomicUsize,
}

struct Captured(Arc<Fate>);

impl Drop for Captured {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, SeqCst);
    }
}

impl Fate {
    fn closure(self: &Arc<Self>) -> impl FnOnce() -> usize + Send + use<> {
        let captured = Captured(Arc::clone(self));
        move || captured.0.called.fetch_add(1, SeqCst)
    }

    /// That it was called, if it is to have been, and dropped once in any case.
    #[track_caller]
    fn assert_was(&self, called: bool) {
        let counts = (self.called.load(SeqCst), self.dropped.load(SeqCst));
        assert_eq!(counts, (usize::from(called), 1));
    }
}

#[track_caller]
fn has_run(outcome: &Result<usize, JoinError>) -> bool {
    match outcome {
        Ok(_) => true,
        Err(error) => {
            assert!(error.is_cancelled(), "{error}");
            false
        }
    }
}

fn a_second_job_as_the_keep_alive_runs_out() {
    let pool = pool(1, 4, Duration::ZERO);
    for _ in 0..2 {
        let fate = Arc::new(Fate::default());
        assert!(has_run(&block_on(pool.spawn(fate.closure()))));
        fate.assert_was(true);
    }
    end(&pool, 2);
}

#[test]
fn a_job_handed_over_as_the_last_threads_keep_alive_runs_out_is_run() {
    check(Some(3), a_second_job_as_the_keep_alive_runs_out);
}

#[test]
#[cfg_attr(miri, ignore = "the orders that Miri tries are too few")]
#[should_panic(expected = "deadlock")]
fn a_thread_that_ends_though_it_was_called_is_found() {
    struct Planted;
    impl Drop for Planted {
        fn drop(&mut self) {
            crate::plants::plant(None);
        }
    }
    let _planted = Planted;
    crate::plants::plant(Some("a thread that ends though it was called"));
    check(Some(3), a_second_job_as_the_keep_alive_runs_out);
}

#[test]
fn jobs_of_two_givers_are_all_run_by_one_thread() {
    check(Some(2), || {
        let pool = pool(1, 4, Duration::MAX);
        let other = Arc::clone(&pool);
        let giver = spawn(move || block_on(other.spawn(|| 1)).expect("run"));
        let own = block_on(pool.spawn(|| 2)).expect("run");
        assert_eq!(giver.join().expect("no panic") + own, 3);
        end(&pool, 2);
    });
}

#[test]
fn a_job_that_waits_for_another_is_not_stuck_behind_it() {
    check(Some(2), || {
        let pool = pool(2, 4, Duration::MAX);
        let other = Arc::clone(&pool);
        let (first, second) = crate::sync::cross::oneshot::channel();
        let waits = other.spawn(move || second.blocking_recv().expect("sent"));
        let sends = pool.spawn(move || first.send(7).expect("there is a receiver"));
        assert_eq!(block_on(waits).expect("run"), 7);
        block_on(sends).expect("run");
        end(&pool, 2);
    });
}

#[test]
fn a_cancel_before_the_start_and_a_thread_that_takes_the_job_do_not_both_have_it() {
    check(Some(3), || {
        let pool = pool(1, 4, Duration::MAX);
        let fate = Arc::new(Fate::default());
        let handle = pool.spawn(fate.closure());
        let cancelled = handle.cancel();
        assert_eq!(has_run(&block_on(handle)), !cancelled);
        fate.assert_was(!cancelled);
        end(&pool, 1);
    });
}

#[test]
fn a_shutdown_and_a_job_that_is_handed_over_leave_nobody_waiting() {
    check(Some(2), || {
        let pool = pool(1, 4, Duration::MAX);
        let (fate, other) = (Arc::new(Fate::default()), Arc::clone(&pool));
        let closure = fate.closure();
        let giver = spawn(move || has_run(&block_on(other.spawn(closure))));
        assert_eq!(pool.shutdown(Duration::MAX), 0);
        let has_run = giver.join().expect("no panic");
        fate.assert_was(has_run);
        end(&pool, 1);
    });
}

#[test]
fn a_result_that_nobody_wants_any_more_is_dropped_once() {
    check(Some(3), || {
        let pool = pool(1, 4, Duration::MAX);
        let fate = Arc::new(Fate::default());
        let result = Captured(Arc::clone(&fate));
        let handle: BlockingHandle<Captured> = pool.spawn(move || result);
        drop(handle);
        end(&pool, 1);
        fate.assert_was(false);
    });
}

#[test]
fn a_place_in_a_full_queue_goes_to_who_waits_for_it() {
    check(Some(2), || {
        let pool = pool(1, 1, Duration::MAX);
        let other = Arc::clone(&pool);
        let giver = spawn(move || {
            let place = block_on(other.reserve());
            block_on(place.spawn(|| 1)).expect("run")
        });
        let place = block_on(pool.reserve());
        let own = block_on(place.spawn(|| 2)).expect("run");
        assert_eq!(giver.join().expect("no panic") + own, 3);
        end(&pool, 2);
    });
}

#[test]
fn a_wait_for_a_place_that_is_dropped_passes_its_place_on() {
    check(Some(2), || {
        let pool = pool(1, 1, Duration::MAX);
        let held = block_on(pool.reserve());
        let other = Arc::clone(&pool);
        let giver = spawn(move || drop(block_on(other.reserve())));
        let mut waiting = pool.reserve();
        let place = pin!(&mut waiting).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(place, Poll::Pending), "the only place is held");
        drop(held);
        drop(waiting);
        giver.join().expect("no panic");
        end(&pool, 0);
    });
}

#[test]
fn a_refused_thread_leaves_no_job_behind() {
    check(Some(2), || {
        let pool = pool(2, 4, Duration::MAX);
        *pool.shared.refusal.lock().unwrap() = Some(Arc::new(|| ()));
        let other = Arc::clone(&pool);
        let giver = spawn(move || block_on(other.spawn(|| ())).is_ok());
        let own = block_on(pool.spawn(|| ())).is_ok();
        assert!(!giver.join().expect("no panic") && !own, "there is no thread to run it");
        *pool.shared.refusal.lock().unwrap() = None;
        end(&pool, 2);
    });
}
