use super::*;
use std::collections::HashSet;

#[test]
fn threads_start_only_when_needed() {
    let pool = pool(4, 16);
    assert_eq!(pool.metrics().threads, 0);
    for _ in 0..50 {
        block_on(pool.spawn(|| ())).expect("ran");
        until("idle", || pool.metrics().idle == 1);
    }
    assert_eq!(pool.metrics().threads_peak, 1);
    let occupied: Vec<_> = (0..3).map(|_| occupy(&pool)).collect();
    assert_eq!(pool.metrics().threads, 3);
    drop(occupied);
}

#[test]
fn light_load_is_served_by_the_thread_that_lay_down_last() {
    let pool = pool(4, 16);
    let occupied: Vec<_> = (0..4).map(|_| occupy(&pool)).collect();
    drop(occupied);
    let mut served = HashSet::new();
    for _ in 0..50 {
        until("all idle", || pool.metrics().idle == 4);
        served.insert(block_on(pool.spawn(|| thread::current().id())).expect("ran"));
    }
    assert_eq!(served.len(), 1);
}

/// So what it hands over next needs no other thread, and mostly not even a system call.
#[test]
fn who_is_woken_finds_the_thread_lying_down() {
    struct Look(BlockingPool, AtomicUsize);
    impl Wake for Look {
        fn wake(self: Arc<Self>) {
            self.1.fetch_add(1 + 10 * self.0.metrics().idle, SeqCst);
            self.0.spawn(|| ()).detach();
        }
    }
    let pool = pool(4, 16);
    let (gate, mut handle) = occupy(&pool);
    let look = Arc::new(Look(pool, AtomicUsize::new(0)));
    assert!(poll_once(&mut handle, &Waker::from(look.clone())).is_pending());
    gate.0.open();
    until("the job of the waker ran", || look.0.metrics().completed == 2);
    assert_eq!(look.1.load(SeqCst), 11);
    assert_eq!(look.0.metrics().threads_peak, 1);
}

#[test]
fn idle_threads_end_after_their_keep_alive_and_new_ones_start() {
    let config = PoolConfig { keep_alive: Duration::from_millis(1), ..PoolConfig::default() };
    let pool = BlockingPool::new(config);
    for round in 0..20 {
        let occupied: Vec<_> = (0..3).map(|_| occupy(&pool)).collect();
        drop(occupied);
        assert!(pool.shared.wait_deserted(HANG));
        assert_eq!(pool.metrics().threads, 0, "round {round}");
        assert_eq!(pool.metrics().idle, 0, "round {round}");
    }
    assert_eq!(pool.metrics().completed, 60);
}

/// Threads that end at once, against a giver that comes just then: no job may fall between.
#[test]
fn no_job_is_lost_to_a_thread_that_is_about_to_end() {
    for keep_alive in [Duration::ZERO, Duration::from_nanos(1), Duration::from_micros(20)] {
        let pool = BlockingPool::new(PoolConfig { keep_alive, ..PoolConfig::default() });
        for number in 0..300 {
            assert_eq!(block_on(pool.spawn(move || number)).expect("ran"), number);
        }
    }
}

#[test]
fn threads_have_names_and_call_the_hook_first() {
    let names = Arc::new(Mutex::new(Vec::new()));
    let hook = {
        let names = names.clone();
        move || {
            let name = thread::current().name().expect("named").to_owned();
            names.lock().unwrap().push(name);
            panic!("hook, on purpose");
        }
    };
    let pool = BlockingPool::new(PoolConfig {
        max_threads: 2,
        thread_name: "ser\0ver".to_owned(),
        on_thread_start: Some(Arc::new(hook)),
        ..PoolConfig::default()
    });
    let occupied: Vec<_> = (0..2).map(|_| occupy(&pool)).collect();
    let mut names = names.lock().unwrap().clone();
    names.sort_unstable();
    assert_eq!(names, ["server-blocking-1", "server-blocking-2"]);
    drop(occupied);
}

#[test]
fn default_limits_are_within_reason() {
    let config = PoolConfig::default();
    assert!((32..=512).contains(&config.max_threads));
    assert_eq!((config.queue, config.keep_alive), (1024, Duration::from_secs(10)));
    assert!(format!("{config:?}").contains("queue: 1024"));
}
