//! Futures polled by hand.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Polls once, for the task that runs.
pub(crate) async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|cx| match Pin::new(&mut *future).poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Turns the loop until `done`, which something in flight brings about.
pub(crate) async fn turn_until(mut done: impl FnMut() -> bool) {
    while !done() {
        annulus::op::nop().await.expect("a turn");
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Polls once and turns the loop until the future is woken; it has something to give then, and it
/// has not been asked for it.
pub(crate) async fn until_woken<F: Future + Unpin>(future: &mut F) {
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&woken));
    let polled = Pin::new(&mut *future).poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending(), "nothing was there to wait for");
    turn_until(|| woken.0.load(Ordering::Relaxed)).await;
}

/// When a future that is given up is dropped.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Dropped {
    /// Right after its last poll: what it waits for is in flight.
    AtOnce,
    /// When it is woken: what it waits for has come, and was not asked for.
    WhenWoken,
}

/// Polls a future `polls` times at most and drops it then; its output if it came before.
pub(crate) async fn poll_times<F: Future>(
    future: F,
    polls: usize,
    dropped: Dropped,
) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut left = polls;
    std::future::poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 && matches!(dropped, Dropped::AtOnce) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
