use super::*;
use crate::blocking::TrySpawnError;
use std::sync::mpsc::channel;

#[test]
fn shutdown_waits_for_running_jobs_and_cancels_the_others() {
    let pool = pool(1, 2);
    let (gate, running) = occupy(&pool);
    let mut queued: Vec<_> = (0..5).map(|_| pool.spawn(|| ())).collect();
    let (wakes, waker) = Wakes::new();
    let mut reserve = pool.reserve();
    assert!(poll_once(&mut queued[4], &waker).is_pending());
    assert!(poll_once(&mut reserve, &waker).is_pending());
    thread::scope(|scope| {
        let shutdown = scope.spawn(|| pool.shutdown(Duration::MAX));
        until("cancelled", || pool.metrics().cancelled == 5);
        until("woken", || wakes.count() == 2);
        assert!(!running.is_finished() && !shutdown.is_finished());
        gate.0.open();
        assert_eq!(shutdown.join().expect("no panic"), 0);
    });
    block_on(running).expect("ran");
    queued.into_iter().for_each(|handle| assert_cancelled(block_on(handle)));
    assert_cancelled(block_on(block_on(reserve).spawn(|| ())));
    let metrics = pool.metrics();
    assert_eq!((metrics.threads, metrics.idle, metrics.running), (0, 0, 0));
    assert_eq!((metrics.completed, metrics.cancelled), (1, 6));
}

#[test]
fn shutdown_pool_refuses_jobs() {
    let pool = pool(1, 2);
    block_on(pool.spawn(|| ())).expect("ran");
    assert_eq!(pool.shutdown(HANG), 0);
    assert_eq!(pool.shutdown(Duration::ZERO), 0, "again");
    let (sender, receiver) = channel();
    let captured = OnDrop(move || sender.send(()).unwrap());
    let handle = pool.spawn(move || drop(captured));
    assert_eq!(receiver.try_recv(), Ok(()), "the closure was dropped");
    assert!(handle.is_finished());
    assert_cancelled(block_on(handle));
    let error = pool.try_spawn(|| 6).expect_err("closed");
    assert!(matches!(error, TrySpawnError::Closed(_)), "{error:?}");
    assert_eq!(error.into_inner()(), 6);
    assert_cancelled(block_on(block_on(pool.reserve()).spawn(|| ())));
    assert_eq!(pool.metrics().threads, 0);
}

#[test]
fn shutdown_abandons_what_runs_too_long_and_its_result_still_arrives() {
    let pool = pool(2, 2);
    let (gate, running) = occupy(&pool);
    let (other_gate, other) = occupy(&pool);
    assert_eq!(pool.shutdown(Duration::from_millis(1)), 2);
    other_gate.0.open();
    block_on(other).expect("ran");
    assert_eq!(pool.shutdown(Duration::ZERO), 1);
    let shared = pool.shared.clone();
    drop(pool);
    assert!(!running.is_finished());
    gate.0.open();
    block_on(running).expect("ran");
    assert!(shared.wait_deserted(HANG));
}

#[test]
fn dropping_the_pool_sends_idle_threads_home_and_keeps_handles_usable() {
    let pool = pool(3, 2);
    let occupied: Vec<_> = (0..3).map(|_| occupy(&pool)).collect();
    let (gates, mut handles): (Vec<_>, Vec<_>) = occupied.into_iter().unzip();
    drop(gates);
    until("all idle", || pool.metrics().idle == 3);
    let shared = pool.shared.clone();
    drop(pool);
    assert!(shared.wait_deserted(HANG));
    assert!(handles.iter().all(|handle| handle.is_finished() && !handle.cancel()));
    block_on(handles.pop().expect("three")).expect("ran");
}

#[test]
fn closures_dropped_by_a_shutdown_may_use_the_pool_and_may_panic() {
    let pool = Arc::new(pool(1, 16));
    let (gate, _first) = occupy(&pool);
    let (sender, receiver) = channel();
    let mut handles = Vec::new();
    for number in 0..4 {
        let (weak, sender) = (Arc::downgrade(&pool), sender.clone());
        let captured = OnDrop(move || {
            let pool = weak.upgrade().expect("alive");
            sender.send(block_on(pool.spawn(|| ())).is_err()).unwrap();
            assert_ne!(number, 1, "on purpose");
        });
        handles.push(pool.spawn(move || drop(captured)));
    }
    assert_eq!(pool.shutdown(Duration::ZERO), 1);
    assert!((0..4).all(|_| receiver.try_recv().expect("dropped")));
    handles.into_iter().for_each(|handle| assert_cancelled(block_on(handle)));
    assert_eq!(pool.metrics().cancelled, 8);
    gate.0.open();
}

/// The last reference may be that of a job: the pool is then dropped on its own thread.
#[test]
fn pool_may_be_dropped_by_its_own_job() {
    let pool = Arc::new(pool(1, 16));
    let shared = pool.shared.clone();
    let (gate, first) = occupy(&pool);
    let handle = pool.spawn({
        let pool = pool.clone();
        move || drop(pool)
    });
    drop(pool);
    gate.0.open();
    block_on(first).expect("ran");
    block_on(handle).expect("ran");
    assert!(shared.wait_deserted(HANG));
}

#[test]
fn shutdown_in_the_middle_of_a_storm_settles_every_job() {
    for _ in 0..50 {
        let pool = pool(4, 16);
        let handles = thread::scope(|scope| {
            let givers: Vec<_> = (0..2)
                .map(|_| {
                    let give = || (0..200).map(|_| pool.spawn(|| ())).collect::<Vec<_>>();
                    scope.spawn(give)
                })
                .collect();
            until("some ran", || pool.metrics().completed > 20);
            assert_eq!(pool.shutdown(HANG), 0);
            givers.into_iter().flat_map(|giver| giver.join().unwrap()).collect::<Vec<_>>()
        });
        let ran = handles.into_iter().map(block_on).filter(Result::is_ok).count() as u64;
        let metrics = pool.metrics();
        assert_eq!((metrics.completed, metrics.cancelled), (ran, 400 - ran));
        assert_eq!((metrics.threads, metrics.idle, metrics.queued), (0, 0, 0));
    }
}
