//! The models on std's threads, a few times each: Miri's scheduler is drawn by lot.

/// How often each model runs.
const ROUNDS: usize = 3;

/// Runs a model some times, in other orders each time.
pub(crate) fn check(_preemptions: Option<usize>, model: impl Fn() + Sync + Send + 'static) {
    (0..ROUNDS).for_each(|_| model());
}

/// As `std::thread`, with what the models need besides.
pub(crate) mod thread {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Wake, Waker};

    pub(crate) use std::thread::*;

    /// Blocks the thread until `future` is ready.
    pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
        struct Unpark(Thread);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(Arc::new(Unpark(current())));
        let mut future = pin!(future);
        loop {
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(output) => return output,
                Poll::Pending => park(),
            }
        }
    }
}
