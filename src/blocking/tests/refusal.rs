use super::*;
use crate::blocking::TrySpawnError;
use std::error::Error;
use std::io;

fn refuse_threads(pool: &BlockingPool, seen: impl Fn() + Send + Sync + 'static) {
    *pool.shared.refusal.lock().unwrap() = Some(Arc::new(seen));
}

fn allow_threads(pool: &BlockingPool) {
    *pool.shared.refusal.lock().unwrap() = None;
}

#[test]
fn no_thread_at_all_is_told_to_the_caller() {
    let pool = pool(4, 16);
    refuse_threads(&pool, || ());
    let (sender, receiver) = std::sync::mpsc::channel();
    let captured = OnDrop(move || sender.send(()).unwrap());
    let handle = pool.spawn(move || drop(captured));
    assert!(handle.is_finished() && !handle.cancel());
    assert_eq!(receiver.try_recv(), Ok(()), "the closure was dropped");
    let error = block_on(handle).expect_err("not started");
    assert!(error.is_cancelled() && error.source().is_some());
    let error = io::Error::from(error);
    assert_eq!(error.kind(), io::ErrorKind::QuotaExceeded);
    assert!(error.to_string().contains("ulimit -u"), "{error}");

    let error = pool.try_spawn(|| "back").expect_err("no thread");
    assert!(matches!(error, TrySpawnError::NoThread(..)), "{error:?}");
    assert_eq!(error.into_inner()(), "back");

    let metrics = pool.metrics();
    assert_eq!((metrics.threads, metrics.queued, metrics.thread_refusals), (0, 0, 2));
    assert_eq!(metrics.cancelled, 1, "what was given back is nobody's job");
    allow_threads(&pool);
    assert_eq!(block_on(pool.spawn(|| 7)).expect("ran"), 7);
}

#[test]
fn job_stays_queued_while_any_thread_lives() {
    let pool = pool(4, 16);
    let (gate, _first) = occupy(&pool);
    refuse_threads(&pool, || ());
    let handles: Vec<_> = (0..10).map(|number| pool.spawn(move || number)).collect();
    assert_eq!(pool.metrics().queued, 10);
    assert!(pool.metrics().thread_refusals > 0);
    gate.0.open();
    for (number, handle) in handles.into_iter().enumerate() {
        assert_eq!(block_on(handle).expect("ran"), number);
    }
    assert_eq!(pool.metrics().threads_peak, 1);
}

#[test]
fn job_that_relied_on_a_refused_thread_is_not_left_behind() {
    let pool = Arc::new(pool(1, 16));
    let relying = Arc::new(Mutex::new(Vec::new()));
    refuse_threads(&pool, {
        let (pool, relying) = (Arc::downgrade(&pool), relying.clone());
        move || {
            let pool = pool.upgrade().expect("alive");
            relying.lock().unwrap().push(pool.spawn(|| ()));
        }
    });
    assert_cancelled(block_on(pool.spawn(|| ())));
    let other = relying.lock().unwrap().pop().expect("handed over meanwhile");
    let error = block_on(other).expect_err("not started");
    assert!(error.to_string().contains("no thread could be started"), "{error}");
    assert_eq!(pool.metrics().cancelled, 2);
}

#[test]
fn thread_that_lay_down_during_a_refused_start_is_called() {
    let pool = Arc::new(pool(2, 16));
    let (gate, _first) = occupy(&pool);
    let gate = Arc::new(gate);
    let late = Arc::new(Mutex::new(None));
    refuse_threads(&pool, {
        let (pool, gate, late) = (Arc::downgrade(&pool), gate.clone(), late.clone());
        move || {
            // The other thread takes the job that the start is for, and lies down; the next job
            // relies on the start.
            let pool = pool.upgrade().expect("alive");
            gate.0.open();
            until("idle", || pool.metrics().idle == 1);
            *late.lock().unwrap() = Some(pool.spawn(|| 2));
        }
    });
    assert_eq!(block_on(pool.spawn(|| 1)).expect("ran"), 1);
    let late = late.lock().unwrap().take().expect("handed over meanwhile");
    assert_eq!(block_on(late).expect("ran"), 2);
    assert_eq!(pool.metrics().thread_refusals, 1);
}

#[test]
fn refusal_lets_those_who_wait_for_room_try() {
    let pool = Arc::new(pool(1, 1));
    let waiting = Arc::new(Mutex::new(None));
    let (wakes, waker) = Wakes::new();
    refuse_threads(&pool, {
        let (pool, waiting) = (Arc::downgrade(&pool), waiting.clone());
        move || {
            let mut reserve = pool.upgrade().expect("alive").reserve();
            assert!(poll_once(&mut reserve, &waker).is_pending());
            *waiting.lock().unwrap() = Some(reserve);
        }
    });
    assert_cancelled(block_on(pool.spawn(|| ())));
    allow_threads(&pool);
    assert_eq!(wakes.count(), 1);
    let reserve = waiting.lock().unwrap().take().expect("waits");
    assert_eq!(block_on(block_on(reserve).spawn(|| 3)).expect("ran"), 3);
}
