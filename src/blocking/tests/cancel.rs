use super::*;

#[test]
fn cancel_before_the_start_drops_the_closure_uncalled() {
    let pool = pool(1, 1);
    let (gate, _first) = occupy(&pool);
    let (called, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut handle = pool.spawn({
        let called = called.clone();
        let dropped = dropped.clone();
        let captured = OnDrop(move || _ = dropped.fetch_add(1, SeqCst));
        move || {
            called.fetch_add(1, SeqCst);
            drop(captured);
        }
    });
    let (wakes, waker) = Wakes::new();
    assert!(poll_once(&mut handle, &waker).is_pending());
    assert!(pool.try_spawn(|| ()).is_err());

    assert!(handle.cancel());
    assert_eq!((dropped.load(SeqCst), wakes.count()), (1, 1));
    assert!(handle.is_finished());
    assert!(!handle.cancel(), "once only");
    assert!(pool.try_spawn(|| ()).is_ok(), "its place is free");
    assert_cancelled(block_on(handle));
    gate.0.open();
    block_on(pool.spawn(|| ())).expect("ran");
    assert_eq!((called.load(SeqCst), dropped.load(SeqCst), wakes.count()), (0, 1, 1));
    assert_eq!(pool.metrics().cancelled, 1);
}

#[test]
fn running_job_cannot_be_cancelled() {
    let pool = pool(1, 16);
    let (gate, handle) = occupy(&pool);
    assert!(!handle.cancel());
    assert!(!handle.is_finished());
    gate.0.open();
    until("over", || handle.is_finished());
    assert!(!handle.cancel());
    block_on(handle).expect("ran");
    assert_eq!(pool.metrics().cancelled, 0);
}

#[test]
fn cancel_of_many_in_the_middle_leaves_the_others_in_order() {
    let pool = pool(1, 16);
    let (gate, _first) = occupy(&pool);
    let order = Arc::new(Mutex::new(Vec::new()));
    let handles: Vec<_> = (0..10_000)
        .map(|number| {
            let order = order.clone();
            pool.spawn(move || order.lock().unwrap().push(number))
        })
        .collect();
    for (number, handle) in handles.iter().enumerate() {
        assert!(number % 100 == 7 || handle.cancel());
    }
    let metrics = pool.metrics();
    assert_eq!((metrics.queued, metrics.waiting, metrics.cancelled), (16, 84, 9900));
    gate.0.open();
    for (number, handle) in handles.into_iter().enumerate() {
        assert_eq!(block_on(handle).is_ok(), number % 100 == 7);
    }
    assert!(order.lock().unwrap().iter().copied().eq((7..10_000).step_by(100)));
}

#[test]
fn who_is_told_of_a_cancel_finds_the_closure_gone() {
    struct Look(Arc<AtomicUsize>, AtomicUsize);
    impl Wake for Look {
        fn wake(self: Arc<Self>) {
            self.1.fetch_add(1 + 10 * self.0.load(SeqCst), SeqCst);
        }
    }
    let pool = pool(1, 16);
    let (_gate, _first) = occupy(&pool);
    let dropped = Arc::new(AtomicUsize::new(0));
    let captured = OnDrop({
        let dropped = dropped.clone();
        move || _ = dropped.fetch_add(1, SeqCst)
    });
    let mut handle = pool.spawn(move || drop(captured));
    let look = Arc::new(Look(dropped, AtomicUsize::new(0)));
    assert!(poll_once(&mut handle, &Waker::from(look.clone())).is_pending());
    assert!(handle.cancel());
    assert_eq!(look.1.load(SeqCst), 11);
}
