//! `join_all` and `try_join_all`: asyncio's `gather` tests and the `join_all` tests of futures-rs,
//! for few futures and for many.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use annulus::task::{join_all, try_join_all};
use annulus::time::{Instant, sleep};
use annulus::{spawn, yield_now};

use crate::support::{CountWaker, OnDrop, poll, poll_with, run, run_really, yields};

/// On both sides of the number from which each future has a waker of its own.
const SIZES: [usize; 6] = [0, 1, 31, 32, 33, 1000];

#[test]
fn outputs_come_in_the_order_of_the_futures() {
    run(async {
        for size in SIZES {
            let outputs = join_all((0..size).map(|n| async move {
                yields((n * 7919) % 13).await;
                n
            }));
            assert_eq!(outputs.await, (0..size).collect::<Vec<_>>());
            let outputs = try_join_all((0..size).map(|n| async move {
                yields((n * 7919) % 13).await;
                Ok::<_, ()>(n)
            }));
            assert_eq!(outputs.await, Ok((0..size).collect()));
        }
    });
}

#[test]
fn only_woken_futures_of_many_are_polled() {
    let polls: Vec<Cell<u32>> = (0..100).map(|_| Cell::new(0)).collect();
    let wakers: Vec<RefCell<Option<Waker>>> = (0..100).map(|_| RefCell::default()).collect();
    let done: Vec<Cell<bool>> = (0..100).map(|_| Cell::new(false)).collect();
    let mut all = join_all((0..100).map(|n| {
        let (polls, wakers, done) = (&polls, &wakers, &done);
        poll_fn(move |cx| {
            polls[n].set(polls[n].get() + 1);
            *wakers[n].borrow_mut() = Some(cx.waker().clone());
            if done[n].get() { Poll::Ready(n) } else { Poll::Pending }
        })
    }));
    let (count, waker) = CountWaker::new();
    assert!(poll_with(&mut all, &waker).is_pending());
    let wake = |n: usize| {
        let waker = wakers[n].borrow();
        waker.as_ref().unwrap().wake_by_ref();
    };
    wake(40);
    wake(40);
    wake(7);
    assert_eq!(count.count(), 1);
    assert!(poll_with(&mut all, &waker).is_pending());
    assert_eq!((polls[40].get(), polls[7].get(), polls[8].get()), (2, 2, 1));
    // A poll without a wake polls nobody.
    assert!(poll_with(&mut all, &waker).is_pending());
    assert_eq!(polls.iter().map(Cell::get).sum::<u32>(), 102);
    for n in (0..100).rev() {
        done[n].set(true);
        wake(n);
    }
    assert_eq!(count.count(), 2);
    assert_eq!(poll_with(&mut all, &waker), Poll::Ready((0..100).collect()));
    // Wakers that outlive the whole wake nobody.
    drop(all);
    wake(3);
    assert_eq!(count.count(), 2);
}

#[test]
fn a_wake_goes_to_the_task_that_polled_last() {
    for size in [3, 50] {
        let waker_of_first = RefCell::new(None);
        let mut all = join_all((0..size).map(|n| {
            let waker_of_first = &waker_of_first;
            poll_fn(move |cx| {
                if n == 0 {
                    *waker_of_first.borrow_mut() = Some(cx.waker().clone());
                }
                Poll::<()>::Pending
            })
        }));
        let ((first, a), (last, b)) = (CountWaker::new(), CountWaker::new());
        assert!(poll_with(&mut all, &a).is_pending());
        assert!(poll_with(&mut all, &b).is_pending());
        let waker = waker_of_first.borrow_mut().take().unwrap();
        waker.wake();
        // A few are polled with the waker of the moment; of many the last one is told.
        assert_eq!((first.count(), last.count()), (0, 1), "{size}");
    }
}

#[test]
fn wakes_from_other_threads_reach_many() {
    run_really(async {
        let outputs = join_all((0..64).map(|n| async move {
            let token = annulus::task::CancellationToken::new();
            let remote = token.clone();
            let thread = std::thread::spawn(move || remote.cancel());
            token.cancelled().await;
            thread.join().unwrap();
            n
        }));
        assert_eq!(outputs.await, (0..64).collect::<Vec<_>>());
    });
}

#[test]
fn a_future_that_is_done_is_dropped_before_the_others_are() {
    run(async {
        for size in [2, 64] {
            let (dropped, _) = OnDrop::new();
            dropped.set(0);
            join_all((0..size).map(|n| {
                let guard = OnDrop(dropped.clone());
                let dropped = dropped.clone();
                let mut is_first = true;
                poll_fn(move |cx| {
                    let _held = &guard;
                    if n + 1 < size {
                        return Poll::Ready(());
                    }
                    if std::mem::replace(&mut is_first, false) {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    assert_eq!(dropped.get(), size - 1);
                    Poll::Ready(())
                })
            }))
            .await;
            assert_eq!(dropped.get(), size);
        }
    });
}

#[test]
fn the_first_error_drops_the_others_at_once() {
    run(async {
        for size in [2, 64] {
            let (dropped, _) = OnDrop::new();
            dropped.set(0);
            let mut all = try_join_all((0..size).map(|n| {
                let guard = OnDrop(dropped.clone());
                async move {
                    let _held = guard;
                    if n == 1 {
                        yield_now().await;
                        return Err(n);
                    }
                    pending::<()>().await;
                    Ok(n)
                }
            }));
            assert_eq!((&mut all).await, Err(1));
            assert_eq!(dropped.get(), size);
            drop(all);
        }
    });
}

#[test]
fn values_that_were_there_are_dropped_with_an_error() {
    run(async {
        let (dropped, guard) = OnDrop::new();
        let mut guard = Some(guard);
        let joined = try_join_all((0..2).map(|n| {
            let held = guard.take();
            async move {
                yields(n).await;
                held.ok_or("failed")
            }
        }));
        assert_eq!(joined.await.err(), Some("failed"));
        assert_eq!(dropped.get(), 1);
    });
}

#[test]
fn dropped_after_k_polls_every_output_and_future_is_dropped_once() {
    for size in [5, 40] {
        for polls in 0..8 {
            run(async {
                let (dropped, _) = OnDrop::new();
                dropped.set(0);
                let mut all = join_all((0..size).map(|n| {
                    let held = OnDrop(dropped.clone());
                    async move {
                        yields(n % 5).await;
                        held
                    }
                }));
                for _ in 0..polls {
                    if crate::polls::poll_once(&mut all).await.is_some() {
                        break;
                    }
                    yield_now().await;
                }
                drop(all);
                assert_eq!(dropped.get(), size);
            });
        }
    }
}

#[test]
fn three_sleeps_take_as_long_as_one() {
    run(async {
        let begun = Instant::now();
        let limits = [30, 20, 30].map(Duration::from_millis);
        join_all(limits.map(sleep)).await;
        // Not a bound on speed: one after another they could not be this quick.
        assert!(begun.elapsed() >= Duration::from_millis(30));
        let gathered = annulus::join!(join_all([sleep(limits[0])]), async { spawned().await });
        assert_eq!(gathered.1, [0, 1]);
    });
    async fn spawned() -> Vec<u32> {
        let tasks = [0, 1].map(|n| spawn(async move { n }));
        join_all(tasks).await.into_iter().map(Result::unwrap).collect()
    }
}

#[test]
fn what_turns_into_futures_is_taken_and_unpinned_futures_stay_where_they_are() {
    struct Still(std::marker::PhantomPinned, Rc<Cell<usize>>, u32);
    impl Future for Still {
        type Output = ();
        fn poll(self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<()> {
            let here = std::ptr::from_ref(&*self).addr();
            let before = self.1.replace(here);
            assert!(before == 0 || before == here, "a future was moved");
            if self.2 == 0 || before != 0 {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }
    run(async {
        for size in [3, 64] {
            let still = |n| Still(std::marker::PhantomPinned, Rc::default(), n);
            let mut all = join_all((0..size).map(still));
            let mut first = crate::polls::poll_once(&mut all).await;
            // The whole may be moved, the futures in it are not.
            let mut moved = Box::new(all);
            while first.is_none() {
                yield_now().await;
                first = crate::polls::poll_once(&mut *moved).await;
            }
        }
        assert_eq!(join_all([ready(1), ready(2)]).await, [1, 2]);
    });
}

#[test]
#[should_panic(expected = "polled after they had given their result")]
fn a_poll_after_the_end_says_so() {
    let mut all = join_all([ready(1)]);
    assert_eq!(poll(&mut all), Poll::Ready(vec![1]));
    let _again = poll(&mut all);
}
