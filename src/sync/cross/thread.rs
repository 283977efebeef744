//! Waiting for a future on a thread that runs no loop.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Wake, Waker};

use crate::threads::AtomicBool;
use crate::threads::thread::{self, Thread};

/// Wakes a thread that is parked until its future can go on.
struct Unpark {
    thread: Thread,
    is_woken: AtomicBool,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        // An exchange as on the other side: of two exchanges, one sees the other.
        self.is_woken.swap(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// Blocks the thread until `future` is ready.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let unpark = Arc::new(Unpark { thread: thread::current(), is_woken: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&unpark));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        // Parking may return for no reason, or for one that is not ours.
        while !unpark.is_woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[test]
    fn a_future_is_polled_again_when_it_was_woken_and_not_before() {
        let woken = Arc::new(AtomicBool::new(true));
        let mut polls = 0;
        let result = block_on(poll_fn(|cx| {
            assert!(woken.swap(false, Ordering::SeqCst), "polled without a wake");
            polls += 1;
            if polls > 3 {
                return Poll::Ready(polls);
            }
            // An unparking that is not a wake.
            thread::current().unpark();
            let (woken, waker) = (Arc::clone(&woken), cx.waker().clone());
            thread::spawn(move || {
                woken.store(true, Ordering::SeqCst);
                waker.wake();
            });
            Poll::Pending
        }));
        assert_eq!(result, 4);
    }
}
