use super::*;
use crate::blocking::TrySpawnError;
use std::sync::Barrier;

#[test]
fn ten_thousand_jobs_use_no_more_threads_than_allowed() {
    const THREADS: usize = 8;
    let pool = pool(THREADS, 1024);
    let (running, most, ran) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let counts = Arc::new((running, most, ran));
    let handles: Vec<_> = (0..10_000)
        .map(|_| {
            let counts = counts.clone();
            pool.spawn(move || {
                let running = counts.0.fetch_add(1, SeqCst) + 1;
                counts.1.fetch_max(running, SeqCst);
                thread::yield_now();
                counts.0.fetch_sub(1, SeqCst);
                counts.2.fetch_add(1, SeqCst);
            })
        })
        .collect();
    for handle in handles {
        block_on(handle).expect("ran");
    }
    assert_eq!(counts.2.load(SeqCst), 10_000);
    assert!(counts.1.load(SeqCst) <= THREADS);
    let metrics = pool.metrics();
    assert_eq!(metrics.completed, 10_000);
    assert!(metrics.threads_peak <= THREADS, "{metrics:?}");
    assert!(metrics.wait_total_ns > 0);
}

/// Jobs that wait for each other: one lost call of a thread, and this hangs.
#[test]
fn as_many_jobs_run_at_once_as_there_may_be_threads() {
    const THREADS: usize = 6;
    let pool = pool(THREADS, 1024);
    for _ in 0..300 {
        let barrier = Arc::new(Barrier::new(THREADS));
        let handles: Vec<_> = (0..THREADS)
            .map(|_| {
                let barrier = barrier.clone();
                pool.spawn(move || barrier.wait().is_leader())
            })
            .collect();
        let leaders = handles.into_iter().map(|handle| block_on(handle).unwrap());
        assert_eq!(leaders.filter(|&leads| leads).count(), 1);
    }
    assert_eq!(pool.metrics().threads_peak, THREADS);
}

#[test]
fn one_thread_starts_jobs_in_the_order_of_handing_over() {
    let pool = pool(1, 4);
    let (gate, _first) = occupy(&pool);
    let order = Arc::new(Mutex::new(Vec::new()));
    let handles: Vec<_> = (0..1000)
        .map(|number| {
            let order = order.clone();
            pool.spawn(move || order.lock().unwrap().push(number))
        })
        .collect();
    let metrics = pool.metrics();
    assert_eq!((metrics.running, metrics.queued, metrics.waiting), (1, 4, 996));
    gate.0.open();
    for handle in handles {
        block_on(handle).expect("ran");
    }
    assert!(order.lock().unwrap().iter().copied().eq(0..1000));
}

#[test]
fn full_queue_gives_the_closure_back() {
    let pool = pool(1, 2);
    let (gate, _first) = occupy(&pool);
    let kept = [pool.try_spawn(|| 1).expect("room"), pool.try_spawn(|| 2).expect("room")];
    let text = String::from("moved into the closure and back");
    let error = pool.try_spawn(move || text).expect_err("full");
    assert!(matches!(error, TrySpawnError::Full(_)), "{error:?}");
    assert_eq!(error.to_string(), "the queue of the blocking pool is full");
    assert_eq!(error.into_inner()(), "moved into the closure and back");
    let forced = pool.spawn(|| 3);
    let metrics = pool.metrics();
    assert_eq!((metrics.queued, metrics.waiting, metrics.cancelled), (2, 1, 0));
    gate.0.open();
    assert!(kept.into_iter().map(|handle| block_on(handle).unwrap()).eq([1, 2]));
    assert_eq!(block_on(forced).expect("ran"), 3);
    assert_eq!(block_on(pool.try_spawn(|| 4).expect("room again")).expect("ran"), 4);
}

#[test]
fn small_pool_of_one_that_is_full_goes_on_when_its_job_ends() {
    let pool = pool(1, 1);
    let (gate, first) = occupy(&pool);
    let second = pool.try_spawn(|| 2).expect("room for one");
    assert!(pool.try_spawn(|| 3).is_err());
    assert!(!second.is_finished());
    gate.0.open();
    block_on(first).expect("ran");
    assert_eq!(block_on(second).expect("ran"), 2);
}

#[test]
fn limits_of_zero_count_as_one() {
    let pool = pool(0, 0);
    let (gate, first) = occupy(&pool);
    let second = pool.try_spawn(|| ()).expect("room for one");
    assert!(pool.try_spawn(|| ()).is_err());
    gate.0.open();
    block_on(first).expect("ran");
    block_on(second).expect("ran");
    assert_eq!(pool.metrics().threads_peak, 1);
}
