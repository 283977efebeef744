//! Other threads while the clock stands still.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use annulus::time::{Instant, sleep, timeout};
use annulus::{Builder, spawn_blocking};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn the_time_stands_still_until_a_blocking_job_has_told_its_end() {
    let runtime = Builder::new().start_paused(true).build().expect("a loop");
    runtime.block_on(async {
        let started = Instant::now();
        for round in 0..200 {
            let job = spawn_blocking(move || {
                if round % 10 == 0 {
                    std::thread::yield_now();
                }
                round
            });
            let value = timeout(Duration::from_nanos(1), job).await.expect("in time");
            assert_eq!(value.expect("a value"), round);
        }
        assert_eq!(started.elapsed(), Duration::ZERO);
        // A job that nobody awaits holds the time up as well, until it is over.
        let (go, went) = mpsc::channel::<()>();
        let job = spawn_blocking(move || went.recv().is_ok());
        let waiting = annulus::spawn(sleep(HOUR));
        for _ in 0..20 {
            annulus::yield_now().await;
        }
        assert_eq!(started.elapsed(), Duration::ZERO);
        go.send(()).expect("a job that waits");
        waiting.await.expect("a sleeper");
        assert!(job.await.expect("a job"));
        assert_eq!(started.elapsed(), HOUR);
    });
}

/// A waker that takes its time, while the loop turns for another task's sake.
struct Slow(Waker, Waker);

impl Wake for Slow {
    fn wake(self: Arc<Self>) {
        self.1.wake_by_ref();
        let started = std::time::Instant::now();
        while started.elapsed() < Duration::from_millis(2) {
            std::thread::yield_now();
        }
        self.0.wake_by_ref();
    }
}

#[test]
fn a_job_that_is_over_holds_the_time_up_until_its_wake_has_arrived() {
    let runtime = Builder::new().start_paused(true).build().expect("a loop");
    runtime.block_on(async {
        let (send, receive) = annulus::sync::oneshot::channel();
        let mut send = Some(send);
        let bystander = annulus::spawn(poll_fn(move |cx| -> Poll<()> {
            if let Some(send) = send.take() {
                drop(send.send(cx.waker().clone()));
            }
            Poll::Pending
        }));
        let other = receive.await.expect("a waker");
        let started = Instant::now();
        for round in 0..10 {
            let mut job = spawn_blocking(move || round);
            let slowly = poll_fn(|cx| {
                let waker = Waker::from(Arc::new(Slow(cx.waker().clone(), other.clone())));
                Pin::new(&mut job).poll(&mut Context::from_waker(&waker))
            });
            let value = timeout(Duration::from_nanos(1), slowly).await.expect("in time");
            assert_eq!(value.expect("a value"), round);
        }
        assert_eq!(started.elapsed(), Duration::ZERO);
        bystander.cancel();
    });
}

#[test]
fn another_threads_wake_ends_a_standstill() {
    let runtime = Builder::new().start_paused(true).build().expect("a loop");
    let (send, receive) = annulus::sync::cross::oneshot::channel();
    let thread = std::thread::spawn(move || send.send(7).expect("a receiver"));
    let value = runtime.block_on(receive);
    thread.join().expect("a sender");
    assert_eq!(value.expect("a value"), 7);
}
