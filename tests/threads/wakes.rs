//! Wakers on other threads.

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::task::{Poll, Waker};
use std::thread;

use annulus::{Builder, Runtime, op, spawn, yield_now};

use crate::common::bound::{bound, bound_loop};
use crate::common::net::pair;
use crate::common::soak::rounds;

/// The waker of the task that calls.
async fn waker() -> Waker {
    poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
}

#[test]
fn no_wake_is_lost_between_an_empty_queue_and_the_wait() {
    let runtime = Runtime::new().unwrap();
    let _bound = bound_loop(&runtime);
    let (to_thread, wakers) = mpsc::channel::<(Waker, Arc<AtomicBool>)>();
    let waking = thread::spawn(move || {
        for (waker, flag) in wakers {
            flag.store(true, Ordering::Release);
            waker.wake();
        }
    });
    runtime.block_on(async {
        for _ in 0..rounds(20_000, 2_000_000) {
            let flag = Arc::new(AtomicBool::new(false));
            let mut sent = false;
            poll_fn(|cx| {
                if !std::mem::replace(&mut sent, true) {
                    to_thread.send((cx.waker().clone(), Arc::clone(&flag))).unwrap();
                    return Poll::Pending;
                }
                if flag.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
    });
    drop(to_thread);
    waking.join().unwrap();
}

#[test]
fn eight_threads_wake_tasks_of_a_loop_that_is_busy() {
    const THREADS: usize = 8;
    let runtime = Builder::new().entries(8).build().unwrap();
    let _bound = bound_loop(&runtime);
    runtime.block_on(async {
        let (near, far) = pair();
        let echo = spawn(async move {
            loop {
                let bytes = far.recv().await.unwrap();
                if bytes.is_empty() {
                    return;
                }
                far.write_all(bytes).await.0.unwrap();
            }
        });
        let wanted = rounds(2000, 200_000);
        let mut threads = Vec::new();
        let mut tasks = Vec::new();
        for _ in 0..THREADS {
            let (to_thread, wakers) = mpsc::channel::<Waker>();
            threads.push(thread::spawn(move || wakers.into_iter().for_each(Waker::wake)));
            tasks.push(spawn(async move {
                for _ in 0..wanted {
                    let mut sent = false;
                    poll_fn(|cx| {
                        if std::mem::replace(&mut sent, true) {
                            return Poll::Ready(());
                        }
                        to_thread.send(cx.waker().clone()).unwrap();
                        Poll::Pending
                    })
                    .await;
                }
            }));
        }
        for round in 0..500_u32 {
            near.write_all(round.to_le_bytes().to_vec()).await.0.unwrap();
            assert_eq!(*near.recv().await.unwrap(), round.to_le_bytes());
        }
        for task in tasks {
            task.await.unwrap();
        }
        near.shutdown(std::net::Shutdown::Write).await.unwrap();
        echo.await.unwrap();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn wakers_wake_on_from_eight_threads_while_the_runtime_ends_and_afterwards() {
    let _bound = bound();
    let stop = Arc::new(AtomicBool::new(false));
    let current: Arc<std::sync::Mutex<Vec<Waker>>> = Arc::default();
    let woken = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (stop, current, woken) = (stop.clone(), current.clone(), woken.clone());
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let wakers = current.lock().unwrap().clone();
                    woken.fetch_add(wakers.len(), Ordering::Relaxed);
                    wakers.iter().for_each(Waker::wake_by_ref);
                    wakers.into_iter().for_each(Waker::wake);
                }
            })
        })
        .collect();
    for _ in 0..rounds(200, 20_000) {
        let runtime = Builder::new().entries(4).cq_entries(8).build().unwrap();
        runtime.block_on(async {
            for _ in 0..10 {
                let current = Arc::clone(&current);
                spawn(async move {
                    let waker = waker().await;
                    current.lock().unwrap().push(waker);
                    pending::<()>().await;
                })
                .detach();
            }
            for _ in 0..5 {
                yield_now().await;
                op::nop().await.unwrap();
            }
        });
        assert_eq!(runtime.shutdown_timeout(std::time::Duration::from_secs(60)), 0);
        // The wakers of dead tasks stay with the threads for another round.
        let mut current = current.lock().unwrap();
        let old = current.len().saturating_sub(20);
        current.drain(..old);
    }
    stop.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(woken.load(Ordering::Relaxed) > 0);
}

#[test]
fn the_waker_of_a_dead_loop_wakes_nobody_in_the_next_one_who_minds() {
    let _bound = bound();
    let first = Runtime::new().unwrap();
    let old = first.block_on(waker());
    drop(first);
    let second = Runtime::new().unwrap();
    old.wake_by_ref();
    let polls = std::rc::Rc::new(std::cell::Cell::new(0));
    let inner = std::rc::Rc::clone(&polls);
    second.block_on(async move {
        let mut waits = 3;
        poll_fn(move |cx| {
            inner.set(inner.get() + 1);
            old.wake_by_ref();
            cx.waker().wake_by_ref();
            waits -= 1;
            if waits == 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    });
    assert!(polls.get() >= 3);
}

thread_local! {
    static LAST: std::cell::RefCell<Option<WakeOnDrop>> = const { std::cell::RefCell::new(None) };
}

struct WakeOnDrop(Waker);

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        self.0.wake_by_ref();
    }
}

#[test]
fn a_waker_wakes_in_the_destructors_of_its_thread_or_does_nothing() {
    let _bound = bound();
    for ends_first in [true, false] {
        let runtime = Runtime::new().unwrap();
        let waker = runtime.block_on(waker());
        let mut runtime = Some(runtime);
        if ends_first {
            runtime = None;
        }
        thread::spawn(move || LAST.with(|last| last.replace(Some(WakeOnDrop(waker)))))
            .join()
            .unwrap();
        drop(runtime);
    }
    // On the loop's own thread, after its runtime.
    thread::spawn(|| {
        let runtime = Runtime::new().unwrap();
        let waker = runtime.block_on(waker());
        LAST.with(|last| last.replace(Some(WakeOnDrop(waker))));
    })
    .join()
    .unwrap();
}

#[test]
fn a_barrier_of_threads_and_one_loop_passes_a_thousand_times() {
    let runtime = Runtime::new().unwrap();
    let _bound = bound_loop(&runtime);
    let barrier = Arc::new(Barrier::new(4));
    let times = rounds(1000, 100_000);
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let (handle, barrier) = (runtime.handle().clone(), Arc::clone(&barrier));
            thread::spawn(move || {
                for _ in 0..times {
                    let done = handle.spawn(|| async { op::nop().await.unwrap() });
                    drop(done);
                    barrier.wait();
                }
            })
        })
        .collect();
    runtime.block_on(async {
        for _ in 0..times {
            let barrier = Arc::clone(&barrier);
            annulus::spawn_blocking(move || barrier.wait()).await.unwrap();
        }
    });
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}
