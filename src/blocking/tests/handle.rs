use super::*;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::mpsc::channel;

#[test]
fn result_comes_back_to_who_awaits_it() {
    let pool = pool(2, 16);
    let outcome = block_on(pool.spawn(|| thread::current().id()));
    assert_ne!(outcome.expect("ran"), thread::current().id());
    let handles: Vec<_> = (0..100).map(|number| pool.spawn(move || number * 2)).collect();
    for (number, handle) in handles.into_iter().enumerate() {
        assert_eq!(block_on(handle).expect("ran"), number * 2);
    }
    let metrics = pool.metrics();
    assert_eq!((metrics.completed, metrics.panicked, metrics.cancelled), (101, 0, 0));
    assert_eq!((metrics.queued, metrics.waiting, metrics.running), (0, 0, 0));
    assert!(metrics.run_total_ns > 0);
}

#[test]
fn panic_comes_back_and_its_thread_goes_on() {
    let pool = pool(1, 16);
    let before = block_on(pool.spawn(|| thread::current().id())).expect("ran");
    let error = block_on(pool.spawn(|| panic!("on purpose"))).expect_err("panicked");
    assert_eq!(error.panic_message(), Some("on purpose"));
    assert_eq!(error.into_panic().downcast_ref::<&str>(), Some(&"on purpose"));
    assert_eq!(block_on(pool.spawn(|| thread::current().id())).expect("ran"), before);
    let metrics = pool.metrics();
    assert_eq!((metrics.completed, metrics.panicked, metrics.threads), (2, 1, 1));
}

#[test]
fn completion_wakes_the_last_poller_and_nobody_else_once() {
    let pool = pool(1, 16);
    let (gate, _first) = occupy(&pool);
    let mut handle = pool.spawn(|| 5);
    let (early, early_waker) = Wakes::new();
    let (late, late_waker) = Wakes::new();
    for waker in [&early_waker, &early_waker, &late_waker, &late_waker] {
        assert!(poll_once(&mut handle, waker).is_pending());
    }
    assert!(!handle.is_finished());
    gate.0.open();
    until("woken", || late.count() > 0);
    assert!(handle.is_finished());
    let Poll::Ready(outcome) = poll_once(&mut handle, &late_waker) else { panic!("woken early") };
    assert_eq!(outcome.expect("ran"), 5);
    drop(handle);
    block_on(pool.spawn(|| ())).expect("ran");
    assert_eq!((early.count(), late.count()), (0, 1));
}

#[test]
fn polling_after_the_result_panics_with_a_sentence() {
    let pool = pool(1, 16);
    let mut handle = pool.spawn(|| ());
    block_on(&mut handle).expect("ran");
    assert!(handle.is_finished());
    let payload = catch_unwind(AssertUnwindSafe(|| poll_once(&mut handle, Waker::noop())));
    let error = JoinError::panicked(None, payload.expect_err("panics"));
    assert!(error.panic_message().expect("text").contains("after its result"), "{error}");
    assert!(handle.is_finished() && !handle.cancel());
}

#[test]
fn job_of_a_dropped_handle_runs_and_its_result_drops_on_the_pools_thread() {
    let pool = pool(1, 16);
    let (gate, _first) = occupy(&pool);
    let (sender, receiver) = channel();
    let handle = pool.spawn(move || OnDrop(move || sender.send(thread::current().id()).unwrap()));
    handle.detach();
    gate.0.open();
    let dropped_on = receiver.recv().expect("the result is dropped");
    assert_eq!(block_on(pool.spawn(|| thread::current().id())).expect("ran"), dropped_on);
    assert_eq!(pool.metrics().completed, 3);
}

#[test]
fn unread_result_drops_with_its_handle() {
    let pool = pool(1, 16);
    let (sender, receiver) = channel();
    let handle = pool.spawn(move || OnDrop(move || sender.send(()).unwrap()));
    until("over", || handle.is_finished());
    assert!(receiver.try_recv().is_err());
    drop(handle);
    assert_eq!(receiver.try_recv(), Ok(()));
}

#[test]
fn destructors_that_panic_cost_nobody_anything() {
    let pool = pool(1, 16);
    let (gate, _first) = occupy(&pool);
    // The result of a detached job, on the pool's thread.
    pool.spawn(|| OnDrop(|| panic!("result, on purpose"))).detach();
    // What a closure captured, on the pool's thread, after the closure has returned.
    let captured = OnDrop(|| panic!("capture, on purpose"));
    let panicked = pool.spawn(move || {
        let _captured = captured;
    });
    // A panic whose payload panics when it is dropped, with a payload that does so again.
    let bomb = || OnDrop(|| panic_any(OnDrop(|| panic!("fragment, on purpose"))));
    pool.spawn(move || panic_any(bomb())).detach();
    // A closure that never runs, on this thread.
    let cancelled = pool.spawn({
        let captured = OnDrop(|| panic!("cancelled, on purpose"));
        move || drop(captured)
    });
    assert!(cancelled.cancel());
    assert_cancelled(block_on(cancelled));
    gate.0.open();
    assert!(block_on(panicked).expect_err("panicked").is_panic());
    // An unread result, on this thread.
    let unread = pool.spawn(|| OnDrop(|| panic!("unread, on purpose")));
    until("over", || unread.is_finished());
    drop(unread);
    block_on(pool.spawn(|| ())).expect("the pool still runs jobs");
    assert_eq!(pool.metrics().threads_peak, 1);
}

#[test]
fn waker_that_panics_or_uses_the_pool_cannot_harm_it() {
    struct Meddler(Mutex<Option<BlockingHandle<()>>>, BlockingPool);
    impl Wake for Meddler {
        fn wake(self: Arc<Self>) {
            let handle = self.0.lock().unwrap().take().expect("woken once");
            assert!(handle.cancel());
            self.1.spawn(|| ()).detach();
            self.1.metrics();
            panic!("waker, on purpose");
        }
    }
    let pool = pool(1, 16);
    let (gate, _first) = occupy(&pool);
    let mut handle = pool.spawn(|| 1);
    let victim = pool.spawn(|| ());
    let meddler = Arc::new(Meddler(Mutex::new(Some(victim)), pool));
    assert!(poll_once(&mut handle, &Waker::from(meddler.clone())).is_pending());
    gate.0.open();
    block_on(meddler.1.spawn(|| ())).expect("ran");
    assert_eq!(block_on(handle).expect("ran"), 1);
    until("meddled", || meddler.1.metrics().completed == 4);
    assert_eq!(meddler.1.metrics().cancelled, 1);
}

#[test]
fn destructors_may_use_the_pool_again() {
    let pool = Arc::new(pool(1, 16));
    let (gate, _first) = occupy(&pool);
    let (sender, receiver) = channel();
    let again = |name: &'static str| {
        let (pool, sender) = (pool.clone(), sender.clone());
        OnDrop(move || {
            let sender = sender.clone();
            pool.spawn(move || sender.send(name).unwrap()).detach();
        })
    };
    let (captured, result, unread) = (again("captured"), again("result"), again("unread"));
    let cancelled = pool.spawn(move || drop(captured));
    pool.spawn(move || result).detach();
    let unread = pool.spawn(move || unread);
    assert!(cancelled.cancel());
    gate.0.open();
    until("over", || unread.is_finished());
    drop(unread);
    let mut seen: Vec<_> = (0..3).map(|_| receiver.recv().expect("sent")).collect();
    seen.sort_unstable();
    assert_eq!(seen, ["captured", "result", "unread"]);
}

#[test]
fn handle_is_send_and_shows_itself() {
    fn may_cross_threads<T: Send + Sync + Unpin>(_: &T) {}
    let pool = pool(1, 16);
    let (_gate, handle) = occupy(&pool);
    may_cross_threads(&handle);
    may_cross_threads(&pool.reserve());
    assert_eq!(format!("{handle:?}"), "BlockingHandle { ticket: Some(0), is_finished: false }");
    assert!(format!("{pool:?}").contains("running: 1"), "{pool:?}");
}
