//! Tasks spawned from other threads.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use annulus::runtime::RemoteHandle;
use annulus::task::JoinError;
use annulus::{Builder, Handle, Runtime, op, spawn, yield_now};

use crate::common::bound::{bound, bound_loop};
use crate::common::soak::rounds;

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a remote task on a thread without a loop.
fn wait<T>(task: RemoteHandle<T>) -> Result<T, JoinError> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut task = pin!(task);
    loop {
        match task.as_mut().poll(&mut cx) {
            Poll::Ready(end) => return end,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn a_loop_that_waits_wakes_for_a_spawn() {
    let runtime = Runtime::new().unwrap();
    let _bound = bound_loop(&runtime);
    let handle = runtime.handle().clone();
    let (stop, stopped) = annulus::sync::cross::oneshot::channel();
    let thread = thread::spawn(move || {
        for n in 0..rounds(1000, 100_000) {
            let answer = wait(handle.spawn(move || async move {
                op::nop().await.unwrap();
                n
            }));
            assert_eq!(answer.unwrap(), n);
        }
        stop.send(()).unwrap();
    });
    runtime.block_on(stopped).unwrap();
    thread.join().unwrap();
}

#[test]
fn a_loop_that_is_never_idle_runs_what_is_spawned() {
    let runtime = Runtime::new().unwrap();
    let _bound = bound_loop(&runtime);
    let handle = runtime.handle().clone();
    let done = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&done);
    let thread = thread::spawn(move || {
        for n in 0..100 {
            assert_eq!(wait(handle.spawn(move || async move { n })).unwrap(), n);
        }
        seen.store(true, Ordering::Relaxed);
    });
    runtime.block_on(async {
        for _ in 0..100 {
            spawn(async {
                loop {
                    yield_now().await;
                }
            })
            .detach();
        }
        while !done.load(Ordering::Relaxed) {
            yield_now().await;
        }
    });
    thread.join().unwrap();
}

#[test]
fn a_panic_in_what_is_spawned_comes_back() {
    let runtime = Runtime::new().unwrap();
    let _bound = bound_loop(&runtime);
    let handle = runtime.handle().clone();
    let makes = handle.spawn(|| -> std::future::Ready<()> { panic!("on purpose, when made") });
    let polls = handle.spawn(|| async { panic!("on purpose, when polled") });
    runtime.block_on(async {
        let said = makes.await.unwrap_err();
        assert_eq!(said.panic_message(), Some("on purpose, when made"));
        let said = polls.await.unwrap_err();
        assert_eq!(said.panic_message(), Some("on purpose, when polled"));
    });
}

#[test]
fn what_is_spawned_on_a_loop_that_ends_ends_too() {
    let _bound = bound();
    for _ in 0..rounds(300, 30_000) {
        let runtime = Builder::new().entries(4).cq_entries(8).build().unwrap();
        let (handle, barrier) = (runtime.handle().clone(), Arc::new(Barrier::new(2)));
        let waits = Arc::clone(&barrier);
        let spawning = thread::spawn(move || {
            waits.wait();
            let tasks: Vec<_> = (0..20).map(|n| handle.spawn(move || async move { n })).collect();
            let ends: Vec<_> = tasks.into_iter().map(wait).collect();
            for (n, end) in ends.into_iter().enumerate() {
                match end {
                    Ok(output) => assert_eq!(output, n),
                    Err(error) => assert!(error.is_cancelled()),
                }
            }
            assert!(wait(handle.spawn(|| async {})).unwrap_err().is_cancelled());
            assert!(handle.metrics().is_none() && handle.dump().is_none());
        });
        barrier.wait();
        runtime.block_on(yield_now());
        drop(runtime);
        spawning.join().unwrap();
    }
}

#[test]
fn what_is_sent_to_a_loop_that_ends_inside_another_never_runs_there() {
    let outer = Runtime::new().unwrap();
    let _bound = bound_loop(&outer);
    let (stop, handles) = mpsc::channel::<Handle>();
    let spawning = thread::spawn(move || {
        for handle in handles {
            let id = handle.id();
            let mut tasks = Vec::new();
            // Until the loop is gone: one of them comes in its last moment.
            loop {
                let mut task = handle.spawn(|| async { Handle::current().id() });
                let mut cx = Context::from_waker(Waker::noop());
                if let Poll::Ready(end) = Pin::new(&mut task).poll(&mut cx) {
                    assert!(end.is_err_and(|error| error.is_cancelled()));
                    break;
                }
                tasks.push(task);
            }
            for task in tasks {
                if let Ok(ran_in) = wait(task) {
                    assert_eq!(ran_in, id);
                }
            }
        }
    });
    outer.block_on(async {
        for _ in 0..rounds(100, 10_000) {
            let inner = Builder::new().entries(4).cq_entries(8).build().unwrap();
            stop.send(inner.handle().clone()).unwrap();
            yield_now().await;
            drop(inner);
        }
    });
    drop(stop);
    spawning.join().unwrap();
    assert_eq!(outer.shutdown_timeout(Duration::from_secs(60)), 0);
}
