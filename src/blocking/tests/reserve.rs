use super::*;
use crate::blocking::TrySpawnError;

#[test]
fn room_is_granted_in_order_and_not_overtaken() {
    let pool = pool(1, 1);
    let (gate, _first) = occupy(&pool);
    let queued = pool.try_spawn(|| ()).expect("room");
    let (wakes, wakers): (Vec<_>, Vec<_>) = (0..3).map(|_| Wakes::new()).unzip();
    let mut reserves: Vec<_> = (0..3).map(|_| pool.reserve()).collect();
    for (reserve, waker) in reserves.iter_mut().zip(&wakers) {
        assert!(poll_once(reserve, waker).is_pending());
    }
    let counts = || [wakes[0].count(), wakes[1].count(), wakes[2].count()];
    assert_eq!(counts(), [0, 0, 0]);

    assert!(queued.cancel());
    assert_eq!(counts(), [1, 0, 0]);
    assert!(matches!(pool.try_spawn(|| ()), Err(TrySpawnError::Full(_))));
    assert!(poll_once(&mut reserves[1], &wakers[1]).is_pending());
    let Poll::Ready(permit) = poll_once(&mut reserves[0], &wakers[0]) else { panic!("granted") };

    // A permit that is not used passes its place on, and so does a grant not taken up.
    drop(permit);
    assert_eq!(counts(), [1, 1, 0]);
    drop(reserves.remove(1));
    assert_eq!(counts(), [1, 1, 1]);
    let Poll::Ready(permit) = poll_once(&mut reserves[1], &wakers[2]) else { panic!("granted") };
    let handle = permit.spawn(|| 9);
    assert_eq!(pool.metrics().queued, 1);
    gate.0.open();
    assert_eq!(block_on(handle).expect("ran"), 9);
    assert_eq!(counts(), [1, 1, 1]);
}

#[test]
fn who_leaves_the_line_is_passed_over() {
    let pool = pool(1, 1);
    let (_gate, _first) = occupy(&pool);
    let queued = pool.try_spawn(|| ()).expect("room");
    let (wakes, waker) = Wakes::new();
    let (other_wakes, other_waker) = Wakes::new();
    let mut left = pool.reserve();
    let mut stays = pool.reserve();
    assert!(poll_once(&mut left, &waker).is_pending());
    assert!(poll_once(&mut stays, &waker).is_pending());
    assert!(poll_once(&mut stays, &other_waker).is_pending());
    drop(left);
    assert!(queued.cancel());
    assert_eq!((wakes.count(), other_wakes.count()), (0, 1));
    assert!(poll_once(&mut stays, &other_waker).is_ready());
    // Nobody holds a place now: the queue takes one again.
    assert!(pool.try_spawn(|| ()).is_ok());
}

#[test]
fn job_that_starts_makes_room_for_who_waits() {
    let pool = pool(1, 1);
    let (gate, _first) = occupy(&pool);
    let queued = pool.try_spawn(|| ()).expect("room");
    let mut reserve = pool.reserve();
    let (wakes, waker) = Wakes::new();
    assert!(poll_once(&mut reserve, &waker).is_pending());
    gate.0.open();
    block_on(queued).expect("ran");
    assert_eq!(wakes.count(), 1);
    let permit = block_on(reserve);
    assert_eq!(block_on(permit.spawn(|| 1)).expect("ran"), 1);
}

#[test]
fn jobs_that_exceed_the_queue_take_the_room_of_permits_to_come() {
    let pool = pool(1, 2);
    let (_gate, _first) = occupy(&pool);
    let jobs: Vec<_> = (0..4).map(|_| pool.spawn(|| ())).collect();
    let mut reserve = pool.reserve();
    assert!(poll_once(&mut reserve, Waker::noop()).is_pending());
    for (index, job) in jobs.iter().enumerate() {
        assert!(job.cancel());
        assert_eq!(poll_once(&mut reserve, Waker::noop()).is_ready(), index == 2);
        if index == 2 {
            break;
        }
    }
}

/// The point of it: many givers, and never more jobs than the queue may hold.
#[test]
fn jobs_of_those_who_wait_for_room_never_exceed_the_queue() {
    let pool = Arc::new(pool(2, 4));
    let ran = Arc::new(AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for number in 0..500 {
                    let ran = ran.clone();
                    let permit = block_on(pool.reserve());
                    let handle = permit.spawn(move || ran.fetch_add(1, SeqCst));
                    let metrics = pool.metrics();
                    assert!(metrics.queued <= 4 && metrics.waiting == 0, "{metrics:?}");
                    if number % 3 == 0 {
                        block_on(handle).expect("ran");
                    }
                }
            });
        }
    });
    block_on(block_on(pool.reserve()).spawn(|| ())).expect("ran");
    until("all ran", || ran.load(SeqCst) == 2000);
}
